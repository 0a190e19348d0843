import { printableLines } from '#shared/text/printable-text.ts';

/**
 * A line for whoever started the program, on standard error. What went wrong may quote a file or a request, and a
 * terminal may show it: nothing in it can act there.
 */
export function complain(text: string): void {
  process.stderr.write(`${printableLines(text)}\n`);
}

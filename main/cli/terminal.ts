import type { ProfilerError } from '#shared/errors.ts';
import { describeError } from '#shared/text/error-text.ts';
import { printable, printableLines } from '#shared/text/printable-text.ts';
import { type ExitCode, exitCodeOf } from './exit-codes.ts';

/** Looks of words on a terminal; without colours they are the words alone. */
export type Style = 'bold' | 'dim' | 'red' | 'yellow' | 'green';

/** SGR codes, ECMA-48. */
const SGR: Readonly<Record<Style, readonly [on: number, off: number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  yellow: [33, 39],
  green: [32, 39],
};

/** Any code of SGR; the group makes split() keep them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a code begins
const LOOKS = new RegExp(`(\\x1b\\[(?:${Object.values(SGR).flat().join('|')})m)`);

/** Width assumed when output goes to a file or pipe, characters. */
const DEFAULT_COLUMNS = 100;

/** One output stream: text, and whether it may be styled. */
export class Output {
  readonly #stream: NodeJS.WriteStream;
  #closed = false;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    stream.on('error', (cause: NodeJS.ErrnoException) => {
      // A reader that has seen enough ("| head") is no failure; anything else is.
      if (cause.code !== 'EPIPE') throw cause;
      this.#closed = true;
    });
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY;
  }

  /** Width in characters; null: not a terminal, lines may be as long as they like. */
  get columns(): number | null {
    return this.#stream.isTTY ? this.#stream.columns || DEFAULT_COLUMNS : null;
  }

  /** Text as it is, for programs and for moving the cursor: names in it must have passed printable(). */
  write(text: string): void {
    if (!this.#closed) this.#stream.write(text);
  }

  /**
   * A line for people. Whatever a terminal would act on is spelt out but for the looks of styled(), should
   * a name have come here without printable(); names need that all the same, or a line feed ends the line.
   */
  line(text = ''): void {
    const shown = text.split(LOOKS).map((part, at) => (at % 2 === 1 ? part : printableLines(part)));
    this.write(`${shown.join('')}\n`);
  }

  /** Resolves when everything written so far has been handed to the system. */
  flush(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#closed) resolve();
      else this.#stream.write('', () => resolve());
    });
  }

  /** The raw stream, for exporters that write at its pace. */
  get raw(): NodeJS.WriteStream {
    return this.#stream;
  }

  /** Styled where the reader is a terminal that wants it: NO_COLOR (no-color.org) and TERM=dumb are heeded. */
  styled(style: Style, text: string): string {
    if (!this.#stream.isTTY || isSet('NO_COLOR') || process.env['TERM'] === 'dumb') return text;
    const [on, off] = SGR[style];
    return `\x1b[${on}m${text}\x1b[${off}m`;
  }
}

const isSet = (name: string): boolean => (process.env[name] ?? '') !== '';

/** Results. */
export const out = new Output(process.stdout);
/** Progress, hints and errors. */
export const log = new Output(process.stderr);

/** Prints what happened, why and what to do next; returns the exit code. */
export function printError(error: ProfilerError): ExitCode {
  const { title, detail, nextStep } = describeError(error);
  log.line(`${log.styled('red', 'emberscope:')} ${log.styled('bold', printable(title))}`);
  // A reason may be what another program printed, several lines of it.
  for (const line of detail.split('\n')) log.line(`  ${printable(line)}`);
  log.line(`  ${printable(nextStep)}`);
  if (error.kind === 'bpf-load-failed' && error.verifierLog !== '') {
    log.line();
    log.line('The verifier says:');
    for (const line of error.verifierLog.trimEnd().split('\n')) log.line(`  ${printable(line)}`);
  }
  return exitCodeOf(error);
}

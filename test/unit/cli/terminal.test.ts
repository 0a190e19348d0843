import { afterEach, describe, expect, it, vi } from 'vitest';
import { Output } from '../../../main/cli/terminal.ts';

/** A terminal or a pipe that keeps what it is told. */
function outputTo(isTTY: boolean): { readonly output: Output; readonly written: () => string } {
  let text = '';
  const stream = { isTTY, on: () => stream, write: (chunk: string) => (text += chunk) };
  return { output: new Output(stream as unknown as NodeJS.WriteStream), written: () => text };
}

afterEach(() => vi.unstubAllEnvs());

describe('Output.line', () => {
  it.each([true, false])('spells out what a terminal would act on (a terminal: %s)', (isTTY) => {
    const { output, written } = outputTo(isTTY);
    output.line('a\x1b]0;title\x07\x1b[2J\x9b1;1H\u202eb');
    expect(written()).toBe(`${String.raw`a\x1b]0;title\x07\x1b[2J\x9b1;1H\u202eb`}\n`);
  });

  it('keeps the looks of styled()', () => {
    vi.stubEnv('NO_COLOR', '');
    vi.stubEnv('TERM', 'xterm');
    const { output, written } = outputTo(true);
    const styled = output.styled('red', 'emberscope:');
    expect(styled).toBe('\x1b[31memberscope:\x1b[39m');
    output.line(`${styled} \x1b[5mx`);
    expect(written()).toBe(`${styled} ${String.raw`\x1b[5mx`}\n`);
  });
});

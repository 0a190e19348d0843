import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { manPage } from '../../../main/cli/man-page.ts';
import { programOf } from '../../../main/cli/program.ts';

const lines = (program: Command) => manPage(program, '1.2.3', '2026-11-23').split('\n');

function small(): Command {
  const program = new Command('tool').description('Tool of tools.').addHelpText(
    'after',
    `
FILES
  *.x   a file, which
        goes on
  Plain text with a \\ and 'quotes'.

EXAMPLES
  .tool --do it
`,
  );
  program.command('do').description('Do it.').option('-f, --file <FILE>', 'which file');
  return program;
}

describe('manPage', () => {
  it('has every command of the program with its options', () => {
    const page = manPage(
      programOf(() => undefined),
      '1.2.3',
      '2026-11-23',
    );
    for (const command of programOf(() => undefined).commands) {
      expect(page).toContain(`\n.SS ${command.name().replaceAll('-', '\\-')}\n`);
      for (const { long } of command.options) expect(page).toContain(long?.replaceAll('-', '\\-'));
    }
    expect(page).toMatch(/^\.TH EMBERSCOPE 1 "2026-11-23" "emberscope 1\.2\.3"/m);
    expect(page).toContain('\n.SH "EXIT CODES"\n');
  });

  it('makes lists of terms, paragraphs of text, and leaves examples as they are', () => {
    const page = lines(small());
    const files = page.indexOf('.SH "FILES"');
    expect(page.slice(files + 1, files + 7)).toEqual([
      '.br',
      '.TP',
      '.B *.x',
      'a file, which',
      'goes on',
      '.PP',
    ]);
    expect(page).toContain('Plain text with a \\e and \\(aqquotes\\(aq.');
    const examples = page.indexOf('.SH "EXAMPLES"');
    expect(page.slice(examples + 2, examples + 5)).toEqual(['.EX', '\\&.tool \\-\\-do it', '.EE']);
  });

  it('lists a command with its options as minus signs that can be copied', () => {
    const page = lines(small());
    const at = page.indexOf('.SS do');
    expect(page.slice(at, at + 5)).toEqual([
      '.SS do',
      'Do it.',
      '.TP',
      '.B \\-f, \\-\\-file <FILE>',
      'which file',
    ]);
  });
});

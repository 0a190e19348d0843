import { describe, expect, it } from 'vitest';
import { csvLine } from '../../../main/cli/sql-text.ts';
import { textTable } from '../../../main/cli/text-table.ts';

const HEADS = [
  { heading: 'n', align: 'right' },
  { heading: 'name', align: 'left' },
] as const;

describe('textTable', () => {
  it('aligns numbers right and names left', () => {
    expect(
      textTable(
        HEADS,
        [
          ['1', 'a'],
          ['100', 'bcdef'],
        ],
        null,
      ),
    ).toEqual(['  n  name', '  1  a', '100  bcdef']);
  });

  it('shortens names so that lines fit', () => {
    const [, row = ''] = textTable(HEADS, [['1', 'x'.repeat(50)]], 20);
    expect(row).toBe(`1  ${'x'.repeat(8)}…${'x'.repeat(8)}`);
  });

  it('prints hostile cells as text', () => {
    expect(textTable(HEADS, [['1', 'a\x1b[2J\nb']], null)[1]).toBe(String.raw`1  a\x1b[2J\x0ab`);
  });

  it('prints hostile headings as text, and whole', () => {
    const heads = [{ heading: '\x1b[2J', align: 'left' }] as const;
    expect(textTable(heads, [['1']], null)[0]).toBe(String.raw`\x1b[2J`);
  });
});

describe('csvLine', () => {
  it('quotes as RFC 4180 says', () => {
    expect(csvLine(['a', 'b,c', 'd"e', 'f\ng'])).toBe('a,"b,c","d""e","f\ng"');
  });
});

import { describe, expect, it } from 'vitest';
import { textSymbols } from '../../main/helper/kernel-symbols.ts';
import { parseMaps, readStatus } from '../../main/helper/proc-files.ts';

describe('parseMaps', () => {
  it('keeps what can be executed, with paths as they are', () => {
    const text = [
      '00400000-00401000 r--p 00000000 fe:00 99                         /bin/x',
      '00401000-00402000 r-xp 00001000 fe:00 99                         /bin/with blank (deleted)',
      '7f0000000000-7f0000001000 rwxp 00000000 00:00 0 ',
      '7ffd0000-7ffd1000 r-xp 00000000 00:00 0                          [vdso]',
      '7fff0000-7fff1000 r-xs 00000000 fe:00 7                          /tmp/a\\012b',
    ].join('\n');
    const lines = parseMaps(text).map(({ start, end, fileOffset, path, inode }) =>
      [start, end, fileOffset, path, inode].join(' | '),
    );
    expect(lines).toEqual([
      '401000 | 402000 | 4096 | /bin/with blank (deleted) | fe:0:99',
      '7f0000000000 | 7f0000001000 | 0 | //anon | ',
      '7ffd0000 | 7ffd1000 | 0 | [vdso] | ',
      '7fff0000 | 7fff1000 | 0 | /tmp/a\nb | fe:0:7',
    ]);
  });
});

describe('readStatus', () => {
  it('reads our own parent and state', () => {
    expect(readStatus(process.pid)).toMatchObject({ parentPid: process.ppid });
  });

  it('is null for a process that does not exist', () => {
    expect(readStatus(4_194_304)).toBeNull();
  });
});

describe('textSymbols', () => {
  it('keeps functions only, modules too, and nothing that is hidden', () => {
    const lines = [
      'ffffffff81000000 T _text',
      'ffffffff81000010 d some_data',
      'ffffffffc0000000 t in_module\t[mod]',
      '0000000000000000 T hidden',
      'ffffffff81000020 W weak',
      '',
    ].join('\n');
    expect(textSymbols(lines)).toBe(
      'ffffffff81000000 T _text\nffffffffc0000000 t in_module\t[mod]\nffffffff81000020 W weak\n',
    );
  });
});

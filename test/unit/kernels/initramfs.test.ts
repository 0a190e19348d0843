import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { Initramfs } from '../../kernels/initramfs.ts';

describe('Initramfs', () => {
  it('writes an archive in the format of the kernel, parents before children', () => {
    const system = new Initramfs()
      .addFile('/a/b/file', 'content', 0o755)
      .addLink('/a/link', 'b/file')
      .addCharacterDevice('/dev/console', 5, 1)
      .addFolder('/a/b');
    expect(members(system.toBuffer())).toEqual([
      { name: 'a', mode: 0o040755, content: '' },
      { name: 'a/b', mode: 0o040755, content: '' },
      { name: 'a/b/file', mode: 0o100755, content: 'content' },
      { name: 'a/link', mode: 0o120777, content: 'b/file' },
      { name: 'dev', mode: 0o040755, content: '' },
      { name: 'dev/console', mode: 0o020600, content: '' },
      { name: 'TRAILER!!!', mode: 0, content: '' },
    ]);
  });

  it('brings the libraries of a program along', () => {
    const names = members(new Initramfs().copyProgram('/bin/sh').toBuffer()).map(
      ({ name }) => name,
    );
    const loader = /(\S*ld-linux\S*) \(0x/.exec(
      execFileSync('ldd', ['/bin/sh'], { encoding: 'utf8' }),
    );
    expect(names).toContain('bin/sh');
    expect(names).toContain(loader?.[1]?.slice(1));
    expect(names.some((name) => name.endsWith('/libc.so.6'))).toBe(true);
  });
});

/** Reads a newc archive back: 6 bytes of magic, 13 numbers of 8 hexadecimal digits, name, content. */
function members(archive: Buffer): { name: string; mode: number; content: string }[] {
  const found: { name: string; mode: number; content: string }[] = [];
  for (let at = 0; at < archive.length; ) {
    expect(archive.toString('latin1', at, at + 6)).toBe('070701');
    const field = (index: number): number =>
      Number.parseInt(archive.toString('latin1', at + 6 + 8 * index, at + 14 + 8 * index), 16);
    const [mode, bytes, nameBytes] = [field(1), field(6), field(11)];
    const name = archive.toString('utf8', at + 110, at + 110 + nameBytes - 1);
    const from = Math.ceil((at + 110 + nameBytes) / 4) * 4;
    const content =
      name.endsWith('.so.6') || bytes > 100 ? '' : archive.toString('utf8', from, from + bytes);
    found.push({ name, mode, content });
    at = from + Math.ceil(bytes / 4) * 4;
  }
  return found;
}

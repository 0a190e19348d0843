import { readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bufferSource } from '../../../../main/elf/byte-source.ts';
import { ElfFile } from '../../../../main/elf/elf-file.ts';
import { loadImage, vaddrOfMapping } from '../../../../main/helper/unwind/image-loader.ts';
import { type CodeMapping, readCode } from '../../../../main/helper/unwind/process-code.ts';
import { buildUnwindTable } from '../../../../main/unwind/build-table.ts';

function ownMapping(path: RegExp): CodeMapping {
  const code = readCode(process.pid);
  const found = typeof code === 'string' ? undefined : code.find((one) => path.test(one.path));
  if (found === undefined) throw new Error(`nothing mapped like ${path.source}`);
  return found;
}
const GONE = 2 ** 22 - 1;

describe('loadImage', () => {
  it('reads the table of a mapped library and where its code lies', () => {
    const mapping = ownMapping(/\/libc\.so/);
    const loaded = loadImage(process.pid, mapping, null);
    if (!loaded.ok) throw new Error(loaded.error);
    const elf = ElfFile.parse(bufferSource(readFileSync(mapping.path)));
    const expected = elf.ok ? buildUnwindTable(elf.value) : elf;
    expect(expected).toEqual({ ok: true, value: loaded.value.table });
    const vaddr = vaddrOfMapping(loaded.value.segments, mapping.fileOffset)!;
    expect(vaddr).toBeGreaterThanOrEqual(loaded.value.table.base);
    expect(vaddr).toBeLessThan(loaded.value.table.base + loaded.value.table.addresses.at(-1)!);
  });

  it('reads the vdso, which no file holds', () => {
    const loaded = loadImage(process.pid, ownMapping(/^\[vdso\]$/), null);
    expect(loaded.ok && loaded.value.table.addresses.length).toBeGreaterThan(4);
  });

  it('tells a process that is gone from a file that says nothing of unwinding', () => {
    expect(loadImage(GONE, ownMapping(/\/libc\.so/), null)).toEqual({
      ok: false,
      error: 'unreadable',
    });
    const path = '/etc/passwd';
    const text = { ...ownMapping(/\/libc\.so/), path, inode: `0:0:${statSync(path).ino}` };
    expect(loadImage(process.pid, { ...text, start: '1000', end: '2000' }, null)).toEqual({
      ok: false,
      error: 'no-table',
    });
  });

  it('does not read another file that took the path meanwhile', () => {
    const mapping = { ...ownMapping(/\/libc\.so/), inode: '0:0:1', start: '1000', end: '2000' };
    expect(loadImage(process.pid, mapping, null)).toEqual({ ok: false, error: 'unreadable' });
  });
});

describe('vaddrOfMapping', () => {
  const segments = [
    { offset: 0x1000, vaddr: 0x40_1000, bytes: 0x2345 },
    { offset: 0x4500, vaddr: 0x60_5500, bytes: 0x800 },
  ];

  it('is the address of the first byte mapped', () => {
    expect(vaddrOfMapping(segments, 0x1000)).toBe(0x40_1000);
    expect(vaddrOfMapping(segments, 0x3000)).toBe(0x40_3000);
  });

  it('counts from the page in which a segment begins', () => {
    expect(vaddrOfMapping(segments, 0x4000)).toBe(0x60_5000);
  });

  it('is null outside the code', () => {
    expect([0, 0x3345, 0x4d00, 0x10000].map((at) => vaddrOfMapping(segments, at))).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });
});

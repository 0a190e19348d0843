import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bufferSource } from '../../../main/elf/byte-source.ts';
import { ElfFile } from '../../../main/elf/elf-file.ts';
import { FunctionBounds } from '../../../main/unwind/function-bounds.ts';

/** Function ranges as readelf prints them: [start, end). */
function rangesOf(path: string): (readonly [number, number])[] {
  const text = execFileSync('readelf', ['--debug-dump=frames', '-wN', path], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return [...text.matchAll(/ FDE .*pc=([0-9a-f]+)\.\.([0-9a-f]+)/g)].map(
    ([, start, end]) => [Number.parseInt(start!, 16), Number.parseInt(end!, 16)] as const,
  );
}

describe('FunctionBounds', () => {
  it.each(['/bin/sh', '/lib64/ld-linux-x86-64.so.2'])('agrees with readelf on %s', (path) => {
    const elf = ElfFile.parse(bufferSource(readFileSync(path)));
    const bounds = elf.ok ? FunctionBounds.of(elf.value) : null;
    const ranges = rangesOf(path).filter(([start, end]) => end > start);
    expect(ranges.length).toBeGreaterThan(100);
    expect(bounds?.length).toBe(ranges.length);
    for (const [start, end] of ranges) {
      expect([bounds?.startOf(start), bounds?.startOf(end - 1)]).toEqual([start, start]);
    }
    expect(bounds?.startOf(0)).toBe(-1);
  });

  it('knows nothing of a file without unwind information', () => {
    const header = Buffer.alloc(64);
    header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    header.writeUInt16LE(3, 16);
    header.writeUInt16LE(62, 18);
    const elf = ElfFile.parse(bufferSource(header));
    expect(elf.ok && FunctionBounds.of(elf.value)).toBeNull();
  });
});

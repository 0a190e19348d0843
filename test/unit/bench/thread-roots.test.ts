import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ThreadRoots } from '../../bench/thread-roots.ts';

describe('ThreadRoots', () => {
  it("knows a program's entry point and no other place in it", () => {
    const program = '/usr/bin/true';
    const bytes = readFileSync(program);
    const entry = Number(bytes.readBigUInt64LE(24));
    // In programs of the distribution code lies in the file where it is in memory.
    const roots = new ThreadRoots();
    const at = (offset: number): boolean => roots.has({ image: program, offset, name: '' });
    expect([at(entry), at(entry + 0x20), at(entry + 0x400), at(entry - 1)]).toEqual([
      ...[true, true, false, false],
    ]);
  });

  it('knows none in a file that is not there, until it is told', () => {
    const roots = new ThreadRoots();
    const frame = { image: '/nowhere', offset: 16, name: 'runtime.goexit' };
    expect(roots.has(frame)).toBe(false);
    roots.add('/nowhere', 'runtime.goexit');
    expect(roots.has(frame)).toBe(true);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { AddressMap } from '../../../main/capture/address-map.ts';
import { AddressSpace, type Mapping } from '../../../main/capture/address-space.ts';

const mapping = (start: number, end: number, path = '/bin/a', fileOffset = 0): Mapping => ({
  start,
  end,
  fileOffset,
  fromNs: 0,
  path,
  buildId: '',
  inode: '',
});

const print = (space: AddressSpace): string[] =>
  space.mappings.map(({ start, end, path, fileOffset }) => `${start}-${end} ${path}+${fileOffset}`);

describe('AddressSpace.add', () => {
  it('keeps mappings in order of address', () => {
    const space = new AddressSpace();
    for (const start of [300, 100, 200]) space.add(mapping(start, start + 10));
    expect(space.mappings.map(({ start }) => start)).toEqual([100, 200, 300]);
  });

  it('leaves both ends of a mapping that a newer one splits, with their file offsets', () => {
    const space = new AddressSpace();
    space.add(mapping(100, 200, '/bin/a', 1000));
    space.add(mapping(140, 150, '/bin/b'));
    expect(print(space)).toEqual([
      '100-140 /bin/a+1000',
      '140-150 /bin/b+0',
      '150-200 /bin/a+1050',
    ]);
  });

  it('removes what a newer mapping covers', () => {
    const space = new AddressSpace();
    for (const start of [100, 120, 140]) space.add(mapping(start, start + 10));
    space.add(mapping(90, 145, '/bin/b'));
    expect(print(space)).toEqual(['90-145 /bin/b+0', '145-150 /bin/a+5']);
  });

  it('forgets frames only when a mapping is replaced', () => {
    const space = new AddressSpace();
    space.add(mapping(100, 200));
    space.frames.set(0, 150, 7);
    space.add(mapping(300, 400));
    expect(space.frames.get(0, 150)).toBe(7);
    space.add(mapping(100, 200, '/bin/b'));
    expect(space.frames.get(0, 150)).toBe(-1);
  });

  it('does not change the mappings of a forked child', () => {
    const parent = new AddressSpace();
    parent.add(mapping(100, 200));
    const child = parent.fork();
    parent.add(mapping(100, 200, '/bin/b'));
    expect(print(child)).toEqual(['100-200 /bin/a+0']);
  });

  it('finds for every address the newest mapping that covers it', () => {
    const ranges = fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 20 })), {
      maxLength: 25,
    });
    fc.assert(
      fc.property(ranges, (added) => {
        const space = new AddressSpace();
        const owner = new Array<string | null>(100).fill(null);
        added.forEach(([start, size], index) => {
          space.add(mapping(start, start + size, `/bin/${index}`, start));
          owner.fill(`/bin/${index}`, start, start + size);
        });
        const found = owner.map((_, address) => space.find(address));
        expect(found.map((hit) => hit?.path ?? null)).toEqual(owner);
        // Every part still maps each address to the same place of its file.
        for (const hit of found) if (hit !== null) expect(hit.fileOffset).toBe(hit.start);
      }),
    );
  });
});

describe('AddressMap', () => {
  it('tells addresses apart that share one half', () => {
    const map = new AddressMap();
    map.set(1, 2, 10);
    map.set(2, 1, 20);
    map.set(2, 2, 30);
    expect([map.get(1, 2), map.get(2, 1), map.get(2, 2), map.get(1, 1)]).toEqual([10, 20, 30, -1]);
  });

  it('holds what a Map holds, through growth and replacement', () => {
    const word = fc.nat(0xffff_ffff);
    fc.assert(
      fc.property(fc.array(fc.tuple(word, word, fc.nat(1000)), { maxLength: 500 }), (entries) => {
        const map = new AddressMap();
        const model = new Map<string, number>();
        for (const [high, low, row] of entries) {
          map.set(high, low, row);
          model.set(`${high}:${low}`, row);
        }
        expect(map.size).toBe(model.size);
        for (const [high, low] of entries)
          expect(map.get(high, low)).toBe(model.get(`${high}:${low}`));
      }),
    );
  });
});

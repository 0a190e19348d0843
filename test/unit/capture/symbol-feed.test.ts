import { describe, expect, it } from 'vitest';

import { Int32Column } from '../../../main/capture/columns.ts';
import { FrameInterner } from '../../../main/capture/frame-interner.ts';
import { EARLY_KERNEL, ImageTable, isEarlyKernel } from '../../../main/capture/image-table.ts';
import {
  type FrameSymbolizer,
  SymbolFeed,
  type SymbolFeedTables,
} from '../../../main/capture/symbol-feed.ts';

/** Functions of 0x100 bytes each, named f0, f1, …; nothing from 0x10000 on. */
class Fake implements FrameSymbolizer {
  readonly asked: string[] = [];
  hasJitNames = false;

  symbolize: FrameSymbolizer['symbolize'] = (image, offsets) => {
    this.asked.push(`${image.path}[${image.pids.join()}]:${offsets.length}`);
    return offsets.map((offset) => {
      if (offset >= 0x10000 || (image.kind === 'jit' && !this.hasJitNames)) return null;
      const start = offset - (offset % 0x100);
      return { rawName: `f${start / 0x100}`, name: `f${start / 0x100}()`, startOffset: start };
    });
  };
}

interface Tables extends SymbolFeedTables {
  readonly images: ImageTable;
  readonly frames: FrameInterner;
  readonly leafHits: Int32Column;
}

function setUp(): { tables: Tables; fake: Fake; feed: SymbolFeed } {
  const tables: Tables = {
    images: new ImageTable(),
    frames: new FrameInterner(),
    leafHits: new Int32Column(),
    livePids: () => [42],
  };
  const fake = new Fake();
  return { tables, fake, feed: new SymbolFeed(tables, fake) };
}

function addFrames(tables: Tables, path: string, offsets: readonly number[]): number {
  const kind = path === '[jit]' ? 'jit' : path === '[unknown]' ? 'unknown' : 'elf';
  const fileIdentity = kind === 'jit' ? 'pid:7' : '';
  const image = tables.images.intern({ kind, path, buildId: '', fileIdentity });
  for (const offset of offsets) tables.frames.intern(image, offset, 0);
  return image;
}

describe('SymbolFeed', () => {
  it('points frames of one function at one row', () => {
    const { tables, feed } = setUp();
    addFrames(tables, '/bin/a', [0x110, 0x120, 0x210]);
    expect(feed.work(20)).toBe(false);
    const { functions, symbols } = feed.take();
    expect(functions.map(({ name }) => name).sort()).toEqual(['f1()', 'f2()']);
    const nameOf = new Map(
      symbols.frame.map((frame, index) => [frame, functions[symbols.function[index]!]!.name]),
    );
    expect([0, 1, 2].map((frame) => nameOf.get(frame))).toEqual(['f1()', 'f1()', 'f2()']);
  });

  it('keeps equal offsets of two images apart', () => {
    const { tables, feed } = setUp();
    addFrames(tables, '/bin/a', [0x110]);
    addFrames(tables, '/bin/b', [0x110]);
    feed.work(20);
    expect(
      feed
        .take()
        .functions.map(({ image }) => image)
        .sort(),
    ).toEqual([0, 1]);
  });

  it('takes code that a runtime compiled twice for one function, and tells apart what only shares an address', () => {
    const { tables, fake, feed } = setUp();
    addFrames(tables, '[jit]', [0x110, 0x210, 0x310, 0x410]);
    const names = ['JS:*f a.js:1:1', 'JS:^f a.js:1:1', 'JS:~f a.js:1:1', 'JS:*g a.js:2:1'];
    fake.symbolize = (_, offsets) =>
      offsets.map((offset) => {
        const rawName = names[Math.floor(offset / 0x100) - 1]!;
        return { rawName, name: rawName, startOffset: 0 };
      });
    feed.work(20);
    const { functions, symbols } = feed.take();
    expect(functions.length).toBe(3);
    const rows = new Map(symbols.frame.map((frame, k) => [frame, symbols.function[k]]));
    expect(rows.get(0)).toBe(rows.get(1));
    expect(new Set([rows.get(0), rows.get(2), rows.get(3)]).size).toBe(3);
  });

  it('numbers functions on over several takes', () => {
    const { tables, feed } = setUp();
    addFrames(tables, '/bin/a', [0x110]);
    feed.work(20);
    feed.take();
    addFrames(tables, '/bin/a', [0x150, 0x310]);
    feed.work(20);
    const { functions, symbols } = feed.take();
    expect(functions.map(({ name }) => name)).toEqual(['f3()']);
    expect([...symbols.function].sort()).toEqual([0, 1]);
  });

  it('starts with the image of the hottest frame', () => {
    const { tables, fake, feed } = setUp();
    addFrames(tables, '/bin/cool', [0x110]);
    addFrames(tables, '/bin/hot', [0x110]);
    for (const hits of [1, 500]) tables.leafHits.push(hits);
    feed.work(20);
    expect(fake.asked).toEqual(['/bin/hot[42]:1', '/bin/cool[42]:1']);
  });

  it('looks at every frame once, however the images are mixed', () => {
    const { tables, fake, feed } = setUp();
    const offsets = Array.from({ length: 3000 }, (_, index) => index);
    for (const offset of offsets) addFrames(tables, `/bin/${offset % 7}`, [offset]);
    while (feed.work(0));
    expect(feed.remaining).toBe(0);
    expect(fake.asked.length).toBeLessThan(60);
    const { frame } = feed.take().symbols;
    expect([...frame].sort((a, b) => a - b)).toEqual(offsets);
  });

  it('stops when its time is over and goes on at the next call', () => {
    const { tables, feed } = setUp();
    addFrames(
      tables,
      '/bin/a',
      Array.from({ length: 2000 }, (_, index) => index),
    );
    expect(feed.work(0)).toBe(true);
    expect(feed.remaining).toBeGreaterThan(1000);
    while (feed.work(0));
    expect(feed.remaining).toBe(0);
  });

  it('asks again for generated code whose names came late, of its process', () => {
    const { tables, fake, feed } = setUp();
    addFrames(tables, '[jit]', [0x110]);
    feed.work(20);
    expect(feed.take().symbols.frame).toEqual([]);
    fake.hasJitNames = true;
    feed.retryUnnamed();
    feed.work(20);
    expect(feed.take().symbols.frame).toEqual([0]);
    expect(fake.asked).toEqual(['[jit][7]:1', '[jit][7]:1']);
  });

  it('asks again only when there is news, and no more of a process that has ended', () => {
    const { tables, fake } = setUp();
    let known = 0;
    let live: readonly number[] = [7];
    const told = Object.assign(fake, { namesKnown: () => known });
    const telling = new SymbolFeed({ ...tables, livePids: () => live }, told);
    addFrames(tables, '[jit]', [0x110, 0x10210]);
    const asks = (): number => {
      fake.asked.length = 0;
      telling.retryUnnamed();
      while (telling.work(20));
      return fake.asked.length;
    };
    telling.work(20);
    expect(asks()).toBe(0);
    // News, but not of these.
    known = 1;
    expect([asks(), asks()]).toEqual([1, 0]);
    known = 2;
    fake.hasJitNames = true;
    expect(asks()).toBe(1);
    expect(telling.take().symbols.frame).toEqual([0]);
    // What it wrote last is looked at once more.
    live = [];
    known = 3;
    expect(asks()).toBe(1);
    expect(asks()).toBe(0);
    known = 4;
    expect(asks()).toBe(0);
  });

  it('gives early kernel frames the function of the image they turn out to be in', () => {
    const { tables, fake, feed } = setUp();
    const early = tables.images.intern(EARLY_KERNEL);
    tables.frames.intern(early, 0x5110, 1);
    const module = tables.images.intern({
      kind: 'module',
      path: 'ext4',
      buildId: '',
      fileIdentity: '',
    });
    tables.frames.intern(module, 0x120, 1);
    const place = { kind: 'module', path: 'ext4' } as const;
    fake.symbolize = (image) => [
      {
        rawName: 'f',
        name: 'f',
        startOffset: 0x100,
        ...(isEarlyKernel(image) && { image: place }),
      },
    ];
    feed.work(20);
    const { functions, symbols } = feed.take();
    expect(functions).toMatchObject([{ image: module, name: 'f' }]);
    expect(symbols.function).toEqual([0, 0]);
  });

  it('stores inlined calls behind the function that owns the code, with files and lines', () => {
    const { tables, fake, feed } = setUp();
    addFrames(tables, '/bin/a', [0x110, 0x210]);
    const call = { rawName: 'f2', name: 'f2()', source: { file: 'b.c', line: 9 } };
    const own = fake.symbolize;
    fake.symbolize = (image, offsets) =>
      own(image, offsets).map((found) =>
        found?.rawName === 'f1'
          ? {
              ...found,
              source: { file: 'a.c', line: 3 },
              inlined: [call, { ...call, source: null }],
            }
          : found,
      );
    feed.work(20);
    const { functions, sourceFiles, symbols } = feed.take();
    const rows = symbols.frame.map((frame, row) => [
      ...[frame, symbols.depth[row], functions[symbols.function[row]!]?.name],
      ...[sourceFiles[symbols.file[row]!] ?? null, symbols.line[row]],
    ]);
    expect(rows.toSorted((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
      [0, 0, 'f1()', 'a.c', 3],
      [0, 1, 'f2()', 'b.c', 9],
      [0, 2, 'f2()', null, 0],
      [1, 0, 'f2()', null, 0],
    ]);
    // The function of that name that has code of its own is the one that was inlined.
    expect(functions.length).toBe(2);
  });

  it('tells what keeps an image from having names, once, and when that is over', () => {
    const { tables, fake, feed } = setUp();
    const problem = { kind: 'no-symbols', path: '/bin/a' } as const;
    const asking: FrameSymbolizer = fake;
    asking.problemOf = () => problem;
    const problems: [number, string][] = [];
    for (const offset of [0x110, 0x210, 0x310]) {
      addFrames(tables, '/bin/a', [offset]);
      if (offset === 0x310) asking.problemOf = () => null;
      feed.work(20);
      problems.push(...feed.take().imageProblems);
    }
    expect(problems).toEqual([
      [0, JSON.stringify(problem)],
      [0, ''],
    ]);
  });

  it('asks nobody about addresses without an image', () => {
    const { tables, fake, feed } = setUp();
    addFrames(tables, '[unknown]', [1, 2]);
    expect(feed.work(20)).toBe(false);
    expect(fake.asked).toEqual([]);
  });
});

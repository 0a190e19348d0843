import { describe, expect, it } from 'vitest';
import type { SymbolTable } from '#shared/model/session-tables.ts';
import { applySymbols, inlineDepths, sourceText } from '#shared/model/symbols.ts';
import { tablesOf } from '../../support/tables-of.ts';

/** Symbol rows as [frame, depth, function]. */
const symbolsOf = (rows: readonly (readonly [number, number, number])[]): SymbolTable => ({
  length: rows.length,
  frame: Int32Array.from(rows, ([frame]) => frame),
  depth: Uint8Array.from(rows, ([, depth]) => depth),
  func: Int32Array.from(rows, ([, , func]) => func),
  file: new Int32Array(rows.length).fill(-1),
  line: new Int32Array(rows.length),
});
const noFrames = (length: number) => ({
  func: new Int32Array(length).fill(-1),
  symbol: new Int32Array(length).fill(-1),
});

describe('applySymbols', () => {
  it('points frames at their last owning function', () => {
    const frames = noFrames(3);
    const symbols = symbolsOf([
      [0, 0, 5],
      [0, 1, 6],
      [2, 0, 7],
      [0, 0, 8],
    ]);
    applySymbols(frames, symbols, { firstRow: 100, firstFrame: 0 });
    expect([[...frames.func], [...frames.symbol]]).toEqual([
      [8, -1, 7],
      [103, -1, 102],
    ]);
  });

  it('passes over frames that are not among those given', () => {
    const frames = noFrames(1);
    applySymbols(
      frames,
      symbolsOf([
        [3, 0, 1],
        [4, 0, 2],
      ]),
      { firstRow: 0, firstFrame: 4 },
    );
    expect([...frames.func]).toEqual([2]);
  });
});

describe('inlineDepths', () => {
  const depthsOf = (rows: readonly (readonly [number, number, number])[]): number[] | null => {
    const tables = tablesOf('a;b 1');
    const symbols = symbolsOf(rows);
    const frames = { ...tables.frames, ...noFrames(2) };
    applySymbols(frames, symbols, { firstRow: 0, firstFrame: 0 });
    const depths = inlineDepths({ ...tables, frames, symbols });
    return depths === null ? null : [...depths];
  };

  it('counts the calls behind the function that holds', () => {
    const first = [
      [0, 0, 1],
      [0, 1, 2],
      [0, 2, 3],
      [1, 0, 4],
    ] as const;
    expect(depthsOf(first)).toEqual([2, 0]);
    expect(depthsOf([...first, [0, 0, 1], [0, 1, 9]])).toEqual([1, 0]);
    expect(depthsOf([...first, [0, 0, 1]])).toEqual(null);
  });

  it('is null when nothing is inlined', () => {
    expect(depthsOf([[0, 0, 1]])).toBeNull();
  });

  it('passes over rows that do not follow their caller', () => {
    expect(
      depthsOf([
        [0, 1, 2],
        [0, 0, 1],
        [1, 1, 2],
        [0, 1, 2],
        [0, 2, 2],
      ]),
    ).toBeNull();
  });
});

describe('sourceText', () => {
  it('names file and line, the file alone, or nothing', () => {
    const tables = tablesOf('a{x.c:7};b{y.c};c;l+0x1 1');
    const texts = Array.from(tables.frames.symbol, (symbol) => sourceText(tables, symbol));
    expect(texts).toEqual(['x.c:7', 'y.c', null, null]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf, LATENCY_BUCKETS } from '#shared/model/latency-buckets.ts';
import {
  ALL_LATENCIES,
  countsByKey,
  countsOf,
  type LatencyColumns,
  latenciesOfEvents,
  mergeLatencies,
} from '#shared/model/latency-histogram.ts';
import { countTotal } from '#shared/model/latency-stats.ts';

type Row = readonly [key: number, slice: number, bucket: number, count: number];

const columnsOfRows = (rows: readonly Row[]): LatencyColumns => ({
  length: rows.length,
  key: Uint32Array.from(rows, ([key]) => key),
  slice: Uint32Array.from(rows, ([, slice]) => slice),
  bucket: Uint16Array.from(rows, ([, , bucket]) => bucket),
  count: Float64Array.from(rows, ([, , , count]) => count),
});

const rowsOf = (columns: LatencyColumns): Row[] =>
  Array.from({ length: columns.length }, (_, row) => [
    columns.key[row]!,
    columns.slice[row]!,
    columns.bucket[row]!,
    columns.count[row]!,
  ]);

const cells = fc
  .array(
    fc.tuple(
      // The largest keys and slices as well: they are added up in another way.
      fc.oneof(fc.nat(3), fc.nat(3), fc.constant(0xffff_ffff)),
      fc.oneof(fc.nat(4), fc.nat(4), fc.constant(0xffff_ffff)),
      fc.integer({ min: 0, max: LATENCY_BUCKETS - 1 }),
      fc.integer({ min: 1, max: 1e9 }),
    ),
    { maxLength: 40 },
  )
  .map(columnsOfRows);

describe('mergeLatencies', () => {
  it('loses nothing and does not depend on order or grouping', () => {
    fc.assert(
      fc.property(cells, cells, cells, (a, b, c) => {
        const all = mergeLatencies([a, b, c]);
        expect(rowsOf(mergeLatencies([c, mergeLatencies([b, a])]))).toEqual(rowsOf(all));
        const sum = [a, b, c].reduce((total, part) => total + countTotal(part.count), 0);
        expect(countTotal(all.count)).toBe(sum);
      }),
    );
  });

  it('adds up equal cells and sorts by key, slice and bucket', () => {
    const merged = mergeLatencies([
      columnsOfRows([
        [1, 0, 5, 2],
        [0, 1, 9, 1],
      ]),
      columnsOfRows([
        [1, 0, 5, 3],
        [0, 1, 8, 1],
        [0, 0, 9, 7],
      ]),
    ]);
    expect(rowsOf(merged)).toEqual([
      [0, 0, 9, 7],
      [0, 1, 8, 1],
      [0, 1, 9, 1],
      [1, 0, 5, 5],
    ]);
  });

  it('keeps counts exact beyond 32 bits, and a bucket out of range as the last', () => {
    const big = columnsOfRows([[0, 0, 65_535, 2 ** 52]]);
    expect(rowsOf(mergeLatencies([big, big]))).toEqual([[0, 0, LATENCY_BUCKETS - 1, 2 ** 53]]);
  });

  it('adds up alike whether or not key and slice fit into one number', () => {
    fc.assert(
      fc.property(cells, (any) => {
        const huge = columnsOfRows([[0xffff_ffff, 0xffff_ffff, 0, 1]]);
        const few = rowsOf(mergeLatencies([any])).filter(([key]) => key < 10);
        expect(rowsOf(mergeLatencies([any, huge])).filter(([key]) => key < 10)).toEqual(few);
      }),
    );
  });

  it('gives no rows for no parts', () => {
    expect(mergeLatencies([]).length).toBe(0);
  });
});

describe('latenciesOfEvents', () => {
  it('counts by key, slice and bucket', () => {
    const { columns, invalid } = latenciesOfEvents(
      {
        length: 5,
        time: Float64Array.of(0, 999, 1000, 2500, 0),
        key: Uint32Array.of(7, 7, 7, 8, 7),
        durationNs: Float64Array.of(10, 100, 10, 0, 10),
      },
      1000,
    );
    expect(invalid).toBe(0);
    expect(rowsOf(columns)).toEqual([
      [7, 0, 10, 2],
      [7, 0, bucketOf(100), 1],
      [7, 1, 10, 1],
      [8, 2, 0, 1],
    ]);
  });

  it('tells events without a sound time or duration instead of counting them', () => {
    const { columns, invalid } = latenciesOfEvents(
      {
        length: 5,
        time: Float64Array.of(-1, Number.NaN, 1e300, 0, 0),
        key: new Uint32Array(5),
        durationNs: Float64Array.of(1, 1, 1, -1, Number.NaN),
      },
      1000,
    );
    expect({ cells: columns.length, invalid }).toEqual({ cells: 0, invalid: 5 });
  });
});

describe('countsOf', () => {
  const columns = columnsOfRows([
    [0, 0, 10, 1],
    [0, 1, 10, 2],
    [1, 1, 10, 4],
    [1, 2, 20, 8],
  ]);

  it('sums what passes the filter', () => {
    const total = (filter: object): number =>
      countTotal(countsOf(columns, { ...ALL_LATENCIES, ...filter }));
    expect(total({})).toBe(15);
    expect(total({ keys: new Set([1]) })).toBe(12);
    expect(total({ slices: { from: 1, to: 2 } })).toBe(6);
    expect(total({ buckets: { first: 11, end: 21 } })).toBe(8);
    expect(countsOf(columns, ALL_LATENCIES)[10]).toBe(7);
  });

  it('is the sum over the keys', () => {
    fc.assert(
      fc.property(cells, (any) => {
        const whole = countsOf(any, ALL_LATENCIES);
        const sum = new Float64Array(LATENCY_BUCKETS);
        for (const counts of countsByKey(any, ALL_LATENCIES).values()) {
          counts.forEach((count, bucket) => (sum[bucket]! += count));
        }
        expect(Array.from(sum)).toEqual(Array.from(whole));
      }),
    );
  });
});

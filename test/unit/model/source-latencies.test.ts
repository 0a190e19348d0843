import { describe, expect, it } from 'vitest';
import { bucketOf } from '../../../main/shared/model/latency-buckets.ts';
import type { SessionTables } from '../../../main/shared/model/session-tables.ts';
import {
  noSeries,
  seriesLatencies,
  sourceLatencies,
} from '../../../main/shared/model/source-latencies.ts';
import { tablesOf } from '../../support/tables-of.ts';

/** Two sources: 0 keeps calls but for 99 short ones, 1 counted them in the kernel. */
function tables(): SessionTables {
  const base = tablesOf('main;read 1\nmain;write 1\nmain;read 1\nmain;read 1');
  return {
    ...base,
    sources: {
      length: 2,
      ...{ kind: ['off-cpu', 'syscalls'], title: ['a', 'b'], unit: ['nanoseconds', 'nanoseconds'] },
      ...{ mechanism: ['', ''], note: ['', ''], detail: ['events', 'histogram'], fields: ['', ''] },
    },
    series: {
      length: 2,
      source: Uint8Array.of(0, 1),
      process: Int32Array.of(-1, -1),
      ...{ name: ['sleep', 'read'], variant: ['', ''] },
    },
    samples: {
      ...base.samples,
      time: Float64Array.of(1e8, 2e8, 15e8, 16e8),
      source: Uint8Array.of(0, 0, 0, 1),
      series: Int32Array.of(0, -1, 0, 1),
      value: Float64Array.of(100, 1000, 100, 70),
      weight: Float64Array.of(100, 1000, 300, 7000),
    },
    latencies: {
      length: 3,
      series: Int32Array.of(1, 1, 0),
      slice: Int32Array.of(0, 0, 0),
      bucket: Uint16Array.of(64, 64, 64),
      count: Float64Array.of(5, 7, 99),
      total: Float64Array.of(320, 448, 99),
      max: Float64Array.of(64, 65, 99),
    },
  };
}

describe('sourceLatencies', () => {
  it('counts recorded calls by the calls they stand for, and those too short to be recorded', () => {
    const { length, key, slice, bucket, count } = sourceLatencies(tables(), 0);
    const rows = Array.from({ length }, (_, row) => [
      key[row],
      slice[row],
      bucket[row],
      count[row],
    ]);
    expect(rows).toEqual([
      [0, 0, 64, 99],
      [0, 0, bucketOf(100), 1],
      [0, 1, bucketOf(100), 3],
      [noSeries(tables()), 0, bucketOf(1000), 1],
    ]);
  });

  it('adds up what the kernel counted of this source alone', () => {
    const { length, key, count } = sourceLatencies(tables(), 1);
    expect([length, key[0], count[0]]).toEqual([1, 1, 12]);
  });
});

describe('seriesLatencies', () => {
  it('has exact sums, the largest first', () => {
    const rows = seriesLatencies(tables(), 0).map(({ series, count, total, max }) => [
      series,
      count,
      total,
      max,
    ]);
    expect(rows).toEqual([
      [noSeries(tables()), 1, 1000, 1000],
      [0, 103, 499, 100],
    ]);
    const [counted] = seriesLatencies(tables(), 1);
    expect(counted).toMatchObject({ series: 1, count: 12, total: 768, max: 65 });
  });
});

import { describe, expect, it } from 'vitest';
import { type Selection, WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import { bucketOf } from '#shared/model/latency-buckets.ts';
import { selectedLatencies } from '#shared/model/selected-latencies.ts';
import { countedHistogram } from '#shared/model/time-histogram.ts';
import { tablesOf } from '../../support/tables-of.ts';
import { CALLS, COUNTED_CALLS, withSources } from '../../support/with-sources.ts';

const SERIES = [
  { source: 0, process: -1, name: 'read', variant: '' },
  { source: 0, process: 0, name: 'write', variant: 'EIO' },
];
const sum = (values: Float64Array): number => values.reduce((all, one) => all + one, 0);

describe('selectedLatencies of single calls', () => {
  const tables = withSources(
    tablesOf(`
      app:1/1| main;read 100 @0
      app:1/1| main;read 300 @100
      app:1/2| main;write 5000 @1500
      web:9/9| main;write 7000 @1900
    `),
    {
      sources: [CALLS],
      series: SERIES,
      samples: [
        { source: 0, series: 0, value: 100 },
        { source: 0, series: 0, value: 300 },
        { source: 0, series: 1, value: 5000 },
        { source: 0, series: 1, value: 7000 },
      ],
    },
  );
  const of = (change: Partial<Selection> = {}) =>
    selectedLatencies(tables, { ...WHOLE_SESSION, ...change }, 2e9);

  it('counts calls by bucket, and by series with sums, the largest first', () => {
    const found = of();
    expect([sum(found.counts), found.calls, found.stacks, found.isCounted]).toEqual([
      4,
      4,
      4,
      false,
    ]);
    expect(found.counts[bucketOf(300)]).toBe(1);
    expect(found.series.map(({ row, count, total, max }) => [row, count, total, max])).toEqual([
      [1, 2, 12_000, 7000],
      [0, 2, 400, 300],
    ]);
    expect(sum(found.heat.count)).toBe(4);
  });

  it('shows all latencies in the histogram, whatever is selected there', () => {
    const found = of({ values: { from: 4000, to: 6000 } });
    expect([sum(found.counts), sum(found.heat.count)]).toEqual([4, 4]);
    expect([found.calls, found.stacks]).toEqual([1, 1]);
    expect(found.series.map(({ row, count }) => [row, count])).toEqual([[1, 1]]);
  });

  it('shows all kinds in the table, whichever is selected there', () => {
    const found = of({ series: [0] });
    expect([sum(found.counts), sum(found.heat.count), found.calls]).toEqual([2, 2, 2]);
    expect(found.series).toHaveLength(2);
  });

  it('shows all time in the heatmap, whatever is selected there', () => {
    const found = of({ timeRange: { from: 1e9, to: 2e9 } });
    expect([sum(found.counts), sum(found.heat.count), found.calls]).toEqual([2, 4, 2]);
    expect(found.series.map(({ row }) => row)).toEqual([1]);
  });

  it('counts the selected processes and threads alone everywhere', () => {
    const found = of({ processes: [0] });
    expect([sum(found.counts), sum(found.heat.count), found.series[0]?.count]).toEqual([3, 3, 1]);
  });

  it('counts an example for the calls that it stands for, and calls without a series', () => {
    const one = withSources(tablesOf('main 1000'), {
      sources: [CALLS],
      samples: [{ source: 0, value: 250 }],
    });
    const found = selectedLatencies(one, WHOLE_SESSION, 1e9);
    expect(found.counts[bucketOf(250)]).toBe(4);
    expect(found.series.map(({ row, count, total }) => [row, count, total])).toEqual([
      [-1, 4, 1000],
    ]);
  });

  it('adds what the kernel counted of calls too short to be recorded', () => {
    const cell = { series: 0, slice: 0, bucket: bucketOf(50), count: 9, total: 450, max: 55 };
    const both = withSources(tablesOf('main 300'), {
      sources: [CALLS],
      ...{ series: SERIES, latencies: [cell] },
      samples: [{ source: 0, series: 0, value: 300 }],
    });
    const found = selectedLatencies(both, WHOLE_SESSION, 1e9);
    expect([sum(found.counts), found.calls, found.stacks]).toEqual([10, 10, 1]);
    expect(found.series.map(({ count, total, max }) => [count, total, max])).toEqual([
      [10, 750, 300],
    ]);
  });
});

describe('selectedLatencies of histograms counted in the kernel', () => {
  const cell = (series: number, slice: number, ns: number, count: number) => ({
    ...{ series, slice, count, bucket: bucketOf(ns) },
    ...{ total: ns * count, max: ns },
  });
  const tables = withSources(tablesOf('main;read 5000 @500\nmain;read 9000 @600'), {
    sources: [COUNTED_CALLS],
    series: SERIES,
    latencies: [cell(0, 0, 1000, 50), cell(0, 3, 1000, 7), cell(0, 3, 9000, 2), cell(1, 1, 40, 3)],
    samples: [
      { source: 0, series: 0, value: 1000 },
      { source: 0, series: 0, value: 9000 },
    ],
  });
  const of = (change: Partial<Selection> = {}) =>
    selectedLatencies(tables, { ...WHOLE_SESSION, ...change }, 4e9);

  it('is exact by the cells; samples are examples that are not counted again', () => {
    const found = of();
    expect([sum(found.counts), found.calls, found.stacks, found.isCounted]).toEqual([
      62,
      62,
      2,
      true,
    ]);
    expect(found.sliceNs).toBe(1e9);
    expect([...new Set(found.heat.slice)]).toEqual([0, 1, 3]);
  });

  it('selects whole seconds and whole buckets', () => {
    expect(of({ timeRange: { from: 3.5e9, to: 3.6e9 } }).calls).toBe(9);
    expect(of({ values: { from: 8000, to: 10_000 } }).calls).toBe(2);
  });

  it('tells processes apart where the series does', () => {
    expect(of({ processes: [1] }).calls).toBe(59);
  });

  it('adds up processes, or tells them apart', () => {
    const apart = [
      { source: 0, process: 0, name: 'read', variant: '' },
      { source: 0, process: 1, name: 'read', variant: '' },
      { source: 0, process: 1, name: 'read', variant: 'EIO' },
    ];
    const many = withSources(tablesOf('main 1'), {
      ...{ sources: [COUNTED_CALLS], series: apart },
      latencies: [cell(0, 0, 1000, 5), cell(1, 0, 2000, 4), cell(2, 0, 10, 1)],
      samples: [{ source: 0, series: 1, value: 2000 }],
    });
    const rowsOf = (byProcess: boolean) =>
      selectedLatencies(many, WHOLE_SESSION, 1e9, byProcess).series.map((one) => [
        ...[one.rows, one.count, one.total, one.max, sum(one.counts)],
      ]);
    expect(rowsOf(true)).toEqual([
      [[1], 4, 8000, 2000, 4],
      [[0], 5, 5000, 1000, 5],
      [[2], 1, 10, 10, 1],
    ]);
    expect(rowsOf(false)).toEqual([
      [[0, 1], 9, 13_000, 2000, 9],
      [[2], 1, 10, 10, 1],
    ]);
  });

  it('is the timeline too', () => {
    const { weight, binWidth } = countedHistogram(tables, WHOLE_SESSION, 4e9, 400);
    expect(binWidth).toBe(1e9);
    expect([...weight]).toEqual([50_000, 120, 0, 25_000]);
  });

  it('does not stumble over cells that only a damaged file has', () => {
    const broken = withSources(tablesOf('main 1'), {
      sources: [COUNTED_CALLS],
      ...{
        series: SERIES,
        latencies: [{ ...cell(0, 99_999, 10, 1), bucket: 60_000 }, cell(77, 0, 1, 1)],
      },
      samples: [{ source: 0, series: 55, value: -1 }],
    });
    expect(selectedLatencies(broken, WHOLE_SESSION, 1e9).calls).toBe(1);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AxisKind, axisFor } from '#shared/model/latency-bins.ts';
import { bucketOf } from '#shared/model/latency-buckets.ts';
import { latencyHeatmap, subSecondHeatmap } from '#shared/model/latency-heatmap.ts';
import { ALL_LATENCIES, latenciesOfEvents } from '#shared/model/latency-histogram.ts';
import { columnsOf, eventsOf } from '../../support/latencies.ts';

const durations = fc.array(fc.integer({ min: 0, max: 2 ** 41 }), { minLength: 1, maxLength: 200 });

describe('latencyHeatmap', () => {
  it('conserves counts for any part of time and latency', () => {
    const axisKind = fc.constantFrom<AxisKind>('linear', 'log');
    const range = fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 200 }));
    fc.assert(
      fc.property(durations, axisKind, range, fc.nat(30), (values, kind, [from, long], columns) => {
        const grid = latencyHeatmap(columnsOf(values, 1e9), ALL_LATENCIES, 1e9, {
          time: { from: from * 1e9, to: (from + long) * 1e9 },
          latency: axisFor(kind, { first: 100, end: 900 }),
          columns,
          pixels: 300,
          leastRow: 4,
        });
        expect(grid.inside + grid.outside).toBe(values.length);
        expect(grid.columnEdges.length - 1).toBeLessThanOrEqual(Math.max(1, columns));
        expect(grid.sums.length).toBe((grid.columnEdges.length - 1) * (grid.rowEdges.length - 1));
      }),
    );
  });

  it('puts a call into the cell of its second and its bucket', () => {
    const columns = columnsOf([100, 200, 200], 1e9);
    const grid = latencyHeatmap(columns, ALL_LATENCIES, 1e9, {
      time: { from: 0, to: 3e9 },
      latency: axisFor('log', { first: bucketOf(100), end: bucketOf(200) + 1 }),
      columns: 100,
      pixels: 1e6,
      leastRow: 1,
    });
    const rows = grid.rowEdges.length - 1;
    const row = (ns: number) => grid.rowEdges.indexOf(bucketOf(ns));
    expect(Array.from(grid.columnEdges)).toEqual([0, 1e9, 2e9, 3e9]);
    expect(grid.sums[row(100)]).toBe(1);
    expect(grid.sums[rows + row(200)]).toBe(1);
    expect(grid.sums[2 * rows + row(200)]).toBe(1);
    expect({ most: grid.largest, least: grid.smallest }).toEqual({ most: 1, least: 1 });
  });

  it('does not allocate by what a damaged file says', () => {
    const { columns } = latenciesOfEvents(eventsOf([5]), 1);
    const grid = latencyHeatmap(columns, ALL_LATENCIES, 1, {
      time: { from: 0, to: 1e18 },
      latency: axisFor('log', { first: 0, end: 10 }),
      columns: 1e12,
      pixels: 100,
      leastRow: 4,
    });
    expect(grid.columnEdges.length).toBeLessThanOrEqual(8193);
    expect(grid.inside).toBe(1);
  });
});

describe('subSecondHeatmap', () => {
  it('conserves weight', () => {
    const samples = fc.array(fc.tuple(fc.nat(20_000), fc.integer({ min: 1, max: 9 })));
    fc.assert(
      fc.property(samples, fc.nat(20), fc.integer({ min: 1, max: 64 }), (list, from, rows) => {
        const grid = subSecondHeatmap(
          {
            length: list.length,
            time: Float64Array.from(list, ([ms]) => ms * 1e6),
            weight: Uint32Array.from(list, ([, weight]) => weight),
          },
          { from: from * 1e9, to: (from + 7) * 1e9, columnNs: 1e9, rows },
        );
        const total = list.reduce((sum, [, weight]) => sum + weight, 0);
        expect(grid.inside + grid.outside).toBe(total);
      }),
    );
  });

  it('has seconds across and their parts down', () => {
    const grid = subSecondHeatmap(
      {
        length: 4,
        time: Float64Array.of(0, 0.99e9, 1.5e9, 9e9),
        weight: Float64Array.of(1, 2, 4, Number.NaN),
      },
      { from: 0, to: 2e9, columnNs: 1e9, rows: 4 },
    );
    expect(Array.from(grid.sums)).toEqual([1, 0, 0, 2, 0, 0, 4, 0]);
    expect(Array.from(grid.rowEdges)).toEqual([0, 0.25e9, 0.5e9, 0.75e9, 1e9]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AxisKind,
  axisFor,
  axisPosition,
  axisValue,
  latencyBins,
} from '#shared/model/latency-bins.ts';
import { bucketLow, LATENCY_BUCKETS } from '#shared/model/latency-buckets.ts';
import { countExtent, countTotal } from '#shared/model/latency-stats.ts';

const kind = fc.constantFrom<AxisKind>('linear', 'log');
const counts = fc
  .array(fc.tuple(fc.nat(LATENCY_BUCKETS - 1), fc.integer({ min: 1, max: 1e6 })), {
    minLength: 1,
    maxLength: 60,
  })
  .map((cells) => {
    const all = new Float64Array(LATENCY_BUCKETS);
    for (const [bucket, count] of cells) all[bucket]! += count;
    return all;
  });

describe('latencyBins', () => {
  it('keeps every count on the axis made for it, whatever the pixels', () => {
    fc.assert(
      fc.property(counts, kind, fc.integer({ min: 1, max: 4000 }), (of, as, pixels) => {
        const axis = axisFor(as, countExtent(of)!);
        const bins = latencyBins(of, axis, pixels, 3);
        expect({ below: bins.below, above: bins.above }).toEqual({ below: 0, above: 0 });
        expect(countTotal(bins.counts)).toBe(countTotal(of));
      }),
    );
  });

  it('tells what lies outside of a part of the axis', () => {
    fc.assert(
      fc.property(counts, kind, fc.nat(1100), fc.integer({ min: 1, max: 50 }), (of, as, a, n) => {
        const axis = { kind: as, from: Math.max(1, bucketLow(a)), to: bucketLow(a + n) + 1 };
        const bins = latencyBins(of, axis, 800, 3);
        expect(bins.below + countTotal(bins.counts) + bins.above).toBe(countTotal(of));
        for (let bin = 0; bin < bins.counts.length; bin++) {
          expect(bins.edges[bin + 1]!).toBeGreaterThan(bins.edges[bin]!);
        }
      }),
    );
  });

  it('makes bars at least as wide as asked for, but for the last', () => {
    const of = new Float64Array(LATENCY_BUCKETS);
    of[200] = 1;
    of[700] = 1;
    for (const as of ['linear', 'log'] as const) {
      const axis = axisFor(as, { first: 200, end: 701 });
      const { edges } = latencyBins(of, axis, 1200, 3);
      for (let bin = 0; bin + 2 < edges.length; bin++) {
        const left = Math.max(0, axisPosition(axis, bucketLow(edges[bin]!)));
        const right = axisPosition(axis, bucketLow(edges[bin + 1]!));
        expect((right - left) * 1200).toBeGreaterThanOrEqual(3 - 1e-9);
      }
    }
  });

  it('draws single buckets where they are wide enough', () => {
    const of = new Float64Array(LATENCY_BUCKETS);
    of[500] = 5;
    const bins = latencyBins(of, axisFor('log', { first: 495, end: 505 }), 1000, 3);
    expect(Array.from(bins.edges)).toEqual([495, 496, 497, 498, 499, 500, 501, 502, 503, 504, 505]);
    expect(bins.counts[5]).toBe(5);
  });
});

describe('axisFor', () => {
  it('has room for 0 ns, for one bucket and for the overflow bucket', () => {
    expect(axisFor('log', { first: 0, end: 1 })).toEqual({ kind: 'log', from: 0.5, to: 1 });
    expect(axisFor('linear', { first: 0, end: 1 })).toEqual({ kind: 'linear', from: 0, to: 1 });
    const overflow = axisFor('log', { first: 1152, end: 1153 });
    expect(overflow.from).toBe(2 ** 40);
    expect(overflow.to).toBeGreaterThan(overflow.from);
  });
});

describe('axisPosition', () => {
  it('is undone by axisValue', () => {
    fc.assert(
      fc.property(kind, fc.double({ min: 0, max: 1, noNaN: true }), (as, position) => {
        const axis = { kind: as, from: 100, to: 1e9 };
        expect(axisPosition(axis, axisValue(axis, position))).toBeCloseTo(position, 9);
      }),
    );
  });
});

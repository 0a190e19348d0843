import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LATENCY_BUCKETS,
  LATENCY_OVERFLOW_BUCKET,
  LATENCY_RELATIVE_ERROR,
} from '#shared/model/latency-buckets.ts';
import { ALL_LATENCIES, countsOf } from '#shared/model/latency-histogram.ts';
import {
  countWithin,
  cumulativeCounts,
  latencyStats,
  nearestRank,
  percentileOf,
} from '#shared/model/latency-stats.ts';
import { columnsOf } from '../../support/latencies.ts';

const durations = fc.array(fc.integer({ min: 0, max: 2 ** 39 }), { minLength: 1, maxLength: 300 });
const countsOfDurations = (of: readonly number[]) => countsOf(columnsOf(of), ALL_LATENCIES);

describe('latencyStats', () => {
  it('bounds every percentile, the extremes and the mean of the durations themselves', () => {
    fc.assert(
      fc.property(durations, (values) => {
        const stats = latencyStats(countsOfDurations(values));
        const sorted = values.toSorted((a, b) => a - b);
        for (const { share, low, high, value } of stats.percentiles) {
          const true_ = sorted[nearestRank(share, sorted.length) - 1]!;
          expect(low).toBeLessThanOrEqual(true_);
          expect(high).toBeGreaterThan(true_);
          expect(Math.abs(value - true_)).toBeLessThanOrEqual(true_ * LATENCY_RELATIVE_ERROR);
        }
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        expect(stats.mean!.low).toBeLessThanOrEqual(mean * (1 + 1e-9));
        expect(stats.mean!.high).toBeGreaterThanOrEqual(mean * (1 - 1e-9));
        expect(stats.least!.low).toBeLessThanOrEqual(sorted[0]!);
        expect(stats.count).toBe(values.length);
      }),
    );
  });

  it('takes nearest ranks', () => {
    const counts = countsOfDurations(Array.from({ length: 50 }, (_, ns) => ns + 1));
    const { percentiles } = latencyStats(counts);
    expect(percentiles.map(({ value }) => value)).toEqual([25, 45, 50, 50, 50]);
  });

  it('says nothing of no durations', () => {
    const stats = latencyStats(new Float64Array(LATENCY_BUCKETS));
    expect(stats).toEqual({ count: 0, percentiles: [], least: null, mean: null, extent: null });
    expect(percentileOf(new Float64Array(LATENCY_BUCKETS), 0.5)).toBe(null);
  });

  it('lies not above the longest duration where that is known, and within its bucket', () => {
    fc.assert(
      fc.property(durations, (values) => {
        const longest = Math.max(...values);
        const found = percentileOf(countsOfDurations(values), 0.99, longest)!;
        expect(found.value).toBeLessThanOrEqual(longest);
        expect(found.value).toBeGreaterThanOrEqual(found.low);
      }),
    );
    expect(percentileOf(countsOfDurations([74_300_000]), 0.99, 74_300_000)?.value).toBeLessThan(
      74_300_001,
    );
  });

  it('gives the overflow bucket as a lower bound', () => {
    const counts = new Float64Array(LATENCY_BUCKETS);
    counts[LATENCY_OVERFLOW_BUCKET] = 3;
    const stats = latencyStats(counts);
    expect(stats.percentiles[0]).toMatchObject({ low: 2 ** 40, high: Infinity, value: 2 ** 40 });
    expect(stats.mean).toEqual({ low: 2 ** 40, high: Infinity });
  });
});

describe('nearestRank', () => {
  it('does not go up by a rank for the rounding of decimal shares', () => {
    expect([nearestRank(0.999, 1000), nearestRank(0.99, 100), nearestRank(0.9, 10)]).toEqual([
      999, 99, 9,
    ]);
    expect([nearestRank(0, 5), nearestRank(0.5, 5), nearestRank(1, 5)]).toEqual([1, 3, 5]);
  });
});

describe('cumulativeCounts', () => {
  it('ends with the total and gives any range by subtraction', () => {
    fc.assert(
      fc.property(durations, fc.nat(1152), fc.nat(1152), (values, a, b) => {
        const counts = countsOfDurations(values);
        const sums = cumulativeCounts(counts);
        expect(sums.at(-1)).toBe(values.length);
        const [first, end] = [Math.min(a, b), Math.max(a, b)];
        const below = (bucket: number) => (bucket === 0 ? 0 : sums[bucket - 1]!);
        expect(countWithin(counts, { first, end })).toBe(below(end) - below(first));
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bucketHigh,
  bucketLast,
  bucketLow,
  bucketOf,
  bucketRangeOf,
  bucketValue,
  LATENCY_BUCKETS,
  LATENCY_LIMIT_NS,
  LATENCY_OVERFLOW_BUCKET,
  LATENCY_RELATIVE_ERROR,
} from '#shared/model/latency-buckets.ts';

/** The documented formula as C would compute it, with 64-bit integers. */
function formula(ns: bigint): number {
  let msb = 0n;
  for (let rest = ns | 1n; rest > 1n; rest >>= 1n) msb++;
  const shift = msb > 5n ? msb - 5n : 0n;
  const bucket = (shift << 5n) + (ns >> shift);
  return Number(bucket > 1152n ? 1152n : bucket);
}

/** Durations of every magnitude alike. */
const duration = fc
  .tuple(fc.integer({ min: 0, max: 52 }), fc.double({ min: 1, max: 2, noNaN: true }))
  .map(([power, mantissa]) => Math.min(2 ** 53 - 1, Math.floor(2 ** power * mantissa)));

describe('bucketOf', () => {
  it('equals the integer formula for durations of every magnitude', () => {
    fc.assert(
      fc.property(duration, (ns) => {
        expect(bucketOf(ns)).toBe(formula(BigInt(ns)));
      }),
      { numRuns: 5000 },
    );
  });

  it('equals the integer formula on both sides of every edge', () => {
    for (let bucket = 1; bucket < LATENCY_BUCKETS; bucket++) {
      const low = bucketLow(bucket);
      expect([bucketOf(low - 1), bucketOf(low)]).toEqual([bucket - 1, bucket]);
      expect(formula(BigInt(low))).toBe(bucket);
    }
  });

  it('grows with the duration', () => {
    fc.assert(
      fc.property(duration, duration, (a, b) => {
        expect(bucketOf(Math.max(a, b))).toBeGreaterThanOrEqual(bucketOf(Math.min(a, b)));
      }),
    );
  });

  it('is the duration itself below 64', () => {
    for (let ns = 0; ns < 64; ns++) expect(bucketOf(ns)).toBe(ns);
  });

  it('takes what no clock should give', () => {
    expect([-1, Number.NaN, -Infinity, 12.9, Infinity, 2 ** 60].map(bucketOf)).toEqual([
      0,
      0,
      0,
      12,
      LATENCY_OVERFLOW_BUCKET,
      LATENCY_OVERFLOW_BUCKET,
    ]);
  });

  it('begins the overflow bucket at 2^40', () => {
    expect(bucketOf(LATENCY_LIMIT_NS - 1)).toBe(LATENCY_OVERFLOW_BUCKET - 1);
    expect(bucketOf(LATENCY_LIMIT_NS)).toBe(LATENCY_OVERFLOW_BUCKET);
    expect(LATENCY_BUCKETS).toBe(1153);
  });
});

describe('bucketLow, bucketHigh', () => {
  it('cover every duration once', () => {
    expect(bucketLow(0)).toBe(0);
    for (let bucket = 0; bucket + 1 < LATENCY_BUCKETS; bucket++) {
      expect(bucketHigh(bucket)).toBe(bucketLow(bucket + 1));
      expect(bucketHigh(bucket)).toBeGreaterThan(bucketLow(bucket));
    }
    expect(bucketHigh(LATENCY_OVERFLOW_BUCKET)).toBe(Infinity);
  });

  it('hold the duration that was put in', () => {
    fc.assert(
      fc.property(duration, (ns) => {
        const bucket = bucketOf(ns);
        expect(bucketLow(bucket)).toBeLessThanOrEqual(ns);
        expect(bucketHigh(bucket)).toBeGreaterThan(ns);
      }),
    );
  });

  it('lie 1 ns apart below 64 and at most 1/32 of the lower end above', () => {
    for (let bucket = 0; bucket < LATENCY_OVERFLOW_BUCKET; bucket++) {
      const width = bucketHigh(bucket) - bucketLow(bucket);
      if (bucket < 64) expect(width).toBe(1);
      else expect(width / bucketLow(bucket)).toBeLessThanOrEqual(1 / 32);
    }
  });
});

describe('bucketValue', () => {
  it('is off by at most the stated error, itself below 3 %', () => {
    expect(LATENCY_RELATIVE_ERROR).toBeLessThan(0.03);
    for (let bucket = 1; bucket < LATENCY_OVERFLOW_BUCKET; bucket++) {
      for (const ns of [bucketLow(bucket), bucketLast(bucket)]) {
        expect(Math.abs(bucketValue(bucket) - ns) / ns).toBeLessThanOrEqual(LATENCY_RELATIVE_ERROR);
      }
    }
  });

  it('is exact below 64', () => {
    for (let ns = 0; ns < 64; ns++) expect(bucketValue(bucketOf(ns))).toBe(ns);
  });
});

describe('bucketRangeOf', () => {
  it('is the smallest range that holds both ends', () => {
    fc.assert(
      fc.property(duration, duration, (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const range = bucketRangeOf(from, to);
        expect(range.first).toBe(bucketOf(from));
        expect(bucketHigh(range.end - 1)).toBeGreaterThanOrEqual(Math.min(to, LATENCY_LIMIT_NS));
        expect(range.end - 1 === range.first || bucketLow(range.end - 1) < to).toBe(true);
      }),
    );
  });

  it('keeps an edge out that is only touched', () => {
    expect(bucketRangeOf(10, 20)).toEqual({ first: 10, end: 20 });
    expect(bucketRangeOf(10, 10)).toEqual({ first: 10, end: 11 });
    expect(bucketRangeOf(0, Infinity)).toEqual({ first: 0, end: LATENCY_BUCKETS });
  });
});

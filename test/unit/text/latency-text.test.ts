import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf, LATENCY_BUCKETS } from '#shared/model/latency-buckets.ts';
import { ALL_LATENCIES, countsOf } from '#shared/model/latency-histogram.ts';
import { latencyStats } from '#shared/model/latency-stats.ts';
import {
  bucketSelectionText,
  formatBuckets,
  formatLatencyRange,
  latencySummary,
  linearTickTexts,
  logTickText,
  percentileName,
} from '#shared/text/latency-text.ts';
import { columnsOf } from '../../support/latencies.ts';

const countsOfDurations = (of: readonly number[]) => countsOf(columnsOf(of), ALL_LATENCIES);

describe('formatLatencyRange', () => {
  it.each([
    [12.3e6, 12.7e6, '12.3–12.7 ms'],
    [50, 60, '50–60 ns'],
    [0, 250e3, '0–250 µs'],
    [0.95e6, 1.2e6, '0.95–1.2 ms'],
    [800, 3e9, '800 ns–3 s'],
    [5e9, 5e9, '5 s'],
    [1000e6, 1031e6, '1–1.03 s'],
    [12.31e6, 12.34e6, '12.31–12.34 ms'],
    [2 ** 40, Infinity, '18 m 20 s or more'],
  ])('says %d to %d as %s', (low, high, text) => {
    expect(formatLatencyRange(low, high)).toBe(text);
  });
});

describe('formatBuckets', () => {
  it('says one exact value below 64 ns and the bounds above', () => {
    expect(formatBuckets({ first: 50, end: 51 })).toBe('50 ns');
    expect(formatBuckets({ first: 50, end: 53 })).toBe('50–53 ns');
    expect(formatBuckets({ first: bucketOf(12.5e6), end: bucketOf(12.5e6) + 1 })).toBe(
      '12.3–12.6 ms',
    );
    expect(formatBuckets({ first: 1100, end: LATENCY_BUCKETS })).toMatch(/ or more$/);
  });

  it('never says the same for two buckets', () => {
    const said = new Set<string>();
    for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
      said.add(formatBuckets({ first: bucket, end: bucket + 1 }));
    }
    expect(said.size).toBe(LATENCY_BUCKETS);
  });
});

describe('linearTickTexts', () => {
  it('uses one unit for the axis', () => {
    expect(linearTickTexts([0, 0.5e6, 1e6, 1.5e6])).toEqual(['0', '0.5 ms', '1 ms', '1.5 ms']);
    expect(linearTickTexts([0, 20, 40])).toEqual(['0', '20 ns', '40 ns']);
    expect(linearTickTexts([])).toEqual([]);
  });
});

describe('logTickText', () => {
  it('keeps round figures round', () => {
    expect([0.5, 1, 20, 1e3, 5e5, 1e6, 2e9, 1e11].map(logTickText)).toEqual([
      '0.5 ns',
      '1 ns',
      '20 ns',
      '1 µs',
      '500 µs',
      '1 ms',
      '2 s',
      '100 s',
    ]);
  });
});

describe('latencySummary', () => {
  it('says count, extremes, percentiles and mean', () => {
    const values = Array.from({ length: 60 }, (_, ns) => ns + 1);
    expect(latencySummary(latencyStats(countsOfDurations(values)), 'call')).toBe(
      '60 calls: shortest 1 ns, median 30 ns, 90 % within 54 ns, 99 % within 60 ns, ' +
        '99.9 % within 60 ns, longest 60 ns; mean 30.5 ns. Figures are off by at most 1.56 %.',
    );
  });

  it('says that there is nothing', () => {
    expect(latencySummary(latencyStats(countsOfDurations([])), 'call')).toBe('No calls measured.');
  });
});

describe('bucketSelectionText', () => {
  it('says the range, the count and its share', () => {
    const counts = countsOfDurations([10, 10, 20, 30]);
    expect(bucketSelectionText(counts, { first: 10, end: 21 }, 'call')).toBe(
      '10–21 ns: 3 calls, 75.0 %',
    );
    expect(bucketSelectionText(countsOfDurations([]), { first: 1, end: 2 }, 'call')).toBe(
      '1 ns: 0 calls',
    );
  });

  it('never throws for any range', () => {
    const counts = countsOfDurations([10]);
    fc.assert(
      fc.property(fc.nat(2000), fc.nat(2000), (a, b) => {
        expect(bucketSelectionText(counts, { first: a, end: b }, 'call')).toMatch(/call/);
      }),
    );
  });
});

describe('percentileName', () => {
  it('is the usual short name', () => {
    expect([0.5, 0.9, 0.99, 0.999, 1].map(percentileName)).toEqual([
      'p50',
      'p90',
      'p99',
      'p99.9',
      'max',
    ]);
  });
});

import { describe, expect, it } from 'vitest';
import { WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import { binWidthFor, timeHistogram } from '#shared/model/time-histogram.ts';
import { tablesOf } from '../../support/tables-of.ts';

describe('binWidthFor', () => {
  it('rounds up to 1, 2 or 5 times a power of ten', () => {
    expect([1e9, 1.1e9, 3e9, 60e9].map((duration) => binWidthFor(duration, 100))).toEqual([
      1e7, 2e7, 5e7, 1e9,
    ]);
  });

  it('survives an empty session', () => {
    expect(binWidthFor(0, 100)).toBe(1);
  });
});

describe('timeHistogram', () => {
  it('sums weight per bin and keeps the last edge inside', () => {
    const tables = tablesOf('f 1 @0\nf 2 @4\nf 4 @9\nf 8 @10');
    const histogram = timeHistogram(tables, WHOLE_SESSION, 10e6, 2);
    expect({ ...histogram, weight: Array.from(histogram.weight) }).toEqual({
      binWidth: 5e6,
      weight: [3, 12],
    });
  });

  it('keeps only the selected processes but all times', () => {
    const tables = tablesOf('a:100/100| f 1 @0\nb:101/101| f 2 @9');
    const selection = { ...WHOLE_SESSION, processes: [1], timeRange: { from: 0, to: 1 } };
    expect(Array.from(timeHistogram(tables, selection, 10e6, 2).weight)).toEqual([0, 2]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { axisFor, latencyBins } from '#shared/model/latency-bins.ts';
import { bucketOf, LATENCY_BUCKETS } from '#shared/model/latency-buckets.ts';
import { ALL_LATENCIES, countsOf } from '#shared/model/latency-histogram.ts';
import { countTotal, countWithin } from '#shared/model/latency-stats.ts';
import {
  brushKey,
  type HistogramBrush,
  hillAround,
  NO_BRUSH,
  pendingRange,
} from '../../../renderer/charts/latency-histogram-brush.ts';
import {
  barAt,
  DEFAULT_HISTOGRAM,
  edgesOfRange,
  type HistogramOptions,
  layoutHistogram,
  nearestBar,
  rangeOfBars,
} from '../../../renderer/charts/latency-histogram-layout.ts';
import { bimodalDurations, columnsOf } from '../../support/latencies.ts';

const measure = (text: string) => text.length * 6;
const countsOfDurations = (of: readonly number[]) => countsOf(columnsOf(of), ALL_LATENCIES);
const layoutOf = (counts: Float64Array, options: Partial<HistogramOptions> = {}, width = 1000) =>
  layoutHistogram(
    { counts, noun: 'call' },
    { ...DEFAULT_HISTOGRAM, ...options },
    { width, height: 400 },
    measure,
  );
const durations = fc.array(fc.integer({ min: 0, max: 2 ** 41 }), { minLength: 1, maxLength: 80 });
const options = fc.record({
  latency: fc.constantFrom('linear' as const, 'log' as const),
  count: fc.constantFrom('linear' as const, 'log' as const),
  cumulative: fc.boolean(),
});

describe('layoutHistogram', () => {
  it('shows every count, in bars within the plot that do not overlap', () => {
    fc.assert(
      fc.property(durations, options, fc.integer({ min: 60, max: 3000 }), (values, how, width) => {
        const { bars, bins, plot } = layoutOf(countsOfDurations(values), how, width);
        expect(countTotal(bins.counts)).toBe(values.length);
        bars.left.forEach((left, bar) => {
          expect(left).toBeGreaterThanOrEqual(bar === 0 ? 0 : bars.right[bar - 1]! - 1e-6);
          expect(bars.right[bar]!).toBeLessThanOrEqual(plot.width + 1e-6);
          expect(bars.height[bar]! >= 0 && bars.height[bar]! <= 1 + 1e-9).toBe(true);
        });
      }),
    );
  });

  it('keeps percentile labels apart and on the canvas', () => {
    fc.assert(
      fc.property(durations, options, (values, how) => {
        const { markers, plot } = layoutOf(countsOfDurations(values), how);
        for (const a of markers) {
          expect(a.left + a.width).toBeLessThanOrEqual(1000);
          expect(a.top).toBeLessThan(plot.top);
          for (const b of markers) {
            if (a === b || a.top !== b.top) continue;
            expect(a.left + a.width <= b.left || b.left + b.width <= a.left).toBe(true);
          }
        }
      }),
    );
  });

  it('gives percentiles of one bucket one label', () => {
    const { markers } = layoutOf(countsOfDurations([250_000, 250_001]));
    expect(markers.map(({ name, value }) => `${name} ${value}`)).toEqual([
      'p50 p90 p99 p99.9 max 252 µs',
    ]);
  });

  it('does not let a single bucket fill the plot', () => {
    const layout = layoutOf(countsOfDurations([250_000]));
    const bar = layout.bins.counts.findIndex((count) => count > 0);
    expect(layout.bars.right[bar]! - layout.bars.left[bar]!).toBeLessThan(layout.plot.width / 20);
  });

  it('has neither marks nor labels without durations', () => {
    const layout = layoutOf(new Float64Array(LATENCY_BUCKETS));
    expect([layout.xTicks, layout.yTicks, layout.markers, layout.cumulative]).toEqual([
      [],
      [],
      [],
      null,
    ]);
  });

  it('says the part shown and counts what is beside it', () => {
    const shown = { first: bucketOf(1e6), end: LATENCY_BUCKETS - 1 };
    const { bins, yTitle } = layoutOf(countsOfDurations(bimodalDurations(1000)), { shown });
    expect(yTitle).toMatch(/ · not shown: 900 shorter calls$/);
    expect({ below: bins.below, shown: countTotal(bins.counts), above: bins.above }).toEqual({
      below: 900,
      shown: 100,
      above: 0,
    });
  });

  it('ends the cumulative line at all durations', () => {
    const { cumulative } = layoutOf(countsOfDurations([5, 500, 50_000]), { cumulative: true });
    expect(cumulative!.at(-1)).toBe(1);
  });
});

describe('barAt', () => {
  it('finds the bar whose edges hold the place, and none outside', () => {
    const layout = layoutOf(countsOfDurations(bimodalDurations(500)));
    const { left, right } = layout.bars;
    for (let bar = 0; bar < left.length; bar++) {
      expect(barAt(layout, (left[bar]! + right[bar]!) / 2)).toBe(bar);
      const range = rangeOfBars(layout.bins, bar, bar);
      expect(edgesOfRange(layout, range).left).toBeCloseTo(left[bar]!, 6);
    }
    expect([barAt(layout, -1), barAt(layout, 5000)]).toEqual([-1, -1]);
    expect([nearestBar(layout, -1), nearestBar(layout, 5000)]).toEqual([0, left.length - 1]);
  });
});

describe('brushKey', () => {
  const counts = countsOfDurations([10, 20, 20, 30, 40]);
  const { bins } = layoutOf(counts);
  const press = (brush: HistogramBrush, ...keys: string[]): HistogramBrush =>
    keys.reduce((now, key) => {
      const shift = key.startsWith('Shift+');
      const step = brushKey(now, bins, shift ? key.slice(6) : key, shift);
      return step?.brush ?? now;
    }, brush);

  it('moves over bars that hold any', () => {
    const at = (...keys: string[]) => pendingRange(press(NO_BRUSH, ...keys))?.first;
    expect(at('ArrowRight')).toBe(10);
    expect(at('ArrowRight', 'ArrowRight')).toBe(20);
    expect(at('ArrowLeft')).toBe(40);
    expect(at('End', 'ArrowRight')).toBe(40);
    expect(at('End', 'Home', 'ArrowLeft')).toBe(10);
    expect(at('ArrowRight', 'PageDown')).toBe(40);
    expect(at('End', 'PageUp')).toBe(10);
  });

  it('extends with Shift, in both directions', () => {
    const brush = press(NO_BRUSH, 'ArrowRight', 'ArrowRight', 'Shift+ArrowRight');
    expect(pendingRange(brush)).toEqual({ first: 20, end: 31 });
    expect(pendingRange(press(brush, 'Shift+Home'))).toEqual({ first: 10, end: 21 });
  });

  it('applies with Enter and takes back with Escape step by step', () => {
    const applied = press(NO_BRUSH, 'Home', 'Shift+ArrowRight', 'Enter');
    expect(applied.applied).toEqual({ first: 10, end: 21 });
    expect(pendingRange(applied)).toBe(null);
    const moved = press(applied, 'End');
    expect(moved.applied).toEqual({ first: 10, end: 21 });
    expect(press(moved, 'Escape').applied).toEqual({ first: 10, end: 21 });
    expect(press(moved, 'Escape', 'Escape')).toEqual(NO_BRUSH);
    expect(brushKey(NO_BRUSH, bins, 'Escape', false)).toBe(null);
  });

  it('leaves other keys to the page', () => {
    expect(brushKey(NO_BRUSH, bins, 'r', false)).toBe(null);
  });

  it('does nothing where there is nothing', () => {
    const none = layoutOf(new Float64Array(LATENCY_BUCKETS)).bins;
    for (const key of ['ArrowRight', 'End', ' ', 'Enter']) {
      expect(brushKey(NO_BRUSH, none, key, false)?.brush).toEqual(NO_BRUSH);
    }
  });

  it('never selects outside of the buckets, whatever is pressed', () => {
    const key = fc.constantFrom('ArrowLeft', 'ArrowRight', 'Home', 'End', ' ', 'Enter', 'PageUp');
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.boolean())), (keys) => {
        let brush = NO_BRUSH;
        for (const [name, shift] of keys)
          brush = brushKey(brush, bins, name, shift)?.brush ?? brush;
        const range = pendingRange(brush) ?? brush.applied;
        if (range === null) return;
        expect(range.first).toBeLessThan(range.end);
        expect(countWithin(counts, range)).toBeGreaterThan(0);
      }),
    );
  });
});

describe('hillAround', () => {
  it('takes the whole slow mode and nothing of the fast one, on every axis', () => {
    const counts = countsOfDurations(bimodalDurations(20_000));
    for (const kind of ['linear', 'log'] as const) {
      for (const pixels of [300, 1200, 2500]) {
        const bins = latencyBins(counts, axisFor(kind, { first: 200, end: 700 }), pixels, 3);
        const slow = bins.edges.findIndex((edge) => edge > bucketOf(12e6)) - 1;
        const { first, last } = hillAround(bins.counts, slow);
        expect(countWithin(counts, rangeOfBars(bins, first, last))).toBe(2000);
      }
    }
  });

  it('ends in the valley where two hills touch', () => {
    const counts = Float64Array.from([0, 1, 9, 40, 90, 40, 9, 2, 8, 30, 70, 30, 6, 1, 0]);
    expect(hillAround(counts, 3)).toEqual({ first: 1, last: 7 });
    expect(hillAround(counts, 12)).toEqual({ first: 7, last: 13 });
  });

  it('takes a lonely bar alone', () => {
    const counts = new Float64Array(40);
    counts[5] = 100;
    counts[30] = 1;
    expect(hillAround(counts, 30)).toEqual({ first: 30, last: 30 });
  });
});

import type { LatencyBins } from '#shared/model/latency-bins.ts';
import type { BucketRange } from '#shared/model/latency-buckets.ts';
import { rangeOfBars } from './latency-histogram-layout.ts';

/** What is selected, and what is about to be. Buckets, so that it survives another width or axis. */
export interface HistogramBrush {
  readonly applied: BucketRange | null;
  /** Bar reached by keyboard; null: none yet. */
  readonly cursor: BucketRange | null;
  /** Bar where a range not yet applied begins; null: there is no such range. */
  readonly anchor: BucketRange | null;
}
export const NO_BRUSH: HistogramBrush = { applied: null, cursor: null, anchor: null };

/** The range that Enter would apply. */
export const pendingRange = ({ anchor, cursor }: HistogramBrush): BucketRange | null =>
  anchor === null || cursor === null
    ? null
    : {
        first: Math.min(anchor.first, cursor.first),
        end: Math.max(anchor.end, cursor.end),
      };

/** `applied`: the selection changed; `moved`: only what is about to be selected. */
export interface BrushStep {
  readonly brush: HistogramBrush;
  readonly effect: 'moved' | 'applied';
}

/** Bars that a page key passes. */
const PAGE = 10;

/**
 * What a key does: arrows go to the next bar that has any, Home and End to the first and last, with
 * Shift they extend; Space takes the whole hill; Enter applies; Escape takes back what is not applied,
 * then clears. Null: the key is not ours.
 */
export function brushKey(
  brush: HistogramBrush,
  bins: LatencyBins,
  key: string,
  shift: boolean,
): BrushStep | null {
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowRight':
    case 'PageUp':
    case 'PageDown':
    case 'Home':
    case 'End':
      return { brush: moved(brush, bins, key, shift), effect: 'moved' };
    case ' ': {
      if (brush.cursor === null) return { brush, effect: 'moved' };
      const hill = hillAround(bins.counts, barOf(bins, brush.cursor));
      const anchor = rangeOfBars(bins, hill.first, hill.first);
      const cursor = rangeOfBars(bins, hill.last, hill.last);
      return { brush: { ...brush, anchor, cursor }, effect: 'moved' };
    }
    case 'Enter': {
      const range = pendingRange(brush);
      return range === null
        ? { brush, effect: 'moved' }
        : { brush: { ...brush, applied: range, anchor: null }, effect: 'applied' };
    }
    case 'Escape':
      if (pendingRange(brush) !== null) {
        return { brush: { ...brush, cursor: null, anchor: null }, effect: 'moved' };
      }
      return brush.applied === null ? null : { brush: NO_BRUSH, effect: 'applied' };
    default:
      return null;
  }
}

function moved(
  brush: HistogramBrush,
  bins: LatencyBins,
  key: string,
  shift: boolean,
): HistogramBrush {
  const filled = filledBars(bins.counts);
  if (filled.length === 0) return brush;
  const target = filled[targetOf(filled, brush.cursor && barOf(bins, brush.cursor), key)]!;
  const cursor = rangeOfBars(bins, target, target);
  const anchor = shift ? (brush.anchor ?? brush.cursor ?? cursor) : cursor;
  return { ...brush, cursor, anchor };
}

/** Place in the list of filled bars that a key leads to. */
function targetOf(filled: readonly number[], from: number | null, key: string): number {
  const last = filled.length - 1;
  if (key === 'Home') return 0;
  if (key === 'End') return last;
  const back = key === 'ArrowLeft' || key === 'PageUp';
  if (from === null) return back ? last : 0;
  const size = key.startsWith('Page') ? PAGE : 1;
  if (back) return Math.max(0, filled.findLastIndex((bar) => bar < from) - (size - 1));
  const next = filled.findIndex((bar) => bar > from);
  return next < 0 ? last : Math.min(last, next + size - 1);
}

function filledBars(counts: Float64Array): number[] {
  const filled: number[] = [];
  counts.forEach((count, bar) => {
    if (count > 0) filled.push(bar);
  });
  return filled;
}

/** The bar that holds the first bucket of a range, or the nearest one. */
export function barOf(bins: LatencyBins, range: BucketRange): number {
  let bar = bins.counts.length - 1;
  while (bar > 0 && bins.edges[bar]! > range.first) bar--;
  return Math.max(0, bar);
}

/** Empty bars within a hill. */
const GAP = 6;
/** Bars looked at on each side on the way to the peak: noise makes small peaks. */
const REACH = 3;
/** A rise to this share of the peak, and so many times the lowest since, is the next hill. */
const NEXT_HILL = 0.05;
const RISE = 4;

/** The hill of a bar: up to the valleys or long gaps beside its peak. First and last bar. */
export function hillAround(
  counts: Float64Array,
  bar: number,
): { readonly first: number; readonly last: number } {
  const smooth = counts.map(
    (count, at) => (2 * count + (counts[at - 1] ?? 0) + (counts[at + 1] ?? 0)) / 4,
  );
  let peak = bar;
  for (let better = climb(smooth, peak); better !== peak; better = climb(smooth, peak)) {
    peak = better;
  }
  const first = footOf(smooth, counts, peak, -1);
  const last = footOf(smooth, counts, peak, 1);
  return { first: Math.min(first, peak), last: Math.max(last, peak) };
}

/** The highest of the bars close by. */
function climb(heights: Float64Array, from: number): number {
  let best = from;
  for (let at = Math.max(0, from - REACH); at <= Math.min(heights.length - 1, from + REACH); at++) {
    if (heights[at]! > heights[best]!) best = at;
  }
  return best;
}

function footOf(smooth: Float64Array, counts: Float64Array, peak: number, step: 1 | -1): number {
  let lowest = peak;
  let foot = peak;
  for (let at = peak + step; at >= 0 && at < counts.length; at += step) {
    if (smooth[at]! < smooth[lowest]!) lowest = at;
    const rise = Math.max(smooth[peak]! * NEXT_HILL, smooth[lowest]! * RISE);
    if (lowest !== at && smooth[lowest]! < smooth[peak]! / RISE && smooth[at]! >= rise) {
      return step > 0 ? Math.min(foot, lowest) : Math.max(foot, lowest);
    }
    if (counts[at]! > 0) foot = at;
    else if (Math.abs(at - foot) > GAP) break;
  }
  return foot;
}

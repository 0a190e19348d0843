import {
  type BucketRange,
  bucketHigh,
  bucketLow,
  LATENCY_BUCKETS,
  LATENCY_OVERFLOW_BUCKET,
} from './latency-buckets.ts';

/** How an axis spaces what it shows. */
export type AxisKind = 'linear' | 'log';

/** A latency axis. */
export interface LatencyAxis {
  readonly kind: AxisKind;
  /** ns; at least LOG_AXIS_LEAST on a logarithmic axis. */
  readonly from: number;
  /** ns, above `from`. */
  readonly to: number;
}

/** ns: where 0 ns is drawn on a logarithmic axis, which has no place for it. */
export const LOG_AXIS_LEAST = 0.5;

/** Place of a duration on the axis: 0 at `from`, 1 at `to`, beyond them outside. */
export function axisPosition(axis: LatencyAxis, ns: number): number {
  if (axis.kind === 'linear') return (ns - axis.from) / (axis.to - axis.from);
  return Math.log(Math.max(ns, LOG_AXIS_LEAST) / axis.from) / Math.log(axis.to / axis.from);
}

/** The duration at a place of the axis, ns. */
export const axisValue = (axis: LatencyAxis, position: number): number =>
  axis.kind === 'linear'
    ? axis.from + position * (axis.to - axis.from)
    : axis.from * (axis.to / axis.from) ** position;

/** An axis that shows the buckets of a range. Linear axes start at 0: lengths can then be compared. */
export function axisFor(kind: AxisKind, extent: BucketRange): LatencyAxis {
  const low = bucketLow(extent.first);
  const last = Math.min(extent.end, LATENCY_BUCKETS) - 1;
  // The overflow bucket has no end: it is drawn as wide as a step below it.
  const high = last >= LATENCY_OVERFLOW_BUCKET ? bucketLow(last) * (1 + 1 / 16) : bucketHigh(last);
  if (kind === 'linear') return { kind, from: 0, to: high };
  return { kind, from: Math.max(LOG_AXIS_LEAST, low), to: Math.max(high, 2 * LOG_AXIS_LEAST) };
}

/** Counts as bars: runs of whole buckets, so that no count is split or lost. */
export interface LatencyBins {
  /** Bin k holds the buckets [edges[k], edges[k + 1]). One longer than the bins. */
  readonly edges: Uint16Array;
  readonly counts: Float64Array;
  /** Durations shorter than the first bin and longer than the last. */
  readonly below: number;
  readonly above: number;
}

/** Ends of the buckets seen on the axis, merged until each run is at least `leastWidth` of `pixels` wide. */
export function binEdges(axis: LatencyAxis, pixels: number, leastWidth: number): Uint16Array {
  const edges: number[] = [];
  for (let bucket = 0; bucket < LATENCY_BUCKETS; bucket++) {
    if (bucketLow(bucket) >= axis.to) break;
    if (bucketHigh(bucket) <= axis.from) continue;
    const begin = edges.at(-1);
    const left = begin === undefined ? 0 : axisPosition(axis, bucketLow(begin));
    const here = axisPosition(axis, bucketLow(bucket));
    if (begin === undefined || (here - left) * pixels >= leastWidth) edges.push(bucket);
  }
  const last = edges.at(-1);
  if (last !== undefined) edges.push(endOf(axis, last));
  return Uint16Array.from(edges);
}

/** Bucket after the last one that begins within the axis, at least the one after `bucket`. */
function endOf(axis: LatencyAxis, bucket: number): number {
  let end = bucket + 1;
  while (end < LATENCY_BUCKETS && bucketLow(end) < axis.to) end++;
  return end;
}

/** Bars for an axis `pixels` long, each at least `leastWidth` pixels wide; nothing is split or lost. */
export function latencyBins(
  counts: Float64Array,
  axis: LatencyAxis,
  pixels: number,
  leastWidth: number,
): LatencyBins {
  const edges = binEdges(axis, pixels, leastWidth);
  const bins = new Float64Array(Math.max(0, edges.length - 1));
  let below = 0;
  let above = 0;
  let bin = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    while (bin < bins.length && bucket >= edges[bin + 1]!) bin++;
    if (bins.length > 0 && bucket < edges[0]!) below += counts[bucket]!;
    else if (bin < bins.length) bins[bin]! += counts[bucket]!;
    else above += counts[bucket]!;
  }
  return { edges, counts: bins, below, above };
}

import {
  type BucketRange,
  bucketHigh,
  bucketLast,
  bucketLow,
  bucketValue,
} from './latency-buckets.ts';

/** Shares whose percentiles are shown everywhere; the largest duration is beside them. */
export const PERCENTILE_SHARES = [0.5, 0.9, 0.99, 0.999] as const;

/**
 * A quantile by nearest rank: at least `share` of all durations are not longer. The duration of that
 * rank lies in `bucket`: [low, high) are certain bounds, `value` is off by at most
 * LATENCY_RELATIVE_ERROR (overflow bucket: a lower bound).
 */
export interface LatencyPercentile {
  readonly share: number;
  readonly bucket: number;
  /** ns. */
  readonly low: number;
  /** ns, exclusive; Infinity in the overflow bucket. */
  readonly high: number;
  /** ns. */
  readonly value: number;
}

/** What is known of the durations counted in buckets. */
export interface LatencyStats {
  readonly count: number;
  /** Nearest-rank percentiles for PERCENTILE_SHARES, then share 1: the longest. Empty without counts. */
  readonly percentiles: readonly LatencyPercentile[];
  /** The shortest; null without counts. */
  readonly least: LatencyPercentile | null;
  /** Certain bounds of the mean, ns: every duration at its bucket's first or last ns. */
  readonly mean: { readonly low: number; readonly high: number } | null;
  /** Buckets from the first to the last that holds any; null without counts. */
  readonly extent: BucketRange | null;
}

/** Sum of all counts. */
export function countTotal(counts: Float64Array): number {
  let total = 0;
  for (const count of counts) total += count;
  return total;
}

/** Counts within a range of buckets. */
export function countWithin(counts: Float64Array, range: BucketRange): number {
  let total = 0;
  const end = Math.min(range.end, counts.length);
  for (let bucket = Math.max(0, range.first); bucket < end; bucket++) total += counts[bucket]!;
  return total;
}

/** Running sum: element k counts the durations of buckets 0 to k. */
export function cumulativeCounts(counts: Float64Array): Float64Array {
  let sum = 0;
  return counts.map((count) => (sum += count));
}

/** The first and the last bucket with a count, half-open; null if there is none. */
export function countExtent(counts: Float64Array): BucketRange | null {
  const first = counts.findIndex((count) => count > 0);
  return first < 0 ? null : { first, end: counts.findLastIndex((count) => count > 0) + 1 };
}

/**
 * The percentile of a share of 0 to 1; null if nothing was counted. Where the longest duration is known
 * exactly, ns, no figure lies above it.
 */
export function percentileOf(
  counts: Float64Array,
  share: number,
  longest = Infinity,
): LatencyPercentile | null {
  const rank = nearestRank(share, countTotal(counts));
  let sum = 0;
  for (let bucket = 0; bucket < counts.length; bucket++) {
    sum += counts[bucket]!;
    if (sum > 0 && sum >= rank) {
      const found = percentileAt(share, bucket);
      return { ...found, value: Math.max(found.low, Math.min(found.value, longest)) };
    }
  }
  return null;
}

/**
 * Rank of the duration that is the quantile, counted from 1. Decimal shares are not exact in binary
 * (0.999 * 1000 is just above 999): a product within rounding of a whole number is that number.
 */
export function nearestRank(share: number, total: number): number {
  const product = share * total;
  const near = Math.round(product);
  const rank = Math.abs(product - near) <= 1e-12 * total ? near : Math.ceil(product);
  return Math.min(total, Math.max(1, rank));
}

/** Everything that can be said of counts per bucket. */
export function latencyStats(counts: Float64Array): LatencyStats {
  const count = countTotal(counts);
  const extent = countExtent(counts);
  if (extent === null) return { count, percentiles: [], least: null, mean: null, extent };
  let low = 0;
  let high = 0;
  for (let bucket = extent.first; bucket < extent.end; bucket++) {
    if (counts[bucket] === 0) continue;
    low += counts[bucket]! * bucketLow(bucket);
    high += counts[bucket]! * bucketLast(bucket);
  }
  const percentiles = [...PERCENTILE_SHARES, 1].flatMap(
    (share) => percentileOf(counts, share) ?? [],
  );
  return {
    count,
    percentiles,
    least: percentileAt(0, extent.first),
    mean: { low: low / count, high: high / count },
    extent,
  };
}

const percentileAt = (share: number, bucket: number): LatencyPercentile => ({
  share,
  bucket,
  low: bucketLow(bucket),
  high: bucketHigh(bucket),
  value: bucketValue(bucket),
});

/**
 * Log-linear buckets of durations: 32 equal steps per power of two, one bucket per value below 64 ns.
 *
 * The same integers in C, without division or floating point (BPF has neither), for a 64-bit `ns`:
 *
 *     msb    = 63 - clz(ns | 1)              position of the highest set bit, 0 for 0 and 1
 *     shift  = msb > 5 ? msb - 5 : 0         LATENCY_SUB_BITS is 5
 *     bucket = (shift << 5) + (ns >> shift)  32 <= ns >> shift < 64 as soon as shift > 0
 *     if (bucket > 1152) bucket = 1152       LATENCY_OVERFLOW_BUCKET
 *
 * BPF has no count-leading-zeros instruction before v4 of its instruction set: five compare-and-shift
 * steps (32, 16, 8, 4, 2, 1) give msb.
 */

/** log2 of the buckets per power of two. */
export const LATENCY_SUB_BITS = 5;
const SUB_BUCKETS = 2 ** LATENCY_SUB_BITS;
/** ns, exclusive: durations from here on (18.3 minutes) share the overflow bucket. */
export const LATENCY_LIMIT_NS = 2 ** 40;
/** Everything of LATENCY_LIMIT_NS or more: [2^40, Infinity). */
export const LATENCY_OVERFLOW_BUCKET = (40 - LATENCY_SUB_BITS) * SUB_BUCKETS + SUB_BUCKETS;
/** Buckets there are, the overflow bucket included: 0 to 1152. */
export const LATENCY_BUCKETS = LATENCY_OVERFLOW_BUCKET + 1;
/**
 * Largest distance between a whole number of ns below the limit and `bucketValue` of its bucket, as a
 * share of that number: half of the last step, 1/64. What "relative error 1.6 %" in texts means.
 */
export const LATENCY_RELATIVE_ERROR = 1 / (2 * SUB_BUCKETS);

const SHIFT_STEP = new Float64Array(64).map((_, shift) => 2 ** shift);

/** The bucket of a duration in ns; fractions count as the whole ns below, negative and NaN as 0. */
export function bucketOf(ns: number): number {
  if (!(ns >= 0)) return 0;
  if (ns >= LATENCY_LIMIT_NS) return LATENCY_OVERFLOW_BUCKET;
  if (ns < 2 ** 32) {
    const whole = ns >>> 0;
    const shift = Math.max(0, 31 - Math.clz32(whole | 1) - LATENCY_SUB_BITS);
    return shift * SUB_BUCKETS + (whole >>> shift);
  }
  // Above 32 bits: the high word gives the position of the highest bit, division replaces the shift.
  const shift = 63 - Math.clz32(ns / 2 ** 32) - LATENCY_SUB_BITS;
  return shift * SUB_BUCKETS + Math.floor(ns / SHIFT_STEP[shift]!);
}

/** First duration of a bucket, ns. Buckets beyond the last are the last. */
export function bucketLow(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return Math.max(0, bucket);
  const index = Math.min(bucket, LATENCY_OVERFLOW_BUCKET);
  const shift = Math.floor(index / SUB_BUCKETS) - 1;
  return (index - shift * SUB_BUCKETS) * SHIFT_STEP[shift]!;
}

/** End of a bucket, ns, exclusive; Infinity for the overflow bucket. */
export function bucketHigh(bucket: number): number {
  return bucket >= LATENCY_OVERFLOW_BUCKET ? Infinity : bucketLow(bucket + 1);
}

/** Last whole ns that falls into a bucket; Infinity for the overflow bucket. */
export const bucketLast = (bucket: number): number => bucketHigh(bucket) - 1;

/**
 * The figure that stands for a bucket, ns: the middle of its whole numbers, exact below 64 ns, within
 * LATENCY_RELATIVE_ERROR above. The overflow bucket is its lower bound.
 */
export const bucketValue = (bucket: number): number =>
  bucket >= LATENCY_OVERFLOW_BUCKET
    ? LATENCY_LIMIT_NS
    : (bucketLow(bucket) + bucketLast(bucket)) / 2;

/** Consecutive buckets, half-open: the unit in which latencies are selected. */
export interface BucketRange {
  readonly first: number;
  readonly end: number;
}

/** The smallest range of whole buckets that holds [from, to) ns. */
export const bucketRangeOf = (from: number, to: number): BucketRange => {
  const first = bucketOf(from);
  if (to >= Infinity) return { first, end: LATENCY_BUCKETS };
  const last = bucketOf(to);
  return { first, end: Math.max(first + 1, bucketLow(last) < to ? last + 1 : last) };
};

import {
  type BucketRange,
  bucketHigh,
  bucketLast,
  bucketLow,
  LATENCY_LIMIT_NS,
  LATENCY_OVERFLOW_BUCKET,
  LATENCY_RELATIVE_ERROR,
} from '../model/latency-buckets.ts';
import { countWithin, type LatencyPercentile, type LatencyStats } from '../model/latency-stats.ts';
import { NS_PER_MS, NS_PER_S } from '../units.ts';
import { formatDuration, formatPercent, formatQuantity } from './format-value.ts';

interface Unit {
  readonly ns: number;
  readonly text: string;
}
const UNITS: readonly Unit[] = [
  { ns: NS_PER_S, text: 's' },
  { ns: NS_PER_MS, text: 'ms' },
  { ns: 1e3, text: 'µs' },
  { ns: 1, text: 'ns' },
];

/** The largest unit in which `ns` is 1 or more. */
const unitOf = (ns: number): Unit => UNITS.find((unit) => ns >= unit.ns) ?? UNITS.at(-1)!;

/** Trailing zeros say nothing on an axis. */
const plain = (value: number, digits: number): string => String(Number(value.toFixed(digits)));

/**
 * Texts of the marks of one linear latency axis, all in the unit of the largest, so that the eye
 * compares the figures alone: "0", "0.5 ms", "1 ms". For logarithmic axes each mark has its own unit.
 */
export function linearTickTexts(ticks: readonly number[]): string[] {
  const unit = unitOf(Math.max(0, ...ticks));
  return ticks.map((ns) => (ns === 0 ? '0' : `${plain(ns / unit.ns, 6)} ${unit.text}`));
}

/** Text of a mark of a logarithmic axis: "1 µs", "20 ms", "100 s". Stays in seconds beyond a minute. */
export function logTickText(ns: number): string {
  const unit = unitOf(ns);
  return `${plain(ns / unit.ns, 3)} ${unit.text}`;
}

/**
 * Two durations with one unit and just enough digits to differ: "12.3–12.7 ms", "50–60 ns",
 * "950 µs–1.2 ms" where the units would read badly. Half-open ranges are said by their bounds.
 */
export function formatLatencyRange(low: number, high: number): string {
  if (high === Infinity) return `${formatDuration(low)} or more`;
  if (low === high) return formatDuration(low);
  const unit = unitOf(high);
  if (low > 0 && high / low >= 50 && unitOf(low) !== unit) {
    return `${formatDuration(low)}–${formatDuration(high)}`;
  }
  // Three significant digits of the upper bound, more where the bounds would look the same.
  let digits = Math.max(0, 2 - Math.floor(Math.log10(Math.max(high, 1) / unit.ns)));
  if (unit.ns === 1) digits = 0;
  const text = (ns: number): string => plain(ns / unit.ns, digits);
  while (text(low) === text(high) && digits < 6) digits++;
  return `${text(low)}–${text(high)} ${unit.text}`;
}

/** What a run of buckets holds: "50 ns" for one exact value, "12.3–12.7 ms", "18 m 20 s or more". */
export function formatBuckets(range: BucketRange): string {
  const last = Math.max(range.first, range.end - 1);
  if (last >= LATENCY_OVERFLOW_BUCKET) return formatLatencyRange(bucketLow(range.first), Infinity);
  const exact = bucketLast(last) === bucketLow(range.first);
  return formatLatencyRange(bucketLow(range.first), exact ? bucketLow(last) : bucketHigh(last));
}

/** "p50", "p99.9", "max". */
export const percentileName = (share: number): string =>
  share >= 1 ? 'max' : `p${Number((share * 100).toFixed(3))}`;

/** The figure of a percentile: "12.5 ms"; "18 m 20 s+" where only a lower bound is known. */
export const percentileText = (percentile: LatencyPercentile): string =>
  `${formatDuration(percentile.value)}${percentile.value >= LATENCY_LIMIT_NS ? '+' : ''}`;

/** One or two sentences for those who do not see the picture. `noun` is singular, such as "call". */
export function latencySummary(stats: LatencyStats, noun: string): string {
  if (stats.least === null || stats.mean === null) return `No ${noun}s measured.`;
  const named = stats.percentiles.map(
    (percentile) =>
      `${percentile.share >= 1 ? 'longest' : spokenShare(percentile.share)} ${percentileText(percentile)}`,
  );
  const mean =
    stats.mean.high === Infinity
      ? `${formatDuration(stats.mean.low)} or more`
      : formatLatencyRange(stats.mean.low, stats.mean.high);
  const first = `${formatQuantity(stats.count, noun)}: shortest ${formatDuration(stats.least.low)}`;
  return `${first}, ${named.join(', ')}; mean ${mean}. Figures are off by at most ${formatPercent(LATENCY_RELATIVE_ERROR)}.`;
}

const spokenShare = (share: number): string =>
  share === 0.5 ? 'median' : `${Number((share * 100).toFixed(3))} % within`;

/** What a selected range of buckets is: "12.3–12.7 ms: 1 234 calls, 10.0 %". */
export function bucketSelectionText(
  counts: Float64Array,
  range: BucketRange,
  noun: string,
): string {
  const within = countWithin(counts, range);
  const total = countWithin(counts, { first: 0, end: counts.length });
  const share = total > 0 ? `, ${formatPercent(within / total)}` : '';
  return `${formatBuckets(range)}: ${formatQuantity(within, noun)}${share}`;
}

import type { Selection } from './call-tree-selection.ts';
import { SLICE_NS } from './capture-spec.ts';
import { SampleFilter } from './sample-filter.ts';
import type { SessionTables } from './session-tables.ts';

/** Weight per equal stretch of time, for the timeline strip. */
export interface TimeHistogram {
  /** Weight of samples with bin k's time: [k * binWidth, (k + 1) * binWidth). */
  readonly weight: Float64Array<ArrayBuffer>;
  /** ns. */
  readonly binWidth: number;
}

/** Powers of 1, 2, 5 in ns: widths that stay the same while a recording grows a little. */
export function binWidthFor(duration: number, maxBins: number): number {
  const least = Math.max(1, duration / Math.max(1, maxBins));
  const power = 10 ** Math.floor(Math.log10(least));
  for (const step of [1, 2, 5]) if (power * step >= least) return power * step;
  return power * 10;
}

/** Sums the selected samples over the whole session; `timeRange` is not applied. */
export function timeHistogram(
  tables: SessionTables,
  selection: Selection,
  duration: number,
  maxBins: number,
): TimeHistogram {
  const binWidth = binWidthFor(duration, maxBins);
  const bins = Math.max(1, Math.ceil(duration / binWidth));
  const weight = new Float64Array(bins);
  const filter = new SampleFilter(tables, { ...selection, timeRange: null });
  const { samples } = tables;
  for (const rows of filter.kept()) {
    for (let k = 0; k < rows.length; k++) {
      const bin = Math.floor(samples.time[rows[k]!]! / binWidth);
      weight[Math.min(bins - 1, Math.max(0, bin))]! += filter.weightOf(rows[k]!);
    }
  }
  return { weight, binWidth };
}

/** The same of a source that the kernel counted: its samples are only examples. Bins are whole slices. */
export function countedHistogram(
  { latencies, series }: SessionTables,
  { source, series: chosen }: Selection,
  duration: number,
  maxBins: number,
): TimeHistogram {
  const slices = Math.ceil(binWidthFor(duration, maxBins) / SLICE_NS);
  const binWidth = slices * SLICE_NS;
  const bins = Math.max(1, Math.ceil(duration / binWidth));
  const weight = new Float64Array(bins);
  const rows = chosen === null ? null : new Set(chosen);
  for (let row = 0; row < latencies.length; row++) {
    const one = latencies.series[row]!;
    if (series.source[one] !== source || rows?.has(one) === false) continue;
    const bin = Math.floor(latencies.slice[row]! / slices);
    weight[Math.min(bins - 1, Math.max(0, bin))]! += latencies.total[row]!;
  }
  return { weight, binWidth };
}

/** Weights in short equal stretches of time: enough for a heatmap of seconds and their parts. */
export interface WeightPulse {
  readonly length: number;
  /** Middle of the stretch, ns since session start. */
  readonly time: Float64Array<ArrayBuffer>;
  readonly weight: Float64Array<ArrayBuffer>;
}

/** More stretches than this are not made: sessions beyond two hours end early in that heatmap. */
const MOST_STRETCHES = 400_000;

/** Sums the selected samples by stretches of `stretchNs`; `timeRange` is not applied. */
export function weightPulse(
  tables: SessionTables,
  selection: Selection,
  duration: number,
  stretchNs: number,
): WeightPulse {
  const length = Math.min(MOST_STRETCHES, Math.floor(duration / stretchNs) + 1);
  const weight = new Float64Array(length);
  const filter = new SampleFilter(tables, { ...selection, timeRange: null });
  const { time } = tables.samples;
  for (const rows of filter.kept()) {
    for (let k = 0; k < rows.length; k++) {
      const stretch = Math.floor(time[rows[k]!]! / stretchNs);
      if (stretch >= 0 && stretch < length) weight[stretch]! += filter.weightOf(rows[k]!);
    }
  }
  const middle = new Float64Array(length).map((_, stretch) => (stretch + 0.5) * stretchNs);
  return { length, time: middle, weight };
}

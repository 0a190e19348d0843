import { selectedThreads } from './call-tree.ts';
import type { Selection } from './call-tree-selection.ts';
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

/** Sums the samples of the selected threads over the whole session; `timeRange` is not applied. */
export function timeHistogram(
  tables: SessionTables,
  selection: Selection,
  duration: number,
  maxBins: number,
): TimeHistogram {
  const binWidth = binWidthFor(duration, maxBins);
  const bins = Math.max(1, Math.ceil(duration / binWidth));
  const weight = new Float64Array(bins);
  const keep = selectedThreads(tables, selection);
  const { samples } = tables;
  for (let sample = 0; sample < samples.length; sample++) {
    if (keep[samples.thread[sample]!] === 0) continue;
    const bin = Math.floor(samples.time[sample]! / binWidth);
    weight[Math.min(bins - 1, Math.max(0, bin))]! += samples.weight[sample]!;
  }
  return { weight, binWidth };
}

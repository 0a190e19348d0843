import { bucketOf } from './latency-buckets.ts';
import {
  ALL_LATENCIES,
  countsByKey,
  type LatencyColumns,
  mergeLatencies,
} from './latency-histogram.ts';
import type { SessionTables } from './session-tables.ts';

/** ns of a slice of LatencyTable. */
const SLICE_NS = 1e9;

/**
 * Durations of one source by series, second and bucket: as the kernel counted them, and, where each call
 * is recorded, counted from the samples; the kernel's count is then of the calls too short for that.
 * Keys are rows of SeriesTable; -1 becomes `noSeries`.
 */
export function sourceLatencies(tables: SessionTables, source: number): LatencyColumns {
  const counted = countedInKernel(tables, source);
  return tables.sources.detail[source] === 'histogram'
    ? counted
    : mergeLatencies([countedFromSamples(tables, source), counted]);
}

/** The key of samples without a series: behind all series. */
export const noSeries = (tables: SessionTables): number => tables.series.length;

const columnsOf = (length: number): LatencyColumns => ({
  length,
  key: new Uint32Array(length),
  slice: new Uint32Array(length),
  bucket: new Uint16Array(length),
  count: new Float64Array(length),
});

function countedInKernel({ latencies, series }: SessionTables, source: number): LatencyColumns {
  const columns = columnsOf(latencies.length);
  let rows = 0;
  for (let row = 0; row < latencies.length; row++) {
    const key = latencies.series[row]!;
    if (series.source[key] !== source) continue;
    columns.key[rows] = key;
    columns.slice[rows] = latencies.slice[row]!;
    columns.bucket[rows] = latencies.bucket[row]!;
    columns.count[rows] = latencies.count[row]!;
    rows++;
  }
  return mergeLatencies([{ ...columns, length: rows }]);
}

function countedFromSamples(tables: SessionTables, source: number): LatencyColumns {
  const { samples } = tables;
  const columns = columnsOf(samples.length);
  let rows = 0;
  for (let row = 0; row < samples.length; row++) {
    const value = samples.value[row]!;
    if (samples.source[row] !== source || value <= 0) continue;
    const series = samples.series[row]!;
    columns.key[rows] = series < 0 ? noSeries(tables) : series;
    columns.slice[rows] = Math.floor(samples.time[row]! / SLICE_NS);
    columns.bucket[rows] = bucketOf(value);
    columns.count[rows] = samples.weight[row]! / value;
    rows++;
  }
  return mergeLatencies([{ ...columns, length: rows }]);
}

/** What is known of one series: exact sums beside counts per bucket. */
export interface SeriesLatency {
  /** Row of SeriesTable; noSeries(): none. */
  readonly series: number;
  readonly counts: Float64Array;
  readonly count: number;
  /** Sum of the durations, ns. */
  readonly total: number;
  /** The longest, ns. */
  readonly max: number;
}

/** One source's series with their sums, the largest total first. */
export function seriesLatencies(tables: SessionTables, source: number): readonly SeriesLatency[] {
  const sums = new Map<number, { count: number; total: number; max: number }>();
  const add = (series: number, count: number, total: number, max: number): void => {
    const sum = sums.get(series);
    if (sum === undefined) sums.set(series, { count, total, max });
    else {
      sum.count += count;
      sum.total += total;
      sum.max = Math.max(sum.max, max);
    }
  };
  const { latencies, samples, series } = tables;
  for (let row = 0; row < latencies.length; row++) {
    const key = latencies.series[row]!;
    if (series.source[key] !== source) continue;
    add(key, latencies.count[row]!, latencies.total[row]!, latencies.max[row]!);
  }
  // The samples of a histogram are examples of what it has counted already.
  const samplesCount = tables.sources.detail[source] === 'histogram' ? 0 : samples.length;
  for (let row = 0; row < samplesCount; row++) {
    const value = samples.value[row]!;
    if (samples.source[row] !== source || value <= 0) continue;
    const key = samples.series[row]!;
    const weight = samples.weight[row]!;
    add(key < 0 ? noSeries(tables) : key, weight / value, weight, value);
  }
  const counts = countsByKey(sourceLatencies(tables, source), ALL_LATENCIES);
  return [...sums]
    .map(([key, sum]) => ({ series: key, counts: counts.get(key) ?? new Float64Array(0), ...sum }))
    .sort((a, b) => b.total - a.total || a.series - b.series);
}

import type { Selection } from './call-tree-selection.ts';
import { SLICE_NS } from './capture-spec.ts';
import { bucketHigh, bucketOf, bucketRangeOf, LATENCY_BUCKETS } from './latency-buckets.ts';
import type { LatencyColumns } from './latency-histogram.ts';
import { percentileOf } from './latency-stats.ts';
import { SampleFilter } from './sample-filter.ts';
import type { SessionTables } from './session-tables.ts';
import { binWidthFor } from './time-histogram.ts';

/** What the views of one latency source are drawn from. Each leaves out the part of the selection it sets. */
export interface SelectedLatencies {
  /** Calls per bucket in the selected time and series, of any latency. */
  readonly counts: Float64Array<ArrayBuffer>;
  /** Calls over all time and latencies, of the selected series; all of key 0. */
  readonly heat: LatencyColumns;
  /** Width of the slices of `heat`, ns. */
  readonly sliceNs: number;
  /** Of the selected time and latencies; those with the largest totals, largest first. */
  readonly series: readonly SelectedSeries[];
  /** Series there are beside those. */
  readonly seriesOmitted: number;
  /** Calls in the whole selection. */
  readonly calls: number;
  /** Calls of the selection whose stacks are known: what the flame graph is made of. */
  readonly stacks: number;
  /** Histograms were counted in the kernel: stacks are examples, and threads were not told apart. */
  readonly isCounted: boolean;
}

/** What is known of one series. Durations in ns. */
export interface SelectedSeries {
  /** Row of SeriesTable, the first of `rows`; -1: samples without a series. */
  readonly row: number;
  /** The rows it is made of: of all processes, if these are not told apart. */
  readonly rows: readonly number[];
  readonly count: number;
  readonly total: number;
  readonly max: number;
  /** Within LATENCY_RELATIVE_ERROR. */
  readonly p99: number;
  /** Calls per bucket. */
  readonly counts: Float64Array<ArrayBuffer>;
}

/** Series with histograms of their own, at most: 9 KB each. */
const MOST_SERIES = 300;
const HEAT_COLUMNS = 600;

/** Whether calls of a source have a latency. The wall clock has none. */
export const isLatencySource = ({ sources }: SessionTables, source: number): boolean =>
  sources.unit[source] === 'nanoseconds';

/**
 * The latencies of the selected source: of samples, which are calls, and of cells counted in the kernel.
 * Where the kernel counted all calls, samples are only examples and are not counted again.
 * `duration`: of the session, ns. `byProcess`: series of different processes are not added up. Time:
 * samples, twice, and cells.
 */
export function selectedLatencies(
  tables: SessionTables,
  selection: Selection,
  duration: number,
  byProcess = true,
): SelectedLatencies {
  const isCounted = tables.sources.detail[selection.source] === 'histogram';
  const kinds = new SeriesKinds(tables, selection.source, byProcess);
  const sums = new Sums(tables.series.length, kinds);
  const fine = binWidthFor(duration, HEAT_COLUMNS);
  const sliceNs = isCounted ? Math.max(1, Math.ceil(fine / SLICE_NS)) * SLICE_NS : fine;
  const heat = new HeatSums(Math.ceil(duration / sliceNs) + 1, sliceNs);
  const filter = new SampleFilter(tables, selection);
  const stacks = addSamples(tables, filter, { sums, heat, isCounted });
  addCells(tables, selection, { sums, heat: isCounted ? heat : null });
  const rows = sums.heaviest(MOST_SERIES);
  const histograms = seriesCounts(tables, selection, { rows, kinds, filter, isCounted });
  return {
    counts: sums.counts,
    heat: heat.columns(),
    sliceNs,
    series: rows.map((row) => sums.seriesOf(row, histograms.get(row)!)),
    seriesOmitted: sums.seriesCount() - rows.length,
    calls: sums.calls,
    stacks,
    isCounted,
  };
}

/** Some calls of one series and bucket. */
interface Calls {
  /** Row of SeriesTable; -1: none. */
  readonly series: number;
  readonly bucket: number;
  readonly count: number;
  /** Sum and largest of their durations, ns. */
  readonly total: number;
  readonly max: number;
}

/** Which parts of the selection hold something. */
interface Membership {
  readonly time: boolean;
  readonly values: boolean;
  readonly series: boolean;
}

/** Which series are shown as one: each by itself, or those of a name of all processes. */
class SeriesKinds {
  /** Row of SeriesTable → the first row of its kind. */
  private readonly first: Int32Array;
  private readonly members = new Map<number, number[]>();

  constructor({ series }: SessionTables, source: number, byProcess: boolean) {
    this.first = Int32Array.from({ length: series.length }, (_, row) => row);
    const byName = new Map<string, number>();
    for (let row = 0; row < series.length; row++) {
      if (series.source[row] !== source) continue;
      const name = `${series.name[row] ?? ''}\n${series.variant[row] ?? ''}`;
      const first = byProcess ? row : (byName.get(name) ?? row);
      byName.set(name, first);
      this.first[row] = first;
      const rows = this.members.get(first);
      if (rows === undefined) this.members.set(first, [row]);
      else rows.push(row);
    }
  }

  firstOf(row: number): number {
    return row < 0 ? -1 : (this.first[row] ?? -1);
  }

  rowsOf(first: number): readonly number[] {
    return this.members.get(first) ?? [first];
  }
}

/** Sums by series and by bucket. Series -1 has the last place. */
class Sums {
  readonly counts = new Float64Array(LATENCY_BUCKETS);
  calls = 0;
  private readonly last: number;
  private readonly count: Float64Array;
  private readonly total: Float64Array;
  private readonly max: Float64Array;
  private readonly kinds: SeriesKinds;

  constructor(series: number, kinds: SeriesKinds) {
    this.kinds = kinds;
    this.last = series;
    this.count = new Float64Array(series + 1);
    this.total = new Float64Array(series + 1);
    this.max = new Float64Array(series + 1);
  }

  add(calls: Calls, isIn: Membership): void {
    if (!isIn.time) return;
    if (isIn.series) this.counts[calls.bucket]! += calls.count;
    if (!isIn.values) return;
    if (isIn.series) this.calls += calls.count;
    const place = this.placeOf(calls.series);
    this.count[place]! += calls.count;
    this.total[place]! += calls.total;
    if (calls.max > this.max[place]!) this.max[place] = calls.max;
  }

  seriesCount(): number {
    return this.count.reduce((used, count) => used + (count > 0 ? 1 : 0), 0);
  }

  /** Rows of series with any call, those with the largest totals. */
  heaviest(most: number): number[] {
    const used: number[] = [];
    this.count.forEach((count, place) => {
      if (count > 0) used.push(place);
    });
    used.sort((a, b) => this.total[b]! - this.total[a]! || a - b);
    return used.slice(0, most).map((place) => (place === this.last ? -1 : place));
  }

  seriesOf(row: number, counts: Float64Array<ArrayBuffer>): SelectedSeries {
    const place = this.placeOf(row);
    return {
      row,
      rows: this.kinds.rowsOf(row),
      count: this.count[place]!,
      total: this.total[place]!,
      max: this.max[place]!,
      p99: percentileOf(counts, 0.99, this.max[place])?.value ?? Number.NaN,
      counts,
    };
  }

  private placeOf(series: number): number {
    const first = this.kinds.firstOf(series);
    return first >= 0 ? first : this.last;
  }
}

/** Calls by slice of time and bucket. */
class HeatSums {
  private readonly slices: number;
  private readonly sliceNs: number;
  private readonly sums: Float64Array;

  constructor(slices: number, sliceNs: number) {
    this.slices = slices;
    this.sliceNs = sliceNs;
    this.sums = new Float64Array(slices * LATENCY_BUCKETS);
  }

  add(time: number, bucket: number, count: number): void {
    const slice = Math.min(this.slices - 1, Math.max(0, Math.floor(time / this.sliceNs)));
    this.sums[slice * LATENCY_BUCKETS + bucket]! += count;
  }

  columns(): LatencyColumns {
    let length = 0;
    for (const sum of this.sums) if (sum > 0) length++;
    const columns = {
      length,
      key: new Uint32Array(length),
      slice: new Uint32Array(length),
      bucket: new Uint16Array(length),
      count: new Float64Array(length),
    };
    let row = 0;
    for (let at = 0; at < this.sums.length; at++) {
      if (this.sums[at] === 0) continue;
      columns.slice[row] = Math.floor(at / LATENCY_BUCKETS);
      columns.bucket[row] = at % LATENCY_BUCKETS;
      columns.count[row++] = this.sums[at]!;
    }
    return columns;
  }
}

/** How many calls a sample stands for: one, or as many as an example was picked from. */
function callsOf({ samples }: SessionTables, sample: number): number {
  const value = samples.value[sample]!;
  return value > 0 ? samples.weight[sample]! / value : 1;
}

/** Adds the samples of the source; returns how many of them the whole selection holds. */
function addSamples(
  tables: SessionTables,
  filter: SampleFilter,
  to: { readonly sums: Sums; readonly heat: HeatSums; readonly isCounted: boolean },
): number {
  const { samples } = tables;
  let selected = 0;
  for (let sample = 0; sample < samples.length; sample++) {
    if (!filter.isOfSource(sample)) continue;
    const isIn = {
      time: filter.isInTime(sample),
      values: filter.isInValues(sample),
      series: filter.isInSeries(sample),
    };
    if (isIn.time && isIn.values && isIn.series) selected++;
    if (to.isCounted) continue;
    const value = samples.value[sample]!;
    const bucket = bucketOf(value);
    const count = callsOf(tables, sample);
    const series = samples.series[sample]!;
    to.sums.add({ series, bucket, count, total: samples.weight[sample]!, max: value }, isIn);
    if (isIn.series) to.heat.add(samples.time[sample]!, bucket, count);
  }
  return selected;
}

/** Calls back with the cells of the selected source and processes, and what of the selection holds them. */
function forEachCell(
  { latencies, series }: SessionTables,
  selection: Selection,
  visit: (row: number, isIn: Membership) => void,
): void {
  const { timeRange, values } = selection;
  const rows = selection.series === null ? null : new Set(selection.series);
  const processes = selection.processes === null ? null : new Set(selection.processes);
  const buckets = values === null ? null : bucketRangeOf(values.from, values.to);
  for (let row = 0; row < latencies.length; row++) {
    const one = latencies.series[row]!;
    if (series.source[one] !== selection.source) continue;
    const process = series.process[one]!;
    if (processes !== null && process >= 0 && !processes.has(process)) continue;
    const bucket = latencies.bucket[row]!;
    const from = latencies.slice[row]! * SLICE_NS;
    visit(row, {
      time: timeRange === null || (from < timeRange.to && from + SLICE_NS > timeRange.from),
      values: buckets === null || (bucket >= buckets.first && bucket < buckets.end),
      series: rows === null || rows.has(one),
    });
  }
}

function addCells(
  tables: SessionTables,
  selection: Selection,
  to: { readonly sums: Sums; readonly heat: HeatSums | null },
): void {
  const { latencies } = tables;
  forEachCell(tables, selection, (row, isIn) => {
    const bucket = bucketAt(tables, row);
    const count = latencies.count[row]!;
    const max = Math.min(latencies.max[row]!, bucketHigh(bucket));
    const series = latencies.series[row]!;
    to.sums.add({ series, bucket, count, total: latencies.total[row]!, max }, isIn);
    if (isIn.series) to.heat?.add(latencies.slice[row]! * SLICE_NS, bucket, count);
  });
}

const bucketAt = ({ latencies }: SessionTables, row: number): number =>
  Math.min(latencies.bucket[row]!, LATENCY_BUCKETS - 1);

/** Calls per bucket for each of the rows, within the selected time and latencies. */
function seriesCounts(
  tables: SessionTables,
  selection: Selection,
  of: {
    readonly rows: readonly number[];
    readonly kinds: SeriesKinds;
    readonly filter: SampleFilter;
    readonly isCounted: boolean;
  },
): ReadonlyMap<number, Float64Array<ArrayBuffer>> {
  const { samples, latencies } = tables;
  const { filter, kinds } = of;
  const byRow = new Map(of.rows.map((row) => [row, new Float64Array(LATENCY_BUCKETS)]));
  for (let sample = 0; sample < samples.length && !of.isCounted; sample++) {
    if (!filter.isOfSource(sample) || !filter.isInTime(sample)) continue;
    if (!filter.isInValues(sample)) continue;
    const counts = byRow.get(kinds.firstOf(samples.series[sample]!));
    if (counts === undefined) continue;
    counts[bucketOf(samples.value[sample]!)]! += callsOf(tables, sample);
  }
  forEachCell(tables, selection, (row, isIn) => {
    const counts = byRow.get(kinds.firstOf(latencies.series[row]!));
    if (counts === undefined || !isIn.time || !isIn.values) return;
    counts[bucketAt(tables, row)]! += latencies.count[row]!;
  });
  return byRow;
}

import { invariant } from '../invariant.ts';
import { binEdges, type LatencyAxis } from './latency-bins.ts';
import { LATENCY_BUCKETS } from './latency-buckets.ts';
import { forEachCell, type LatencyColumns, type LatencyFilter } from './latency-histogram.ts';

/** A grid of sums: what a heatmap paints. */
export interface HeatGrid {
  /** Column k covers [columnEdges[k], columnEdges[k + 1]), ns since session start. */
  readonly columnEdges: Float64Array;
  /** Row k covers [rowEdges[k], rowEdges[k + 1]): buckets of latency, or ns within a column. */
  readonly rowEdges: Float64Array;
  /** Sum of the cell in column c and row r at c * rows + r. */
  readonly sums: Float64Array;
  /** Largest and smallest sum of a cell that has any; 0 if none has. */
  readonly largest: number;
  readonly smallest: number;
  /** Sum of all cells, and of what lies outside of the grid. */
  readonly inside: number;
  readonly outside: number;
}

/** What part of time and latency a latency heatmap shows, and how finely. */
export interface HeatView {
  /** ns since session start, half-open; columns are whole slices that overlap it. */
  readonly time: { readonly from: number; readonly to: number };
  readonly latency: LatencyAxis;
  /** At most so many columns. */
  readonly columns: number;
  /** Length of the latency axis, pixels, and the least height of a row. */
  readonly pixels: number;
  readonly leastRow: number;
}

/** At most so many columns whatever is asked for: a damaged file must not take all memory. */
const MOST_COLUMNS = 8192;

/**
 * Time across, latency up: whole slices and whole buckets per cell, so that sums are conserved:
 * inside + outside is the sum of all cells that pass the filter.
 */
export function latencyHeatmap(
  columns: LatencyColumns,
  filter: LatencyFilter,
  sliceNs: number,
  view: HeatView,
): HeatGrid {
  invariant(sliceNs > 0, 'a slice of time has a width');
  const first = Math.max(0, Math.floor(view.time.from / sliceNs));
  const end = Math.max(first + 1, Math.ceil(view.time.to / sliceNs));
  const most = Math.min(MOST_COLUMNS, Math.max(1, Math.floor(view.columns)));
  const perColumn = Math.ceil((end - first) / most);
  const width = Math.ceil((end - first) / perColumn);
  const rowEdges = Float64Array.from(binEdges(view.latency, view.pixels, view.leastRow));
  const rows = Math.max(0, rowEdges.length - 1);
  const rowOf = new Int32Array(LATENCY_BUCKETS).fill(-1);
  for (let row = 0; row < rows; row++) rowOf.fill(row, rowEdges[row], rowEdges[row + 1]);
  const sums = new Float64Array(width * rows);
  let outside = 0;
  forEachCell(columns, filter, (at) => {
    const slice = columns.slice[at]!;
    const row = rowOf[Math.min(columns.bucket[at]!, LATENCY_BUCKETS - 1)]!;
    const column = Math.floor((slice - first) / perColumn);
    if (row < 0 || slice < first || slice >= end) outside += columns.count[at]!;
    else sums[column * rows + row]! += columns.count[at]!;
  });
  const columnEdges = new Float64Array(width + 1).map(
    (_, column) => Math.min(end, first + column * perColumn) * sliceNs,
  );
  return summed({ columnEdges, rowEdges, sums, outside });
}

/** Weighted moments in time: samples of any kind, or single calls. */
export interface TimedWeights {
  readonly length: number;
  /** ns since session start. */
  readonly time: Float64Array;
  readonly weight: Float64Array | Uint32Array;
}

/** What a sub-second heatmap shows. */
export interface SubSecondView {
  /** ns, half-open; the first column begins at the multiple of `columnNs` at or before `from`. */
  readonly from: number;
  readonly to: number;
  /** ns a column covers; usually a second. */
  readonly columnNs: number;
  /** Rows a column is cut into. */
  readonly rows: number;
}

/**
 * Seconds across, parts of a second down (row 0 first in time), as FlameScope draws them: short
 * bursts and periodic work stand out. Weights that are not finite count as outside with weight 0.
 */
export function subSecondHeatmap(samples: TimedWeights, view: SubSecondView): HeatGrid {
  const { columnNs, rows } = view;
  invariant(columnNs > 0 && rows >= 1, 'a sub-second heatmap has columns and rows');
  const first = Math.floor(view.from / columnNs);
  const end = Math.max(first + 1, Math.ceil(view.to / columnNs));
  const width = Math.min(MOST_COLUMNS, end - first);
  const sums = new Float64Array(width * rows);
  let outside = 0;
  for (let sample = 0; sample < samples.length; sample++) {
    const weight = samples.weight[sample]!;
    if (!Number.isFinite(weight)) continue;
    const column = Math.floor(samples.time[sample]! / columnNs) - first;
    if (!(column >= 0 && column < width)) {
      outside += weight;
      continue;
    }
    const within = samples.time[sample]! - (first + column) * columnNs;
    const row = Math.min(rows - 1, Math.floor((within / columnNs) * rows));
    sums[column * rows + row]! += weight;
  }
  return summed({
    columnEdges: new Float64Array(width + 1).map((_, column) => (first + column) * columnNs),
    rowEdges: new Float64Array(rows + 1).map((_, row) => (row / rows) * columnNs),
    sums,
    outside,
  });
}

/** Completes a grid by its extremes. */
function summed(parts: Pick<HeatGrid, 'columnEdges' | 'rowEdges' | 'sums' | 'outside'>): HeatGrid {
  let largest = 0;
  let smallest = 0;
  let inside = 0;
  for (const sum of parts.sums) {
    inside += sum;
    if (sum > largest) largest = sum;
    if (sum > 0 && (smallest === 0 || sum < smallest)) smallest = sum;
  }
  return { ...parts, largest, smallest, inside };
}

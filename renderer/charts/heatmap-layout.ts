import { scaleLinear } from 'd3';
import {
  type AxisKind,
  axisFor,
  axisPosition,
  type LatencyAxis,
} from '#shared/model/latency-bins.ts';
import { type BucketRange, bucketHigh, bucketLow } from '#shared/model/latency-buckets.ts';
import {
  type HeatGrid,
  latencyHeatmap,
  type SubSecondView,
  subSecondHeatmap,
  type TimedWeights,
} from '#shared/model/latency-heatmap.ts';
import {
  countsOf,
  type LatencyColumns,
  type LatencyFilter,
} from '#shared/model/latency-histogram.ts';
import { countExtent } from '#shared/model/latency-stats.ts';
import { formatDuration } from '#shared/text/format-value.ts';
import { linearTickTexts } from '#shared/text/latency-text.ts';
import { type AxisTick, latencyTicks } from './latency-axis.ts';
import type { Measure, PlotBox } from './latency-histogram-layout.ts';

/** Latencies over time. */
export interface LatencyHeatData {
  readonly kind: 'latency';
  readonly columns: LatencyColumns;
  readonly filter: LatencyFilter;
  readonly sliceNs: number;
  /** ns since session start. */
  readonly time: { readonly from: number; readonly to: number };
  readonly axis: AxisKind;
  /** Singular name of what is counted, such as "call". */
  readonly noun: string;
}

/** Weights over seconds and their parts. */
export interface SubSecondHeatData {
  readonly kind: 'sub-second';
  readonly samples: TimedWeights;
  readonly view: SubSecondView;
  readonly noun: string;
}

/** What a heatmap shows. */
export type HeatData = LatencyHeatData | SubSecondHeatData;

/** A cell of the grid. Row 0 is the lowest latency, or the earliest part of a second. */
export interface Cell {
  readonly column: number;
  readonly row: number;
}

/** What is selected. Latency heatmap: a rectangle. Sub-second: a stretch of time, `latency` null. */
export interface HeatSelection {
  /** ns since session start, half-open. */
  readonly time: { readonly from: number; readonly to: number };
  readonly latency: BucketRange | null;
}

/** Everything about a frame but its colours. Lengths in CSS pixels. */
export interface HeatmapLayout {
  readonly kind: HeatData['kind'];
  readonly plot: PlotBox;
  readonly grid: HeatGrid;
  /** Edges of columns from the plot's left, of rows from its top: rowTop[r] is below rowTop[r + 1] for latencies. */
  readonly columnLeft: Float64Array;
  readonly rowTop: Float64Array;
  readonly xTicks: readonly AxisTick[];
  /** Positions from the plot's top. */
  readonly yTicks: readonly AxisTick[];
  /** What a cell counts: "Calls per 1 s and 4 px". */
  readonly title: string;
}

const LEFT = 60;
const RIGHT = 20;
/** Above the plot: title and legend. */
const TOP = 40;
const BOTTOM = 28;
const LEAST_COLUMN = 4;
const LEAST_ROW = 5;

/** Lays a heatmap out. */
export function layoutHeatmap(
  data: HeatData,
  size: { readonly width: number; readonly height: number },
  measure: Measure,
): HeatmapLayout {
  const plot = {
    ...{ left: LEFT, top: TOP },
    width: Math.max(1, size.width - LEFT - RIGHT),
    height: Math.max(1, size.height - TOP - BOTTOM),
  };
  return data.kind === 'latency'
    ? layoutLatency(data, plot, measure)
    : layoutSubSecond(data, plot, measure);
}

function layoutLatency(data: LatencyHeatData, plot: PlotBox, measure: Measure): HeatmapLayout {
  const extent = countExtent(countsOf(data.columns, data.filter));
  const axis = axisFor(
    data.axis,
    extent === null
      ? { first: 250, end: 900 }
      : { first: Math.max(1, extent.first - 3), end: extent.end + 3 },
  );
  const grid = latencyHeatmap(data.columns, data.filter, data.sliceNs, {
    time: data.time,
    latency: axis,
    columns: plot.width / LEAST_COLUMN,
    pixels: plot.height,
    leastRow: LEAST_ROW,
  });
  const up = (ns: number): number =>
    (1 - Math.min(1, Math.max(0, axisPosition(axis, Math.min(ns, axis.to))))) * plot.height;
  const empty = grid.inside === 0;
  return {
    ...shared(data.kind, plot, grid, measure),
    rowTop: grid.rowEdges.map((bucket, row) =>
      up(row === grid.rowEdges.length - 1 ? bucketHigh(bucket - 1) : bucketLow(bucket)),
    ),
    yTicks: empty ? [] : upward(axis, plot),
    title: `${data.noun}s per ${columnText(grid)} and latency`,
  };
}

const upward = (axis: LatencyAxis, plot: PlotBox): AxisTick[] =>
  latencyTicks(axis, plot.height, 44).map(({ position, text }) => ({
    position: 1 - position,
    text,
  }));

function layoutSubSecond(data: SubSecondHeatData, plot: PlotBox, measure: Measure): HeatmapLayout {
  const grid = subSecondHeatmap(data.samples, data.view);
  const { columnNs } = data.view;
  const ticks = scaleLinear([0, columnNs], [0, 1]).ticks(Math.max(2, Math.floor(plot.height / 60)));
  const texts = linearTickTexts(ticks);
  const empty = grid.inside === 0;
  return {
    ...shared(data.kind, plot, grid, measure),
    rowTop: grid.rowEdges.map((ns) => (ns / columnNs) * plot.height),
    yTicks: empty ? [] : ticks.map((ns, at) => ({ position: ns / columnNs, text: texts[at]! })),
    title: `${data.noun}s per ${formatDuration(columnNs / data.view.rows)}`,
  };
}

function shared(
  kind: HeatData['kind'],
  plot: PlotBox,
  grid: HeatGrid,
  measure: Measure,
): Pick<HeatmapLayout, 'kind' | 'plot' | 'grid' | 'columnLeft' | 'xTicks'> {
  const from = grid.columnEdges[0]!;
  const to = grid.columnEdges.at(-1)!;
  const position = scaleLinear([from, to], [0, 1]);
  const widest = measure(formatDuration(to)) + 48;
  const ticks = position.ticks(Math.max(2, Math.floor(plot.width / Math.max(90, widest))));
  // "60 s" beside "50 s", not "1 m 0 s"; from some minutes on, minutes say more.
  const texts = to <= 300e9 ? linearTickTexts(ticks) : ticks.map(formatDuration);
  return {
    ...{ kind, plot, grid },
    columnLeft: grid.columnEdges.map((ns) => position(ns) * plot.width),
    xTicks:
      grid.inside === 0
        ? []
        : ticks.map((ns, at) => ({ position: position(ns), text: texts[at]! })),
  };
}

const columnText = (grid: HeatGrid): string =>
  formatDuration(grid.columnEdges[1]! - grid.columnEdges[0]!);

/** Rows of a grid. */
export const rowsOf = (grid: HeatGrid): number => grid.rowEdges.length - 1;
/** Columns of a grid. */
export const columnsOf = (grid: HeatGrid): number => grid.columnEdges.length - 1;
/** The sum of a cell. */
export const sumOf = (grid: HeatGrid, cell: Cell): number =>
  grid.sums[cell.column * rowsOf(grid) + cell.row] ?? 0;

/** The cell at a point of the plot; `nearest`: points outside belong to the cell at the edge. */
export function cellAt(
  layout: HeatmapLayout,
  at: { readonly x: number; readonly y: number },
  nearest: boolean,
): Cell | null {
  const { plot, grid, columnLeft, rowTop } = layout;
  if (columnsOf(grid) < 1 || rowsOf(grid) < 1) return null;
  const outside = at.x < 0 || at.x >= plot.width || at.y < 0 || at.y >= plot.height;
  if (outside && !nearest) return null;
  const column = stretchAt(columnLeft, at.x);
  const row = stretchAt(rowTop, at.y);
  return { column, row };
}

/** Index of the stretch between edges, rising or falling, that holds a place, or of the nearest. */
function stretchAt(edges: Float64Array, place: number): number {
  const rising = edges[0]! <= edges.at(-1)!;
  let low = 0;
  let high = edges.length - 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const end = edges[middle + 1]!;
    if (rising ? place < end : place >= end) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** What cells `a` and `b` select: the rectangle between them, or the time from the earlier to the later. */
export function selectionOfCells(layout: HeatmapLayout, a: Cell, b: Cell): HeatSelection {
  const { columnEdges, rowEdges } = layout.grid;
  if (layout.kind === 'latency') {
    return {
      time: {
        from: columnEdges[Math.min(a.column, b.column)]!,
        to: columnEdges[Math.max(a.column, b.column) + 1]!,
      },
      latency: {
        first: rowEdges[Math.min(a.row, b.row)]!,
        end: rowEdges[Math.max(a.row, b.row) + 1]!,
      },
    };
  }
  const [first, last] =
    a.column < b.column || (a.column === b.column && a.row <= b.row) ? [a, b] : [b, a];
  return {
    time: {
      from: columnEdges[first.column]! + rowEdges[first.row]!,
      to: columnEdges[last.column]! + rowEdges[last.row + 1]!,
    },
    latency: null,
  };
}

/** The rectangles a selection covers, CSS pixels from the plot's left and top, clipped to the plot. */
export function boxesOfSelection(layout: HeatmapLayout, selection: HeatSelection): PlotBox[] {
  const { plot, grid, columnLeft } = layout;
  const { from, to } = selection.time;
  const start = grid.columnEdges[0]!;
  const span = grid.columnEdges.at(-1)! - start;
  const x = (ns: number): number => Math.min(1, Math.max(0, (ns - start) / span)) * plot.width;
  if (layout.kind === 'latency') {
    const { top, bottom } = heightsOf(layout, selection.latency);
    return [{ left: x(from), top, width: x(to) - x(from), height: bottom - top }];
  }
  const columnNs = grid.rowEdges.at(-1)!;
  const boxes: PlotBox[] = [];
  for (let column = 0; column < columnsOf(grid); column++) {
    const begin = grid.columnEdges[column]!;
    const top = Math.max(0, (from - begin) / columnNs);
    const bottom = Math.min(1, (to - begin) / columnNs);
    if (bottom <= top) continue;
    const width = columnLeft[column + 1]! - columnLeft[column]!;
    boxes.push({
      ...{ left: columnLeft[column]!, width },
      top: top * plot.height,
      height: (bottom - top) * plot.height,
    });
  }
  return boxes;
}

/** Top and bottom of a range of buckets, by the rows that hold them. */
function heightsOf(
  layout: HeatmapLayout,
  range: BucketRange | null,
): { readonly top: number; readonly bottom: number } {
  const { grid, rowTop, plot } = layout;
  if (range === null) return { top: 0, bottom: plot.height };
  let top = rowTop[0]!;
  let bottom = rowTop.at(-1)!;
  grid.rowEdges.forEach((bucket, row) => {
    if (bucket <= range.first) bottom = rowTop[row]!;
    if (bucket <= range.end) top = rowTop[row]!;
  });
  if (range.first < grid.rowEdges[0]!) bottom = rowTop[0]!;
  return { top: Math.min(top, bottom), bottom: Math.max(top, bottom) };
}

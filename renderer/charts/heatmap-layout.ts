import { scaleLinear } from 'd3';
import {
  type AxisKind,
  axisFor,
  axisPosition,
  type LatencyAxis,
} from '#shared/model/latency-bins.ts';
import { bucketHigh, bucketLow } from '#shared/model/latency-buckets.ts';
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
import type { WeightUnit } from '#shared/model/session-tables.ts';
import { formatDuration } from '#shared/text/format-value.ts';
import { linearTickTexts } from '#shared/text/latency-text.ts';
import type { HeatRange } from './heatmap-color.ts';
import { type AxisTick, latencyTicks } from './latency-axis.ts';
import type { Measure, PlotBox } from './percentile-markers.ts';

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
  /** Of the weights. */
  readonly unit: WeightUnit;
}

/** What a heatmap shows. */
export type HeatData = LatencyHeatData | SubSecondHeatData;

/** Everything about a frame but its colours. Lengths in CSS pixels. */
export interface HeatmapLayout {
  readonly kind: HeatData['kind'];
  readonly plot: PlotBox;
  readonly grid: HeatGrid;
  /** Edges of columns from the plot's left, of rows from its top: rowTop[r] is below rowTop[r + 1] for latencies. */
  readonly columnLeft: Float64Array;
  readonly rowTop: Float64Array;
  /** Factor that makes the sums of rows of unequal height comparable: colours stand for the product. */
  readonly rowWeight: Float64Array;
  /** Smallest and largest of those products; 0 if there are none. */
  readonly range: HeatRange;
  readonly xTicks: readonly AxisTick[];
  /** Positions from the plot's top. */
  readonly yTicks: readonly AxisTick[];
  /** What a colour stands for: "Calls per 1 s and 1.6 % of latency". */
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
  const rowTop = grid.rowEdges.map((bucket, row) =>
    up(row === grid.rowEdges.length - 1 ? bucketHigh(bucket - 1) : bucketLow(bucket)),
  );
  const step = leastRowOf(rowTop);
  const rowWeight = new Float64Array(Math.max(0, rowTop.length - 1)).map((_, row) =>
    Math.min(1, step / Math.max(1e-9, rowTop[row]! - rowTop[row + 1]!)),
  );
  return {
    ...shared(data.kind, plot, grid, measure),
    ...{ rowTop, rowWeight, range: rangeOf(grid, rowWeight) },
    yTicks: empty ? [] : upward(axis, plot),
    title: `${data.noun}s per ${columnText(grid)} and ${stepText(axis, step / plot.height)}`,
  };
}

const upward = (axis: LatencyAxis, plot: PlotBox): AxisTick[] =>
  latencyTicks(axis, plot.height, 44).map(({ position, text }) => ({
    position: 1 - position,
    text,
  }));

/**
 * Height of the lowest row, pixels; of the last one only if it is alone, as the axis may cut it. A row
 * twice as high as its neighbour must not look twice as busy: buckets double where a power of two is passed.
 */
function leastRowOf(rowTop: Float64Array): number {
  let least = Infinity;
  for (let row = 0; row + 1 < rowTop.length; row++) {
    if (row + 2 === rowTop.length && row > 0) break;
    least = Math.min(least, rowTop[row]! - rowTop[row + 1]!);
  }
  return Number.isFinite(least) && least > 0 ? least : 1;
}

/** Part of the latency axis in words: "1.6 % of latency", "50 µs". */
const stepText = (axis: LatencyAxis, share: number): string =>
  axis.kind === 'linear'
    ? formatDuration(share * (axis.to - axis.from))
    : `${Number((((axis.to / axis.from) ** share - 1) * 100).toPrecision(2))} % of latency`;

function rangeOf(grid: HeatGrid, rowWeight: Float64Array): HeatRange {
  let smallest = Infinity;
  let largest = 0;
  grid.sums.forEach((sum, at) => {
    if (sum <= 0) return;
    const value = sum * rowWeight[at % rowWeight.length]!;
    if (value < smallest) smallest = value;
    if (value > largest) largest = value;
  });
  return { smallest: largest > 0 ? smallest : 0, largest };
}

function layoutSubSecond(data: SubSecondHeatData, plot: PlotBox, measure: Measure): HeatmapLayout {
  const grid = subSecondHeatmap(data.samples, data.view);
  const { columnNs } = data.view;
  const ticks = scaleLinear([0, columnNs], [0, 1]).ticks(Math.max(2, Math.floor(plot.height / 60)));
  const texts = linearTickTexts(ticks);
  const empty = grid.inside === 0;
  return {
    ...shared(data.kind, plot, grid, measure),
    rowTop: grid.rowEdges.map((ns) => (ns / columnNs) * plot.height),
    rowWeight: new Float64Array(data.view.rows).fill(1),
    range: { smallest: grid.smallest, largest: grid.largest },
    yTicks: empty ? [] : ticks.map((ns, at) => ({ position: ns / columnNs, text: texts[at]! })),
    title: `${data.unit === 'nanoseconds' ? `time of ${data.noun}s` : `${data.noun}s`} per ${formatDuration(columnNs / data.view.rows)}`,
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

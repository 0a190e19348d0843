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
import { formatDuration } from '#shared/text/format-value.ts';
import { linearTickTexts } from '#shared/text/latency-text.ts';
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

import {
  type AxisKind,
  axisFor,
  axisPosition,
  type LatencyAxis,
  type LatencyBins,
  latencyBins,
} from '#shared/model/latency-bins.ts';
import {
  type BucketRange,
  bucketHigh,
  bucketLow,
  bucketOf,
  LATENCY_BUCKETS,
} from '#shared/model/latency-buckets.ts';
import { cumulativeCounts, type LatencyStats, latencyStats } from '#shared/model/latency-stats.ts';
import { formatQuantity } from '#shared/text/format-value.ts';
import { linearTickTexts } from '#shared/text/latency-text.ts';
import { type AxisTick, countScale, latencyTicks, roundDown } from './latency-axis.ts';
import { type Measure, markersOf, type PlacedMarker, type PlotBox } from './percentile-markers.ts';

/** What a latency histogram shows. */
export interface HistogramData {
  /** Durations per bucket: LATENCY_BUCKETS numbers. */
  readonly counts: Float64Array;
  /** Singular name of what was measured, such as "call". */
  readonly noun: string;
}

/** How it is shown. */
export interface HistogramOptions {
  readonly latency: AxisKind;
  readonly count: AxisKind;
  /** Adds the share of durations up to each latency, as a line. */
  readonly cumulative: boolean;
  /** Only these buckets; null: all that have any. */
  readonly shown: BucketRange | null;
}
export const DEFAULT_HISTOGRAM: HistogramOptions = {
  latency: 'log',
  count: 'linear',
  cumulative: false,
  shown: null,
};

/** Bars as columns, CSS pixels from the plot's left; heights 0 to 1 of the plot. */
export interface HistogramBars {
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly height: Float64Array;
}

/** Everything about a frame but its colours. */
export interface HistogramLayout {
  readonly plot: PlotBox;
  readonly axis: LatencyAxis;
  readonly bins: LatencyBins;
  readonly bars: HistogramBars;
  readonly xTicks: readonly AxisTick[];
  readonly yTicks: readonly AxisTick[];
  /** What a height means: "calls per 5 % of latency". */
  readonly yTitle: string;
  readonly markers: readonly PlacedMarker[];
  /** Share of durations at the right edge of each bar, 0 to 1; null: not wanted. */
  readonly cumulative: Float64Array | null;
  readonly stats: LatencyStats;
}

const LEFT = 60;
const RIGHT = 20;
const RIGHT_WITH_SHARES = 52;
const BOTTOM = 28;
/** Above the plot: what the heights mean. */
const TITLE_HEIGHT = 26;
/** Of a row of percentile labels. */
export const MARKER_ROW = 18;
/** Least width of a bar, CSS pixels. */
const LEAST_BAR = 3;
/** Width of the narrowest buckets above 64 ns, as a share of their latency. */
const NARROWEST_BUCKET = 1 / 63;
/** Buckets an axis shows at least: a single bucket should not fill the view. */
const LEAST_BUCKETS = 48;

/** Lays a histogram out; without durations the plot is empty and has no marks. */
export function layoutHistogram(
  data: HistogramData,
  options: HistogramOptions,
  size: { readonly width: number; readonly height: number },
  measure: Measure,
): HistogramLayout {
  const stats = latencyStats(data.counts);
  const axis = axisFor(options.latency, options.shown ?? roomAround(stats.extent));
  const across = {
    left: LEFT,
    width: Math.max(1, size.width - LEFT - (options.cumulative ? RIGHT_WITH_SHARES : RIGHT)),
  };
  const markers = markersOf(stats, axis, across, measure);
  const rows = markers.reduce((most, { row }) => Math.max(most, row + 1), 0);
  const top = TITLE_HEIGHT + rows * MARKER_ROW;
  const plot = { ...across, top, height: Math.max(1, size.height - top - BOTTOM) };
  const bins = latencyBins(data.counts, axis, plot.width, LEAST_BAR);
  const step = densityStep(axis, plot.width);
  const density = bins.counts.map((count, bin) =>
    count === 0 ? 0 : count * step.part(bucketLow(bins.edges[bin]!), binHigh(bins, bin, axis)),
  );
  const scale = countScale(options.count, extremesOf(density), plot.height);
  const empty = stats.count === 0;
  return {
    plot,
    axis,
    bins,
    bars: barsOf(bins, axis, plot, density.map(scale.heightOf)),
    xTicks: empty ? [] : latencyTicks(axis, plot.width, 90),
    yTicks: empty ? [] : scale.ticks,
    yTitle: empty ? '' : `${data.noun}s per ${step.text}${besideText(bins, data.noun)}`,
    markers: markers.map(({ row, ...marker }) => ({
      ...marker,
      top: top - (row + 1) * MARKER_ROW,
    })),
    cumulative: options.cumulative && !empty ? sharesOf(bins, data.counts, stats.count) : null,
    stats,
  };
}

/** The bar at a distance from the plot's left, -1: none. Neighbouring bars share an edge. */
export function barAt(layout: HistogramLayout, x: number): number {
  const { left, right } = layout.bars;
  for (let bar = 0; bar < left.length; bar++) {
    if (x >= left[bar]! && x < right[bar]!) return bar;
  }
  return -1;
}

/** The bar nearest to a distance from the plot's left; -1 only if there are no bars. */
export function nearestBar(layout: HistogramLayout, x: number): number {
  const at = barAt(layout, x);
  if (at >= 0) return at;
  const { length } = layout.bars.left;
  return x < 0 ? Math.min(0, length - 1) : length - 1;
}

/** The buckets of bars `a` to `b`, in either order. */
export const rangeOfBars = (bins: LatencyBins, a: number, b: number): BucketRange => ({
  first: bins.edges[Math.min(a, b)]!,
  end: bins.edges[Math.max(a, b) + 1]!,
});

/** Left and right edge of buckets, CSS pixels from the plot's left, clipped to the plot. */
export function edgesOfRange(
  layout: Pick<HistogramLayout, 'axis' | 'plot'>,
  range: BucketRange,
): { readonly left: number; readonly right: number } {
  const { axis, plot } = layout;
  const clip = (ns: number): number =>
    Math.min(1, Math.max(0, axisPosition(axis, Math.min(ns, axis.to)))) * plot.width;
  return { left: clip(bucketLow(range.first)), right: clip(bucketHigh(range.end - 1)) };
}

/** What a part of the axis leaves out: it must not look like all there is. */
function besideText({ below, above }: LatencyBins, noun: string): string {
  const beside = [
    below > 0 ? formatQuantity(below, `shorter ${noun}`) : '',
    above > 0 ? formatQuantity(above, `longer ${noun}`) : '',
  ].filter((text) => text !== '');
  return beside.length === 0 ? '' : ` · not shown: ${beside.join(', ')}`;
}

/** Air on both sides of what there is, more of it around a few buckets. */
function roomAround(extent: BucketRange | null): BucketRange {
  if (extent === null) return { first: bucketOf(1e3), end: bucketOf(1e9) };
  const air = Math.max(3, Math.ceil((LEAST_BUCKETS - (extent.end - extent.first)) / 2));
  return {
    first: Math.max(Math.min(1, extent.first), extent.first - air),
    end: Math.min(LATENCY_BUCKETS, extent.end + air),
  };
}

const binHigh = (bins: LatencyBins, bin: number, axis: LatencyAxis): number => {
  const high = bucketHigh(bins.edges[bin + 1]! - 1);
  return high === Infinity ? axis.to : high;
};

/**
 * Bars differ in width, as buckets do, so heights are durations per equal step of the axis: a smooth
 * distribution looks smooth. The step is no wider than a bar, so no height is above the bar's count.
 */
function densityStep(
  axis: LatencyAxis,
  width: number,
): { readonly text: string; part(low: number, high: number): number } {
  if (axis.kind === 'linear') {
    const step = Math.max(1, roundDown(((axis.to - axis.from) / width) * LEAST_BAR));
    return {
      text: linearTickTexts([step])[0]!,
      part: (low, high) => step / (high - low),
    };
  }
  const wide = (axis.to / axis.from) ** (LEAST_BAR / width) - 1;
  const step = roundDown(Math.max(wide, NARROWEST_BUCKET));
  return {
    text: `${Number((step * 100).toPrecision(2))} % of latency`,
    part: (low, high) => Math.log1p(step) / Math.log(high / Math.max(low, 0.5)),
  };
}

function extremesOf(values: Float64Array): { least: number; most: number } {
  let least = Infinity;
  let most = 0;
  for (const value of values) {
    if (value > most) most = value;
    if (value > 0 && value < least) least = value;
  }
  return { least, most };
}

function barsOf(
  bins: LatencyBins,
  axis: LatencyAxis,
  plot: PlotBox,
  height: Float64Array,
): HistogramBars {
  const x = (ns: number): number =>
    Math.min(1, Math.max(0, axisPosition(axis, Math.min(ns, axis.to)))) * plot.width;
  return {
    left: height.map((_, bin) => x(bucketLow(bins.edges[bin]!))),
    right: height.map((_, bin) => x(binHigh(bins, bin, axis))),
    height,
  };
}

function sharesOf(bins: LatencyBins, counts: Float64Array, total: number): Float64Array {
  const sums = cumulativeCounts(counts);
  return bins.counts.map((_, bin) => sums[bins.edges[bin + 1]! - 1]! / total);
}

import type { TimeRange, ValueRange } from '#shared/model/call-tree-selection.ts';
import {
  type BucketRange,
  bucketHigh,
  bucketLow,
  bucketRangeOf,
  LATENCY_BUCKETS,
} from '#shared/model/latency-buckets.ts';
import { ALL_LATENCIES } from '#shared/model/latency-histogram.ts';
import type { HeatSelection } from '../charts/heatmap-geometry.ts';
import type { LatencyHeatData } from '../charts/heatmap-layout.ts';
import { h } from '../dom.ts';
import type { LatencyDetails, ViewSpec } from '../worker/profile-protocol.ts';
import { segmented } from './fields.ts';
import { HeatmapPanel, HistogramPanel } from './latency-panel.ts';
import { SeriesPanel } from './series-panel.ts';

export interface LatencyAreaEvents {
  onValues(values: ValueRange | null): void;
  /** A region of the heatmap: both at once. */
  onRegion(values: ValueRange | null, time: TimeRange | null): void;
  onSeries(rows: readonly number[] | null): void;
  onByProcess(byProcess: boolean): void;
}

/** What stands beside the histogram. */
type Lens = 'time' | 'series';

const LENSES = [
  { value: 'time', label: 'Over time', title: 'Latency over time, as a heatmap' },
  { value: 'series', label: 'By kind', title: 'What the source tells apart, with its figures' },
] as const;

/** Charts of a latency source above its flame graph: how long calls took, when, and which. */
export class LatencyArea {
  readonly element: HTMLElement;
  private readonly histogram: HistogramPanel;
  private readonly heatmap: HeatmapPanel;
  private readonly series: SeriesPanel;
  private readonly switches = [this.lensSwitch(), this.lensSwitch()] as const;
  private lens: Lens = 'time';

  constructor(events: LatencyAreaEvents) {
    this.histogram = new HistogramPanel('Latency', (range) =>
      events.onValues(range === null ? null : valuesOf(range)),
    );
    this.heatmap = new HeatmapPanel(
      'Latency over time',
      NO_HEAT,
      (selection) =>
        events.onRegion(
          selection === null || selection.latency === null ? null : valuesOf(selection.latency),
          selection?.time ?? null,
        ),
      this.switches[0].element,
    );
    this.series = new SeriesPanel(
      {
        onSelect: (rows) => events.onSeries(rows),
        onByProcess: (byProcess) => events.onByProcess(byProcess),
      },
      this.switches[1].element,
    );
    this.element = h(
      'div',
      { class: 'latency-area' },
      this.histogram.element,
      this.heatmap.element,
      this.series.element,
    );
    this.element.hidden = true;
    this.setLens('time');
  }

  /** `duration`: end of the time axis, ns. Null details: the source has no latencies. */
  update(details: LatencyDetails | null, view: ViewSpec, facts: LatencyFacts): void {
    this.element.hidden = details === null;
    if (details === null) return;
    const { noun, duration } = facts;
    this.histogram.setData({ counts: details.counts, noun });
    this.heatmap.setData({
      ...{ kind: 'latency', columns: details.heat, filter: ALL_LATENCIES },
      ...{ sliceNs: details.sliceNs, noun, axis: this.heatmap.axis },
      time: { from: 0, to: Math.max(1, duration) },
    });
    this.series.update(details, view);
    this.setSelected(view, duration);
  }

  /** Shows what is selected, whoever selected it. */
  setSelected({ values, window }: ViewSpec, duration: number): void {
    const latency = values === null ? null : bucketRangeOf(values.from, values.to);
    this.histogram.setSelected(latency);
    const time = window.kind === 'range' ? window.range : null;
    this.heatmap.setSelected(heatSelection(latency, time, duration));
  }

  private lensSwitch(): ReturnType<typeof segmented<Lens>> {
    return segmented<Lens>('Beside the histogram', LENSES, (lens) => this.setLens(lens));
  }

  private setLens(lens: Lens): void {
    this.lens = lens;
    for (const one of this.switches) one.setValue(lens);
    this.heatmap.element.hidden = this.lens !== 'time';
    this.series.element.hidden = this.lens !== 'series';
  }
}

export interface LatencyFacts {
  /** Singular name of what was measured. */
  readonly noun: string;
  /** ns: end of the time axis. */
  readonly duration: number;
}

const NO_HEAT: LatencyHeatData = {
  kind: 'latency',
  columns: {
    length: 0,
    ...{ key: new Uint32Array(0), slice: new Uint32Array(0) },
    ...{ bucket: new Uint16Array(0), count: new Float64Array(0) },
  },
  filter: ALL_LATENCIES,
  sliceNs: 1e9,
  time: { from: 0, to: 1e9 },
  axis: 'log',
  noun: 'call',
};

const valuesOf = (range: BucketRange): ValueRange => ({
  from: bucketLow(range.first),
  to: bucketHigh(range.end - 1),
});

/** The rectangle that the selected latencies and time make; what is not limited reaches over all. */
function heatSelection(
  latency: BucketRange | null,
  time: TimeRange | null,
  duration: number,
): HeatSelection | null {
  if (latency === null) return time === null ? null : { time, latency: WHOLE };
  return { time: time ?? { from: 0, to: duration }, latency };
}

const WHOLE: BucketRange = { first: 0, end: LATENCY_BUCKETS };

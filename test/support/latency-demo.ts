import type { BucketRange } from '#shared/model/latency-buckets.ts';
import {
  ALL_LATENCIES,
  countsOf,
  type LatencyColumns,
  latenciesOfEvents,
} from '#shared/model/latency-histogram.ts';
import type { HeatSelection } from '../../renderer/charts/heatmap-geometry.ts';
import type { HeatData } from '../../renderer/charts/heatmap-layout.ts';
import { fill, h } from '../../renderer/dom.ts';
import { HeatmapPanel, HistogramPanel } from '../../renderer/views/latency-panel.ts';
import { bimodalDurations, eventsOf, uniformDurations } from './latencies.ts';

/** The page of the latency charts alone, with data made up; bundled and driven by latency-page.ts. */

/** Data a test may ask for. `wide`: nanoseconds to minutes. */
export type DemoData = 'bimodal' | 'uniform' | 'wide' | 'one-bucket' | 'empty';

/** What tests find on the page. */
export interface LatencyDemo {
  show(data: DemoData): void;
  /** What the charts told last; null: nothing selected. */
  selected(): {
    readonly histogram: BucketRange | null;
    readonly heatmap: HeatSelection | null;
    readonly subSecond: HeatSelection | null;
  };
}

const COUNT = 60_000;
/** ns between events: a recording of one minute. */
const SPACING = 1e6;

function durationsOf(data: DemoData): readonly number[] {
  switch (data) {
    case 'bimodal':
      return bimodalDurations(COUNT);
    case 'uniform':
      return uniformDurations(COUNT, 1e6, 5e6);
    case 'wide':
      return uniformDurations(COUNT, 0, 1).map((_, at) => Math.floor(40 * 1.0004 ** at));
    case 'one-bucket':
      return Array.from({ length: COUNT }, () => 250_000);
    case 'empty':
      return [];
  }
}

/** Time of an event: every other 10 s denser in the first half of each second. */
function timeOf(at: number): number {
  const time = at * SPACING;
  const second = Math.floor(time / 1e9);
  const within = time - second * 1e9;
  return Math.floor(second / 10) % 2 === 0 ? time : second * 1e9 + within / 2;
}

function heatData(columns: LatencyColumns, duration: number): HeatData {
  return {
    ...{ kind: 'latency', columns, filter: ALL_LATENCIES, sliceNs: 1e9, axis: 'log', noun: 'call' },
    time: { from: 0, to: Math.max(1e9, duration) },
  };
}

function subSecondData(times: Float64Array, duration: number): HeatData {
  return {
    kind: 'sub-second',
    samples: { length: times.length, time: times, weight: new Float64Array(times.length).fill(1) },
    view: { from: 0, to: Math.max(1e9, duration), columnNs: 1e9, rows: 50 },
    noun: 'sample',
    unit: 'samples',
  };
}

function start(): LatencyDemo {
  const chosen: {
    histogram: BucketRange | null;
    heatmap: HeatSelection | null;
    subSecond: HeatSelection | null;
  } = { histogram: null, heatmap: null, subSecond: null };
  const none = latenciesOfEvents(eventsOf([]), 1e9).columns;
  const histogram = new HistogramPanel('Latency of vfs_read', (range) => {
    chosen.histogram = range;
  });
  const heatmap = new HeatmapPanel('Latency over time', heatData(none, 0), (selection) => {
    chosen.heatmap = selection;
  });
  const empty = subSecondData(new Float64Array(0), 0);
  const subSecond = new HeatmapPanel('Seconds and their parts', empty, (selection) => {
    chosen.subSecond = selection;
  });
  const lower = h('div', { class: 'demo-lower' }, heatmap.element, subSecond.element);
  fill(document.body, [h('main', { class: 'app demo' }, histogram.element, lower)]);
  return {
    show(data) {
      const durations = durationsOf(data);
      const time = Float64Array.from(durations, (_, at) => timeOf(at));
      const { columns } = latenciesOfEvents({ ...eventsOf(durations), time }, 1e9);
      const duration = durations.length * SPACING;
      histogram.setData({ counts: countsOf(columns, ALL_LATENCIES), noun: 'call' });
      heatmap.setData(heatData(columns, duration));
      subSecond.setData(subSecondData(time, duration));
    },
    selected: () => ({ ...chosen }),
  };
}

(globalThis as unknown as { demo: LatencyDemo }).demo = start();

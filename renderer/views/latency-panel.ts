import type { AxisKind } from '#shared/model/latency-bins.ts';
import type { BucketRange } from '#shared/model/latency-buckets.ts';
import { bucketSelectionText } from '#shared/text/latency-text.ts';
import { Heatmap } from '../charts/heatmap.ts';
import type { HeatSelection } from '../charts/heatmap-geometry.ts';
import type { HeatData } from '../charts/heatmap-layout.ts';
import { LatencyHistogram } from '../charts/latency-histogram.ts';
import {
  DEFAULT_HISTOGRAM,
  type HistogramData,
  type HistogramOptions,
} from '../charts/latency-histogram-layout.ts';
import { button, h, setAttribute, setText } from '../dom.ts';
import { segmented } from './fields.ts';

const AXES = (what: string) =>
  [
    { value: 'log', label: 'Log', title: `Logarithmic ${what}` },
    { value: 'linear', label: 'Linear', title: `Linear ${what}` },
  ] as const;

/** A latency histogram under a head with its switches. */
export class HistogramPanel {
  readonly element: HTMLElement;
  readonly chart: LatencyHistogram;
  private options: HistogramOptions = DEFAULT_HISTOGRAM;
  private data: HistogramData | null = null;
  private selected: BucketRange | null = null;
  private readonly fact = h('span', { class: 'panel-fact figure' });
  private readonly latency = segmented<AxisKind>('Latency axis', AXES('latency axis'), (latency) =>
    this.setOptions({ latency }),
  );
  private readonly count = segmented<AxisKind>('Count axis', AXES('count axis'), (count) =>
    this.setOptions({ count }),
  );
  private readonly cumulative = toggle('Cumulative', (on) => this.setOptions({ cumulative: on }));
  private readonly zoom = button({
    label: 'Zoom',
    title: 'Show only the selected latencies',
    onPress: () => this.setOptions({ shown: this.options.shown === null ? this.selected : null }),
  });

  constructor(title: string, onSelect: (range: BucketRange | null) => void) {
    this.chart = new LatencyHistogram((range) => {
      this.tell(range);
      onSelect(range);
    });
    const table = toggle('Table', (on) => this.chart.setTableShown(on));
    this.element = h(
      'section',
      { class: 'chart-panel', attributes: { 'aria-label': title } },
      h(
        'div',
        { class: 'panel-head' },
        ...[h('h2', { class: 'panel-title' }, title), this.fact, this.zoom],
        h('span', { class: 'spacer' }),
        ...[labelled('Latency', this.latency.element), labelled('Count', this.count.element)],
        ...[this.cumulative, table],
      ),
      this.chart.element,
    );
    this.setOptions({});
    this.tell(null);
  }

  setData(data: HistogramData): void {
    this.data = data;
    this.chart.setData(data);
    this.tell(this.selected);
  }

  /** Shows a selection made elsewhere. A range not yet applied stays. */
  setSelected(range: BucketRange | null): void {
    if (sameRange(range, this.selected)) return;
    this.chart.setSelected(range);
    this.tell(range);
  }

  private setOptions(change: Partial<HistogramOptions>): void {
    this.options = { ...this.options, ...change };
    this.latency.setValue(this.options.latency);
    this.count.setValue(this.options.count);
    const [short, whole] =
      this.options.shown === null ? ['Zoom', 'Zoom to selection'] : ['All', 'Show all'];
    setText(this.zoom, short);
    setAttribute(this.zoom, 'aria-label', whole);
    setAttribute(this.zoom, 'title', whole);
    this.chart.setOptions(this.options);
    this.tell(this.selected);
  }

  private tell(range: BucketRange | null): void {
    this.selected = range;
    this.zoom.hidden = range === null && this.options.shown === null;
    setText(
      this.fact,
      range === null || this.data === null
        ? ''
        : bucketSelectionText(this.data.counts, range, this.data.noun),
    );
  }
}

/** A heatmap under a head with its switches. */
export class HeatmapPanel {
  readonly element: HTMLElement;
  readonly chart: Heatmap;
  private data: HeatData;
  private selected: HeatSelection | null = null;

  /** `lead`: what stands first in the head, in place of the title. */
  constructor(
    title: string,
    data: HeatData,
    onSelect: (selection: HeatSelection | null) => void,
    lead: HTMLElement | null = null,
  ) {
    this.data = data;
    this.chart = new Heatmap(data, (selection) => {
      this.selected = selection;
      onSelect(selection);
    });
    const table = toggle('Table', (on) => this.chart.setTableShown(on));
    const axis = segmented<AxisKind>('Latency axis', AXES('latency axis'), (kind) => {
      if (this.data.kind !== 'latency') return;
      this.setData({ ...this.data, axis: kind });
      axis.setValue(kind);
    });
    if (data.kind === 'latency') axis.setValue(data.axis);
    this.element = h(
      'section',
      { class: 'chart-panel', attributes: { 'aria-label': title } },
      h(
        'div',
        { class: 'panel-head' },
        lead ?? h('h2', { class: 'panel-title' }, title),
        h('span', { class: 'spacer' }),
        data.kind === 'latency' ? labelled('Latency', axis.element) : null,
        table,
      ),
      this.chart.element,
    );
  }

  /** How the latency axis is spaced. */
  get axis(): AxisKind {
    return this.data.kind === 'latency' ? this.data.axis : 'log';
  }

  setData(data: HeatData): void {
    this.data = data;
    this.chart.setData(data);
  }

  /** Shows a selection made elsewhere. One not yet applied stays. */
  setSelected(selection: HeatSelection | null): void {
    if (sameSelection(selection, this.selected)) return;
    this.selected = selection;
    this.chart.setSelected(selection);
  }
}

const sameRange = (a: BucketRange | null, b: BucketRange | null): boolean =>
  a === b || (a !== null && b !== null && a.first === b.first && a.end === b.end);

const sameSelection = (a: HeatSelection | null, b: HeatSelection | null): boolean =>
  a === b ||
  (a !== null &&
    b !== null &&
    a.time.from === b.time.from &&
    a.time.to === b.time.to &&
    sameRange(a.latency, b.latency));

const labelled = (text: string, control: HTMLElement): HTMLElement =>
  h('span', { class: 'labelled-select' }, h('span', { class: 'select-label' }, text), control);

/** A button that stays pressed. */
function toggle(label: string, onChange: (on: boolean) => void): HTMLElement {
  const element = h(
    'button',
    {
      class: 'segment panel-toggle',
      attributes: { type: 'button', 'aria-pressed': 'false' },
      on: {
        click: () => {
          const on = element.getAttribute('aria-pressed') !== 'true';
          setAttribute(element, 'aria-pressed', String(on));
          onChange(on);
        },
      },
    },
    label,
  );
  return element;
}

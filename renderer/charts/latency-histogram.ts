import { axisFor, latencyBins } from '#shared/model/latency-bins.ts';
import { type BucketRange, LATENCY_BUCKETS } from '#shared/model/latency-buckets.ts';
import { countWithin } from '#shared/model/latency-stats.ts';
import { formatPercent, formatQuantity } from '#shared/text/format-value.ts';
import { bucketSelectionText, formatBuckets, latencySummary } from '#shared/text/latency-text.ts';
import { h, setText } from '../dom.ts';
import { CanvasSurface, type Frame } from './canvas-surface.ts';
import { ChartCard } from './chart-card.ts';
import { ChartTable } from './chart-table.ts';
import { type HistogramBrush, NO_BRUSH, pendingRange } from './latency-histogram-brush.ts';
import type { HistogramControl } from './latency-histogram-control.ts';
import { listenToHistogramKeys } from './latency-histogram-keys.ts';
import {
  DEFAULT_HISTOGRAM,
  type HistogramData,
  type HistogramLayout,
  type HistogramOptions,
  layoutHistogram,
  rangeOfBars,
} from './latency-histogram-layout.ts';
import { paintHistogram } from './latency-histogram-painter.ts';
import { listenToHistogramPointer } from './latency-histogram-pointer.ts';

/** Lines of the table: as many as one reads; each is a run of buckets. */
const TABLE_ROWS = 40;

/** Histograms made so far: ids of their parts must differ. */
let made = 0;

/** A latency histogram: canvas, hover card, table and a spoken summary. */
export class LatencyHistogram implements HistogramControl {
  readonly element: HTMLElement;
  readonly canvas: HTMLCanvasElement;
  readonly table: ChartTable;
  brush: HistogramBrush = NO_BRUSH;
  private data: HistogramData = { counts: new Float64Array(LATENCY_BUCKETS), noun: 'call' };
  private options: HistogramOptions = DEFAULT_HISTOGRAM;
  private laidOut: { readonly layout: HistogramLayout; readonly of: string } | null = null;
  private hovered = -1;
  private readonly summaryId = `latency-summary-${++made}`;
  private readonly surface: CanvasSurface;
  private readonly card = new ChartCard();
  private readonly empty = h('div', { class: 'chart-empty', attributes: { role: 'status' } });
  private readonly summary = h('p', { class: 'visually-hidden', id: this.summaryId });
  private readonly spoken = h('div', {
    class: 'visually-hidden',
    attributes: { 'aria-live': 'polite' },
  });
  private readonly onSelect: (range: BucketRange | null) => void;

  /** `onSelect` hears of every selection the person makes; null: everything. */
  constructor(onSelect: (range: BucketRange | null) => void) {
    this.onSelect = onSelect;
    this.canvas = h('canvas', {
      class: 'chart-canvas',
      attributes: {
        tabindex: 0,
        role: 'application',
        'aria-roledescription': 'latency histogram',
        'aria-label':
          'Latency histogram. Arrow keys move between bars, with Shift they extend, Space takes the whole hill, Enter selects, Escape clears.',
        'aria-describedby': this.summaryId,
      },
    });
    this.table = new ChartTable('Latency histogram', ['Latency', 'Count', 'Share', 'Up to here']);
    const box = h('div', { class: 'chart-box' }, this.canvas, this.empty);
    this.element = h(
      'div',
      { class: 'chart latency-histogram' },
      ...[box, this.summary, this.spoken, this.table.element, this.card.element],
    );
    this.surface = new CanvasSurface(this.canvas, box, (frame) => this.paint(frame));
    listenToHistogramPointer(this);
    listenToHistogramKeys(this);
    this.renew();
  }

  /** Shows other durations; the selection stays. */
  setData(data: HistogramData): void {
    this.data = data;
    this.renew();
  }

  setOptions(options: HistogramOptions): void {
    this.options = options;
    this.renew();
  }

  /** Shows a selection made elsewhere; onSelect is not called. */
  setSelected(range: BucketRange | null): void {
    this.brush = { ...NO_BRUSH, applied: range };
    this.renewTable();
    this.surface.soon();
  }

  /** Ends its observers and listeners; the element is the owner's to remove. */
  dispose(): void {
    this.surface.dispose();
    this.card.hide();
  }

  setTableShown(shown: boolean): void {
    this.table.setShown(shown);
  }

  layout(): HistogramLayout {
    const { width, height } = this.surface;
    const of = `${width} ${height} ${this.surface.fontRevision}`;
    if (this.laidOut?.of === of) return this.laidOut.layout;
    const size = { width: Math.max(1, width), height };
    const layout = layoutHistogram(this.data, this.options, size, this.surface.measure);
    this.laidOut = { layout, of };
    return layout;
  }

  setBrush(brush: HistogramBrush, effect: 'moved' | 'applied'): void {
    const moved = brush !== this.brush;
    this.brush = brush;
    this.surface.soon();
    if (effect === 'applied') {
      this.onSelect(brush.applied);
      this.renewTable();
    }
    if (moved) this.speak(effect);
  }

  select(range: BucketRange | null): void {
    this.setBrush({ ...NO_BRUSH, applied: range }, 'applied');
  }

  hover(bar: number, page: { readonly x: number; readonly y: number }): void {
    if (bar !== this.hovered) this.surface.soon();
    this.hovered = bar;
    const { bins } = this.layout();
    if (bar < 0 || bar >= bins.counts.length) {
      this.card.hide();
      return;
    }
    const { counts, noun } = this.data;
    const range = rangeOfBars(bins, bar, bar);
    const total = countWithin(counts, { first: 0, end: LATENCY_BUCKETS });
    const upTo = countWithin(counts, { first: 0, end: range.end });
    this.card.show(
      {
        title: formatBuckets(range),
        lines: [
          [formatQuantity(bins.counts[bar]!, noun), formatPercent(bins.counts[bar]! / total)],
          ['Up to here', formatPercent(upTo / total)],
        ],
      },
      page,
    );
  }

  private renew(): void {
    this.laidOut = null;
    this.hovered = -1;
    this.card.hide();
    const { counts, noun } = this.data;
    const none = !counts.some((count) => count > 0);
    this.empty.hidden = !none;
    setText(this.empty, none ? `No ${noun}s measured.` : '');
    setText(this.summary, latencySummary(this.layout().stats, noun));
    this.renewTable();
    this.surface.soon();
  }

  private renewTable(): void {
    const { counts, noun } = this.data;
    const { stats } = this.layout();
    const shown = this.options.shown ?? stats.extent ?? { first: 0, end: 1 };
    const bins = latencyBins(counts, axisFor('log', shown), TABLE_ROWS, 1);
    const total = countWithin(counts, { first: 0, end: LATENCY_BUCKETS });
    const rows = Array.from(bins.counts.keys(), (bin) => rangeOfBars(bins, bin, bin)).filter(
      (range) => countWithin(counts, range) > 0,
    );
    const { applied } = this.brush;
    const caption =
      applied === null
        ? latencySummary(stats, noun)
        : `Selected ${bucketSelectionText(counts, applied, noun)}`;
    this.table.update(
      caption,
      rows.map((range) => {
        const count = countWithin(counts, range);
        const upTo = countWithin(counts, { first: 0, end: range.end });
        return {
          name: formatBuckets(range),
          figures: [
            formatQuantity(count, noun),
            formatPercent(count / total),
            formatPercent(upTo / total),
          ],
          selected: applied !== null && range.first >= applied.first && range.end <= applied.end,
          select: () => this.select(range),
        };
      }),
    );
  }

  private speak(effect: 'moved' | 'applied'): void {
    const range = pendingRange(this.brush) ?? this.brush.applied;
    const text =
      range === null
        ? 'Nothing selected'
        : bucketSelectionText(this.data.counts, range, this.data.noun);
    setText(this.spoken, effect === 'applied' && range !== null ? `Selected ${text}` : text);
  }

  private paint(frame: Frame): void {
    const focused = document.activeElement === this.canvas;
    paintHistogram(frame, {
      layout: this.layout(),
      applied: this.brush.applied,
      pending: pendingRange(this.brush),
      cursor: focused ? this.brush.cursor : null,
      hovered: this.hovered,
    });
  }
}

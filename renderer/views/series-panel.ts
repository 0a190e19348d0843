import { axisFor, type LatencyAxis } from '#shared/model/latency-bins.ts';
import type { BucketRange } from '#shared/model/latency-buckets.ts';
import { countExtent } from '#shared/model/latency-stats.ts';
import { formatCount, formatDuration } from '#shared/text/format-value.ts';
import { formatBuckets } from '#shared/text/latency-text.ts';
import { paintMiniHistogram } from '../charts/mini-histogram.ts';
import { onPaletteChange } from '../charts/palette.ts';
import { h, KeyedList, setAttribute, setText } from '../dom.ts';
import type { LatencyDetails, SeriesRow, ViewSpec } from '../worker/profile-protocol.ts';

export interface SeriesEvents {
  /** Rows of SeriesTable were chosen; null: all. */
  onSelect(rows: readonly number[] | null): void;
  onByProcess(byProcess: boolean): void;
}

type SortKey = 'name' | 'count' | 'total' | 'mean' | 'p99' | 'max';

const COLUMNS: readonly { readonly key: SortKey; readonly title: string }[] = [
  { key: 'count', title: 'Count' },
  { key: 'total', title: 'Total' },
  { key: 'mean', title: 'Mean' },
  { key: 'p99', title: 'p99' },
  { key: 'max', title: 'Max' },
];

/** Lines shown; the others are counted. */
const LINES = 200;

/** What a source tells apart: a table with a small histogram a line, or the histograms side by side. */
export class SeriesPanel {
  readonly element: HTMLElement;
  private readonly body = h('tbody', {});
  private readonly more = h('p', { class: 'series-more' });
  private readonly heads = new Map<SortKey, HTMLElement>();
  private readonly rows: KeyedList<SeriesRow>;
  private readonly table: HTMLElement;
  private readonly cards: HTMLButtonElement;
  private readonly events: SeriesEvents;
  private readonly processes: HTMLButtonElement;
  private details: LatencyDetails | null = null;
  private selected: readonly number[] | null = null;
  private sort: { readonly key: SortKey; readonly down: boolean } = { key: 'total', down: true };
  private axis: LatencyAxis = axisFor('log', { first: 0, end: 1 });

  /** `lead`: what stands first in the head. */
  constructor(events: SeriesEvents, lead: HTMLElement) {
    this.events = events;
    this.rows = new KeyedList<SeriesRow>(this.body, {
      key: (row) => String(row.row),
      make: (row) => this.makeRow(() => this.rowsOf(row.row)),
      update: (element, row) => this.updateRow(element, row),
    });
    this.cards = h(
      'button',
      {
        class: 'segment panel-toggle',
        title: 'The histograms side by side, on one axis',
        attributes: { type: 'button', 'aria-pressed': 'false' },
        on: { click: () => this.setCards(!this.table.classList.contains('as-cards')) },
      },
      'Small multiples',
    );
    this.processes = h(
      'button',
      {
        class: 'segment panel-toggle',
        title: 'Each process by itself',
        attributes: { type: 'button', 'aria-pressed': 'false' },
        on: {
          click: () => events.onByProcess(this.processes.getAttribute('aria-pressed') !== 'true'),
        },
      },
      'By process',
    );
    const name = this.head('name', 'Kind');
    const distribution = h('th', { attributes: { scope: 'col', role: 'columnheader' } }, 'Latency');
    const figures = COLUMNS.map(({ key, title }) => this.head(key, title));
    this.table = h(
      'table',
      { class: 'series-table', attributes: { role: 'table', 'aria-label': 'Kinds of calls' } },
      h(
        'thead',
        { attributes: { role: 'rowgroup' } },
        h('tr', { attributes: { role: 'row' } }, name, distribution, ...figures),
      ),
      this.body,
    );
    const scroller = h('div', { class: 'series-scroller' }, this.table, this.more);
    this.element = h(
      'section',
      { class: 'chart-panel', attributes: { 'aria-label': 'Calls by kind' } },
      h(
        'div',
        { class: 'panel-head' },
        lead,
        h('span', { class: 'spacer' }),
        this.processes,
        this.cards,
      ),
      scroller,
    );
    // Small charts cannot be painted while they have no size.
    new ResizeObserver(() => this.render()).observe(scroller);
    this.body.addEventListener('keydown', (event) => this.step(event));
    onPaletteChange(() => this.render());
    this.markSort();
  }

  update(details: LatencyDetails, { series, byProcess }: ViewSpec): void {
    this.details = details;
    this.selected = series;
    this.processes.hidden = !details.hasProcesses;
    setAttribute(this.processes, 'aria-pressed', String(byProcess));
    this.render();
  }

  private setCards(on: boolean): void {
    this.table.classList.toggle('as-cards', on);
    setAttribute(this.cards, 'aria-pressed', String(on));
    this.render();
  }

  private head(key: SortKey, title: string): HTMLElement {
    const button = h(
      'button',
      {
        class: 'column-sort',
        attributes: { type: 'button' },
        on: { click: () => this.sortBy(key) },
      },
      title,
    );
    const head = h('th', { attributes: { scope: 'col', role: 'columnheader' } }, button);
    this.heads.set(key, head);
    return head;
  }

  private sortBy(key: SortKey): void {
    const down = this.sort.key === key ? !this.sort.down : key !== 'name';
    this.sort = { key, down };
    this.markSort();
    this.render();
  }

  private markSort(): void {
    for (const [key, head] of this.heads) {
      const isSorted = key === this.sort.key;
      setAttribute(
        head,
        'aria-sort',
        isSorted ? (this.sort.down ? 'descending' : 'ascending') : null,
      );
      setAttribute(head.firstElementChild!, 'aria-pressed', String(isSorted));
    }
  }

  private render(): void {
    if (this.details === null) return;
    const { series, seriesOmitted } = this.details;
    this.axis = axisFor('log', extentOf(series));
    const sorted = [...series].sort((a, b) => this.compare(a, b)).slice(0, LINES);
    this.rows.render(sorted);
    const hidden = series.length - sorted.length + seriesOmitted;
    setText(
      this.more,
      series.length === 0
        ? 'Nothing was measured in this selection.'
        : hidden > 0
          ? `and ${formatCount(hidden)} more with smaller totals`
          : '',
    );
  }

  private compare(a: SeriesRow, b: SeriesRow): number {
    const { key, down } = this.sort;
    const order =
      key === 'name'
        ? compareTexts(nameOf(a), nameOf(b))
        : figureOf(a, key) - figureOf(b, key) || compareTexts(nameOf(b), nameOf(a));
    return down ? -order : order;
  }

  private rowsOf(first: number): readonly number[] {
    return this.details?.series.find(({ row }) => row === first)?.rows ?? [first];
  }

  /** `rows`: the rows of SeriesTable that the line stands for, when it is pressed. */
  private makeRow(rows: () => readonly number[]): HTMLElement {
    const button = h(
      'button',
      {
        class: 'series-name',
        attributes: { type: 'button' },
        on: { click: (event) => this.choose(rows(), event.ctrlKey || event.metaKey) },
      },
      ...[h('span', { class: 'mono' }), h('span', { class: 'series-variant' })],
      h('span', { class: 'faint' }),
    );
    return h(
      'tr',
      { attributes: { role: 'row' } },
      h('th', { attributes: { scope: 'row', role: 'rowheader' } }, button),
      h(
        'td',
        { class: 'series-chart', attributes: { role: 'cell' } },
        h('canvas', { class: 'mini-histogram', attributes: { role: 'img' } }),
      ),
      ...COLUMNS.map(({ title }) =>
        h('td', { class: 'figure', attributes: { role: 'cell' }, data: { title } }),
      ),
    );
  }

  private updateRow(element: HTMLElement, row: SeriesRow): void {
    const [head, chart, ...figures] = element.children;
    const button = head!.firstElementChild as HTMLElement;
    setText(button.children[0]!, row.name);
    setText(button.children[1]!, row.variant);
    setText(button.children[2]!, row.process);
    const { selected } = this;
    const isChosen = selected !== null && row.rows.some((one) => selected.includes(one));
    setAttribute(button, 'aria-pressed', String(isChosen));
    element.classList.toggle('is-left-out', selected !== null && !isChosen);
    const canvas = chart!.firstElementChild as HTMLCanvasElement;
    const extent = countExtent(row.counts);
    setAttribute(canvas, 'aria-label', extent === null ? 'no calls' : formatBuckets(extent));
    paintMiniHistogram(canvas, row.counts, this.axis);
    COLUMNS.forEach(({ key }, at) => {
      const figure = key === 'name' ? 0 : figureOf(row, key);
      setText(figures[at]!, key === 'count' ? formatCount(figure) : formatDuration(figure));
    });
  }

  /** Chooses one kind alone, or takes it back; `added`: beside those chosen already. */
  private choose(rows: readonly number[], added: boolean): void {
    const before = this.selected ?? [];
    const rest = before.filter((row) => !rows.includes(row));
    const wasChosen = rest.length < before.length;
    if (added) {
      const chosen = wasChosen ? rest : [...before, ...rows];
      this.events.onSelect(chosen.length === 0 ? null : chosen);
      return;
    }
    this.events.onSelect(wasChosen && rest.length === 0 ? null : rows);
  }

  /** Up and down move between the lines. */
  private step(event: KeyboardEvent): void {
    const buttons = [...this.body.querySelectorAll<HTMLElement>('.series-name')];
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    buttons[to]?.focus();
  }
}

const nameOf = ({ name, variant, process }: SeriesRow): string => `${name} ${variant} ${process}`;
const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const figureOf = (row: SeriesRow, key: Exclude<SortKey, 'name'>): number =>
  key === 'mean' ? row.total / Math.max(1, row.count) : row[key];

/** All histograms have one axis: they are there to be compared. */
function extentOf(series: readonly SeriesRow[]): BucketRange {
  let first = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const { counts } of series) {
    const extent = countExtent(counts);
    if (extent === null) continue;
    first = Math.min(first, extent.first);
    end = Math.max(end, extent.end);
  }
  return end === 0 ? { first: 0, end: 1 } : { first, end };
}

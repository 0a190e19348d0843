import type { TraceValue } from '#shared/model/trace-fields.ts';
import { formatCount, formatDuration } from '#shared/text/format-value.ts';
import { printable } from '#shared/text/printable-text.ts';
import { button, fill, h, setText } from '../dom.ts';
import type { EventPage, EventRow, EventWindow, SampleStack } from '../worker/profile-protocol.ts';

/** Lines of a page. */
const PAGE = 200;
export const FIRST_EVENTS: EventWindow = { first: 0, count: PAGE };

export interface EventListEvents {
  onWindow(window: EventWindow): void;
  onStack(sample: number): void;
  /** Values of the fields of a trace's events, by ordinals among the samples of the source. */
  fields(ordinals: readonly number[]): Promise<readonly (readonly TraceValue[] | null)[]>;
}

/** Single events as lines: when, who, where, how long, and the fields of traces; the stack of the chosen one. */
export class EventList {
  readonly element: HTMLElement;
  private readonly head = h('tr', {});
  private readonly body = h('tbody', {});
  private readonly range = h('span', { class: 'figure', attributes: { 'aria-live': 'polite' } });
  private readonly stack = h('aside', {
    class: 'event-stack',
    attributes: { 'aria-label': 'Stack of the event' },
  });
  private readonly older: HTMLButtonElement;
  private readonly newer: HTMLButtonElement;
  private readonly events: EventListEvents;
  private page: EventPage | null = null;
  private fieldNames: readonly string[] = [];
  /** Counts pages: fields that come for one that is gone are dropped. */
  private revision = 0;
  private chosen = -1;

  constructor(events: EventListEvents) {
    this.events = events;
    this.older = button({ label: 'Earlier', onPress: () => this.turn(-1) });
    this.newer = button({ label: 'Later', onPress: () => this.turn(1) });
    this.element = h(
      'section',
      { class: 'event-pane', attributes: { 'aria-label': 'Events' } },
      h('div', { class: 'event-head' }, this.range, this.older, this.newer),
      h(
        'div',
        { class: 'event-body' },
        h(
          'div',
          { class: 'event-scroller' },
          h(
            'table',
            { class: 'event-table', attributes: { 'aria-label': 'Events' } },
            h('thead', {}, this.head),
            this.body,
          ),
        ),
        this.stack,
      ),
    );
    this.body.addEventListener('keydown', (event) => this.step(event));
    this.showStack(null);
  }

  /** `fieldNames`: of a trace's fields, else empty. */
  update(page: EventPage, fieldNames: readonly string[]): void {
    // A live recording renews its page twice a second: the same lines stay as they are.
    const isSame = JSON.stringify(page.rows) === JSON.stringify(this.page?.rows);
    this.page = page;
    const last = page.first + page.rows.length;
    setText(
      this.range,
      page.total === 0
        ? 'No events in this selection.'
        : `${formatCount(page.first + 1)} to ${formatCount(last)} of ${formatCount(page.total)}`,
    );
    this.older.disabled = page.first === 0;
    this.newer.disabled = last >= page.total;
    if (isSame && fieldNames.join() === this.fieldNames.join()) return;
    this.fieldNames = fieldNames;
    this.revision++;
    this.render(page);
    if (fieldNames.length > 0) void this.loadFields(page);
  }

  setStack(stack: SampleStack): void {
    if (stack.sample === this.chosen) this.showStack(stack);
  }

  private turn(direction: 1 | -1): void {
    const first = Math.max(0, (this.page?.first ?? 0) + direction * PAGE);
    this.events.onWindow({ first, count: PAGE });
  }

  private render({ rows }: EventPage): void {
    const measures = rows.some(({ value }) => value > 0);
    const isTold = rows.some(({ series }) => series !== '');
    const titles = [
      ...['Time', 'Command', 'PID', 'Thread', 'CPU'],
      ...(measures ? ['Took'] : []),
      ...(isTold ? ['Kind'] : []),
      ...(this.fieldNames.length > 0 ? this.fieldNames : ['Function']),
    ];
    fill(
      this.head,
      titles.map((title) => h('th', { attributes: { scope: 'col' } }, title)),
    );
    fill(
      this.body,
      rows.map((row) => this.line(row, { measures, isTold })),
    );
  }

  private line(row: EventRow, has: { readonly measures: boolean; readonly isTold: boolean }) {
    const time = h(
      'button',
      {
        class: 'event-time figure',
        attributes: { type: 'button', 'aria-pressed': String(row.sample === this.chosen) },
        data: { sample: String(row.sample) },
        on: { click: () => this.choose(row.sample) },
      },
      `${(row.time / 1e9).toFixed(6)} s`,
    );
    const cells = [
      ...[row.comm, String(row.pid), String(row.tid), String(row.cpu)],
      ...(has.measures ? [row.value > 0 ? formatDuration(row.value) : ''] : []),
      ...(has.isTold ? [row.series] : []),
      ...(this.fieldNames.length > 0 ? this.fieldNames.map(() => '…') : [row.leaf]),
    ];
    return h(
      'tr',
      {},
      h('th', { attributes: { scope: 'row' } }, time),
      ...cells.map((text) => h('td', { class: 'figure' }, text)),
    );
  }

  private async loadFields(page: EventPage): Promise<void> {
    const { revision } = this;
    const values = await this.events.fields(page.rows.map(({ ordinal }) => ordinal));
    if (revision !== this.revision) return;
    [...this.body.children].forEach((line, at) => {
      const cells = [...line.children].slice(-this.fieldNames.length);
      cells.forEach((cell, field) => setText(cell, printable(String(values[at]?.[field] ?? ''))));
    });
  }

  private choose(sample: number): void {
    this.chosen = sample;
    for (const one of this.body.querySelectorAll<HTMLElement>('.event-time')) {
      one.setAttribute('aria-pressed', String(one.dataset['sample'] === String(sample)));
    }
    this.events.onStack(sample);
  }

  private showStack(stack: SampleStack | null): void {
    const frames = stack?.frames ?? [];
    fill(this.stack, [
      h('h2', { class: 'panel-title' }, 'Stack'),
      stack === null
        ? h('p', { class: 'faint' }, 'Choose an event to see where it happened.')
        : frames.length === 0
          ? h('p', { class: 'faint' }, 'No stack was recorded with this event.')
          : h(
              'ol',
              { class: 'stack-frames' },
              ...frames.map(({ name, image }) => h('li', { class: 'mono', title: image }, name)),
            ),
    ]);
  }

  /** Up and down move between the lines. */
  private step(event: KeyboardEvent): void {
    const buttons = [...this.body.querySelectorAll<HTMLElement>('.event-time')];
    const at = buttons.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    buttons[to]?.focus();
  }
}

/** Names of a trace's fields, as SourceTable.fields has them; a text that is none has none. */
export function fieldNamesOf(json: string): readonly string[] {
  if (json === '') return [];
  try {
    const fields: unknown = JSON.parse(json);
    if (!Array.isArray(fields)) return [];
    return fields.map(nameOfField);
  } catch {
    // A damaged file: its events are shown without their fields.
    return [];
  }
}

function nameOfField(field: unknown): string {
  if (typeof field === 'string') return printable(field);
  const name = typeof field === 'object' && field !== null && 'name' in field ? field.name : '';
  return typeof name === 'string' ? printable(name) : '';
}

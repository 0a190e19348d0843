import { fill, h } from '../dom.ts';

/** A line of a chart's table. */
export interface ChartTableRow {
  /** First cell: what the line is about; pressing it selects that. */
  readonly name: string;
  readonly figures: readonly string[];
  readonly selected: boolean;
  readonly select: () => void;
}

/**
 * The same as a chart, as a table: for screen readers, for the keyboard, and for exact figures. While
 * it is not shown it is still read, but its buttons are no tab stops.
 */
export class ChartTable {
  readonly element: HTMLElement;
  private readonly caption = h('caption', {});
  private readonly body = h('tbody', {});
  private shown = false;

  constructor(label: string, headings: readonly string[]) {
    const head = headings.map((text) => h('th', { attributes: { scope: 'col' } }, text));
    const table = h(
      'table',
      { class: 'chart-table', attributes: { role: 'table', 'aria-label': label } },
      this.caption,
      h('thead', {}, h('tr', {}, ...head)),
      this.body,
    );
    this.element = h('div', { class: 'chart-table-box visually-hidden' }, table);
  }

  setShown(shown: boolean): void {
    this.shown = shown;
    this.element.classList.toggle('visually-hidden', !shown);
    for (const one of this.body.querySelectorAll('button')) one.tabIndex = shown ? 0 : -1;
  }

  /** `caption` says what the table is of, and what it leaves out. */
  update(caption: string, rows: readonly ChartTableRow[]): void {
    this.caption.textContent = caption;
    const focused = [...this.body.querySelectorAll('button')].findIndex(
      (one) => one === document.activeElement,
    );
    fill(
      this.body,
      rows.map((row) => this.row(row)),
    );
    if (focused >= 0) this.body.querySelectorAll('button')[focused]?.focus();
  }

  private row(row: ChartTableRow): HTMLElement {
    const name = h(
      'button',
      {
        class: 'chart-table-name',
        attributes: {
          type: 'button',
          'aria-pressed': String(row.selected),
          tabindex: this.shown ? 0 : -1,
        },
        on: { click: () => row.select() },
      },
      row.name,
    );
    const figures = row.figures.map((text) => h('td', { class: 'figure' }, text));
    return h('tr', {}, h('th', { attributes: { scope: 'row' } }, name), ...figures);
  }
}

import type { ProcessEntry } from '#shared/ipc/contract.ts';
import { describeError } from '#shared/text/error-text.ts';
import { formatPercent } from '#shared/text/format-value.ts';
import { printable } from '#shared/text/printable-text.ts';
import { h, KeyedList, setText, setTitle } from '../dom.ts';
import type { EngineClient } from '../engine-client.ts';

const REFRESH_MS = 2000;
/** Rows drawn: a search narrows further. */
const ROWS_SHOWN = 200;

/** A searchable list of running processes, busiest first, renewed while it is shown. */
export class ProcessPicker {
  readonly element: HTMLElement;
  selected: ProcessEntry | null = null;
  private entries: readonly ProcessEntry[] = [];
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly engine: EngineClient;
  private readonly onSelect: () => void;
  private readonly filter: HTMLInputElement;
  private readonly list: HTMLElement;
  private readonly summary: HTMLElement;
  private readonly note = h('div', { class: 'empty-note' });
  private readonly rows: KeyedList<ProcessEntry>;

  constructor(engine: EngineClient, onSelect: () => void) {
    this.engine = engine;
    this.onSelect = onSelect;
    this.filter = h('input', {
      class: 'input',
      attributes: {
        type: 'search',
        placeholder: 'Name, command line, user or PID',
        'aria-label': 'Find a process',
        spellcheck: 'false',
      },
      on: { input: () => this.render(), keydown: (event) => this.onFilterKey(event) },
    });
    this.summary = h('div', { class: 'picker-summary', attributes: { 'aria-live': 'polite' } });
    this.list = h('div', {
      class: 'picker-list',
      attributes: { role: 'listbox', 'aria-label': 'Processes', tabindex: 0 },
      on: { keydown: (event) => this.onListKey(event) },
    });
    this.rows = new KeyedList<ProcessEntry>(this.list, {
      key: (entry) => String(entry.pid),
      make: (entry) => this.makeRow(entry),
      update: (element, entry) => this.updateRow(element, entry),
    });
    this.element = h(
      'div',
      { class: 'picker' },
      h('div', { class: 'picker-head' }, this.filter, this.summary),
      h(
        'div',
        { class: 'picker-columns', attributes: { 'aria-hidden': true } },
        h('span', { class: 'figure' }, 'PID'),
        h('span', {}, 'Command'),
        h('span', {}, 'User'),
        h('span', { class: 'figure' }, 'CPU'),
      ),
      this.note,
      this.list,
    );
  }

  start(): void {
    if (this.timer !== undefined) return;
    void this.refresh();
    this.timer = setInterval(() => void this.refresh(), REFRESH_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private async refresh(): Promise<void> {
    const answer = await this.engine.ask('processes.list', {});
    if (!answer.ok) {
      setText(this.summary, describeError(answer.error).title);
      return;
    }
    const cpu = (entry: ProcessEntry) => (Number.isNaN(entry.cpu) ? 0 : entry.cpu);
    this.entries = [...answer.value].sort((a, b) => cpu(b) - cpu(a) || a.pid - b.pid);
    if (this.selected !== null) {
      const { pid } = this.selected;
      this.selected = this.entries.find((entry) => entry.pid === pid) ?? null;
      if (this.selected === null) this.onSelect();
    }
    this.render();
  }

  private matches(): readonly ProcessEntry[] {
    const wanted = this.filter.value.trim().toLowerCase();
    if (wanted === '') return this.entries;
    return this.entries.filter((entry) =>
      `${entry.pid} ${entry.comm} ${entry.cmdline} ${entry.user}`.toLowerCase().includes(wanted),
    );
  }

  private render(): void {
    const matches = this.matches();
    setText(this.summary, `${matches.length} of ${this.entries.length}`);
    const shown = matches.slice(0, ROWS_SHOWN);
    const scrolled = this.list.scrollTop;
    this.rows.render(shown);
    this.note.hidden = shown.length > 0;
    setText(this.note, this.entries.length === 0 ? 'Listing processes…' : 'No process matches.');
    this.list.scrollTop = scrolled;
    this.list.setAttribute(
      'aria-activedescendant',
      this.selected ? `pid-${this.selected.pid}` : '',
    );
  }

  private makeRow(entry: ProcessEntry): HTMLElement {
    return h(
      'div',
      {
        class: 'picker-row',
        id: `pid-${entry.pid}`,
        attributes: { role: 'option' },
        on: { click: () => this.choose(entry) },
      },
      h('span', { class: 'figure faint' }, String(entry.pid)),
      h('span', { class: 'picker-command' }, h('b', {}), h('span', { class: 'faint mono' })),
      h('span', { class: 'faint' }, printable(entry.user)),
      h('span', { class: 'figure' }),
    );
  }

  private updateRow(element: HTMLElement, entry: ProcessEntry): void {
    const [, command, , cpu] = element.children;
    const cmdline = printable(entry.cmdline);
    setText(command!.children[0]!, printable(entry.comm));
    setText(command!.children[1]!, cmdline);
    setText(cpu!, formatPercent(entry.cpu));
    setTitle(element, cmdline);
    element.setAttribute('aria-selected', String(this.selected?.pid === entry.pid));
  }

  private choose(entry: ProcessEntry): void {
    this.selected = entry;
    this.render();
    this.list.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
    this.onSelect();
  }

  private onFilterKey(event: KeyboardEvent): void {
    if (event.key !== 'ArrowDown') return;
    event.preventDefault();
    const first = this.matches()[0];
    if (this.selected === null && first !== undefined) this.choose(first);
    this.list.focus();
  }

  private onListKey(event: KeyboardEvent): void {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    event.preventDefault();
    const matches = this.matches();
    const at = matches.findIndex((entry) => entry.pid === this.selected?.pid);
    const next = matches[at + (event.key === 'ArrowDown' ? 1 : -1)];
    if (next !== undefined) this.choose(next);
    else if (event.key === 'ArrowUp') this.filter.focus();
  }
}

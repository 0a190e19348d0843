import { shortImageName } from '#shared/model/call-tree-keys.ts';
import type { WeightUnit } from '#shared/model/session-tables.ts';
import { formatCount, formatPercent } from '#shared/text/format-value.ts';
import { formatWeight } from '#shared/text/weight-text.ts';
import type { LabelTable } from '../charts/flame-model.ts';
import { button, h, KeyedList, setAttribute } from '../dom.ts';
import type { Details, ProcessRow, ThreadRow, ViewSpec } from '../worker/profile-protocol.ts';
import { makeShareRow, type ShareRow, updateShareRow } from './share-row.ts';

const FUNCTIONS_SHOWN = 100;
const PROCESSES_SHOWN = 60;

export interface SidePanelEvents {
  /** A process was chosen as the only one, or (null) all are wanted again. */
  onProcess(row: number | null): void;
  /** A thread of that process was chosen as the only one, or (null) all are wanted again. */
  onThread(row: number | null): void;
  /** A function was chosen: find it in the picture. */
  onFunction(name: string): void;
}

type SortKey = 'self' | 'total';

/** A process, or below the one selected a thread of it. */
type OwnerRow =
  | { readonly kind: 'process'; readonly process: ProcessRow }
  | { readonly kind: 'thread'; readonly thread: ThreadRow };

/** One of the hottest functions. `label` is its label id. */
interface FunctionRow {
  readonly label: number;
  readonly self: number;
  readonly total: number;
}

/** Processes with their shares, and the hottest functions. */
export class SidePanel {
  readonly element: HTMLElement;
  private readonly processList = h('ul', { class: 'share-list' });
  private readonly functionList = h('ul', { class: 'share-list' });
  private readonly allProcesses: HTMLButtonElement;
  private readonly sortButtons: Readonly<Record<SortKey, HTMLButtonElement>>;
  private readonly more = h('div', { class: 'empty-note' });
  private sortKey: SortKey = 'self';
  private details: Details | null = null;
  private labels: LabelTable | null = null;
  private selected: number | null = null;
  private thread: number | null = null;
  private unit: WeightUnit = 'samples';
  private weight = 0;
  private processWeight = 0;
  private readonly processRows: KeyedList<OwnerRow>;
  private readonly functionRows: KeyedList<FunctionRow>;

  constructor(events: SidePanelEvents) {
    this.processRows = new KeyedList<OwnerRow>(this.processList, {
      key: (owner) => (owner.kind === 'process' ? `p${owner.process.row}` : `t${owner.thread.row}`),
      make: (owner) => makeShareRow(this.shareOf(owner), () => this.press(owner, events)),
      update: (element, owner) => {
        element.classList.toggle('share-thread', owner.kind === 'thread');
        updateShareRow(element, this.shareOf(owner));
      },
    });
    this.functionRows = new KeyedList<FunctionRow>(this.functionList, {
      key: (row) => String(row.label),
      make: (row) =>
        makeShareRow(this.shareOfFunction(row), () =>
          events.onFunction(this.labels?.nameOf(row.label) ?? ''),
        ),
      update: (element, row) => updateShareRow(element, this.shareOfFunction(row)),
    });
    this.allProcesses = button({
      label: 'Show all',
      class: 'button-link',
      onPress: () => events.onProcess(null),
    });
    this.allProcesses.hidden = true;
    this.sortButtons = {
      self: this.sortButton('self', 'Self'),
      total: this.sortButton('total', 'Total'),
    };
    this.element = h(
      'aside',
      { class: 'side', attributes: { 'aria-label': 'Processes and functions' } },
      h(
        'section',
        { class: 'side-section side-processes' },
        h('header', { class: 'side-head' }, h('h2', {}, 'Processes'), this.allProcesses),
        this.processList,
      ),
      h(
        'section',
        { class: 'side-section side-functions' },
        h(
          'header',
          { class: 'side-head side-columns' },
          h('h2', {}, 'Hottest functions'),
          this.sortButtons.self,
          this.sortButtons.total,
        ),
        this.functionList,
        this.more,
      ),
    );
    this.markSort();
  }

  /** `weight` is that of the picture: what 100 % of the functions is. */
  update(
    details: Details,
    labels: LabelTable,
    { weight, view }: { readonly weight: number; readonly view: ViewSpec },
  ): void {
    this.details = details;
    this.unit = details.unit;
    this.labels = labels;
    this.weight = weight;
    this.selected = view.processes?.[0] ?? null;
    this.thread = view.threads?.[0] ?? null;
    this.renderProcesses(details);
    this.renderFunctions();
  }

  clear(): void {
    this.details = null;
    this.processRows.render([]);
    this.functionRows.render([]);
    this.more.textContent = '';
  }

  private sortButton(key: SortKey, label: string): HTMLButtonElement {
    return h(
      'button',
      {
        class: 'column-sort',
        attributes: { type: 'button' },
        on: {
          click: () => {
            this.sortKey = key;
            this.markSort();
            this.renderFunctions();
          },
        },
      },
      label,
    );
  }

  private markSort(): void {
    for (const [key, element] of Object.entries(this.sortButtons)) {
      setAttribute(element, 'aria-pressed', String(key === this.sortKey));
    }
  }

  private press(owner: OwnerRow, events: SidePanelEvents): void {
    if (owner.kind === 'process') {
      const { row } = owner.process;
      events.onProcess(row === this.selected ? null : row);
    } else {
      const { row } = owner.thread;
      events.onThread(row === this.thread ? null : row);
    }
  }

  private renderProcesses({ processes: rows, threads }: Details): void {
    this.processWeight = rows.reduce((sum, row) => sum + row.weight, 0);
    this.allProcesses.hidden = this.selected === null;
    const owners = rows.slice(0, PROCESSES_SHOWN).flatMap((process): OwnerRow[] => {
      const isOpen = process.row === this.selected && threads.length > 1;
      const below = isOpen ? threads.slice(0, PROCESSES_SHOWN) : [];
      return [
        { kind: 'process', process },
        ...below.map((thread): OwnerRow => ({ kind: 'thread', thread })),
      ];
    });
    this.processRows.render(owners);
  }

  private shareOf(owner: OwnerRow): ShareRow {
    return owner.kind === 'process'
      ? this.shareOfProcess(owner.process)
      : this.shareOfThread(owner.thread);
  }

  private shareOfThread(row: ThreadRow): ShareRow {
    const share = this.processWeight > 0 ? row.weight / this.processWeight : 0;
    return {
      name: row.comm,
      note: String(row.tid),
      title: `Thread ${row.comm}, ${row.tid}: ${formatWeight(row.weight, this.unit)}`,
      share,
      figures: [formatPercent(share)],
      pressed: row.row === this.thread,
      mono: false,
      data: { tid: String(row.tid), weight: String(row.weight) },
    };
  }

  private shareOfProcess(row: ProcessRow): ShareRow {
    const share = this.processWeight > 0 ? row.weight / this.processWeight : 0;
    return {
      name: row.comm,
      note: String(row.pid),
      title: `${row.comm}, PID ${row.pid}: ${formatWeight(row.weight, this.unit)}`,
      share,
      figures: [formatPercent(share)],
      pressed: row.row === this.selected,
      mono: false,
      data: { pid: String(row.pid), weight: String(row.weight) },
    };
  }

  private renderFunctions(): void {
    if (this.details === null) return;
    const { functions } = this.details;
    const column = functions[this.sortKey];
    const rows = Array.from(functions.label.keys())
      .sort((a, b) => column[b]! - column[a]!)
      .slice(0, FUNCTIONS_SHOWN);
    this.functionRows.render(
      rows.map((row) => ({
        label: functions.label[row]!,
        self: functions.self[row]!,
        total: functions.total[row]!,
      })),
    );
    const hidden = functions.length + functions.omitted - rows.length;
    this.more.textContent = hidden > 0 ? `and ${formatCount(hidden)} more` : '';
  }

  private shareOfFunction(row: FunctionRow): ShareRow {
    const label = this.labels?.labels[row.label];
    const name = label?.name ?? '';
    const share = (weight: number) => (this.weight > 0 ? weight / this.weight : 0);
    return {
      name,
      note: shortImageName(label?.image ?? ''),
      title: `${name}\n${label?.image ?? ''}\nself ${formatWeight(row.self, this.unit)}, total ${formatWeight(row.total, this.unit)}`,
      share: share(row[this.sortKey]),
      figures: [formatPercent(share(row.self)), formatPercent(share(row.total))],
      pressed: null,
      mono: true,
      data: { name, self: String(row.self), total: String(row.total) },
    };
  }
}

import { WALL_CLOCK } from '#shared/model/call-tree-selection.ts';
import { WALL_CLOCK_KINDS } from '#shared/model/sample-filter.ts';
import { h, setAttribute, setText, setTitle } from '../dom.ts';
import type { MeasuredSource, ViewSpec } from '../worker/profile-protocol.ts';
import { segmented } from './fields.ts';

/** What stands in the middle of the pane. */
export type MainView = 'flame' | 'events';

export interface SourceBarEvents {
  onSource(row: number): void;
  onWakers(shown: boolean): void;
  onMainView(view: MainView): void;
}

/** Tabs for what was measured, and what belongs to the source chosen. */
export class SourceBar {
  readonly element: HTMLElement;
  private readonly tabs = h('div', {
    class: 'source-tabs',
    attributes: { role: 'tablist', 'aria-label': 'What was measured' },
  });
  private readonly facts = h('span', { class: 'source-facts' });
  private readonly wakers: HTMLButtonElement;
  private readonly main;
  private readonly events: SourceBarEvents;
  /** The tabs there are: made anew only when they change, so that none loses the focus. */
  private signature = '';
  private shownWakers = true;

  constructor(events: SourceBarEvents) {
    this.events = events;
    this.wakers = h(
      'button',
      {
        class: 'segment panel-toggle',
        title: 'Show above each wait the stack of the thread that ended it',
        attributes: { type: 'button', 'aria-pressed': 'true' },
        on: { click: () => events.onWakers(!this.shownWakers) },
      },
      'Wakers',
    );
    this.main = segmented<MainView>(
      'Shown',
      [
        { value: 'flame', label: 'Flame graph' },
        { value: 'events', label: 'Events', title: 'One line for each, in the order of time' },
      ],
      (view) => events.onMainView(view),
    );
    this.element = h(
      'div',
      { class: 'source-bar' },
      this.tabs,
      this.facts,
      this.wakers,
      this.main.element,
    );
    this.element.hidden = true;
    this.tabs.addEventListener('keydown', (event) => this.step(event));
  }

  update(measured: readonly MeasuredSource[], view: ViewSpec, shown: MainView): void {
    const choices = choicesOf(measured);
    const [first] = measured;
    this.element.hidden = choices.length < 2 && (first === undefined || first.unit === 'samples');
    this.makeTabs(choices);
    for (const tab of this.tabs.children) {
      const isChosen = Number((tab as HTMLElement).dataset['source']) === view.source;
      setAttribute(tab, 'aria-selected', String(isChosen));
      setAttribute(tab, 'tabindex', isChosen ? 0 : -1);
    }
    const source = measured[view.source];
    setText(this.facts, source === undefined ? WALL_FACTS : factsOf(source));
    setTitle(this.facts, source?.note ?? '');
    const hasWakers = source === undefined || source.kind === 'off-cpu';
    this.wakers.hidden = !hasWakers;
    this.shownWakers = view.wakers;
    setAttribute(this.wakers, 'aria-pressed', String(view.wakers));
    this.main.setValue(shown);
  }

  private makeTabs(choices: readonly Choice[]): void {
    const signature = choices.map(({ row, title }) => `${row} ${title}`).join('\n');
    if (signature === this.signature) return;
    this.signature = signature;
    this.tabs.replaceChildren(
      ...choices.map(({ row, title, hint }) =>
        h(
          'button',
          {
            class: 'source-tab',
            title: hint,
            attributes: { type: 'button', role: 'tab' },
            data: { source: String(row) },
            on: { click: () => this.events.onSource(row) },
          },
          title,
        ),
      ),
    );
  }

  /** Arrow keys move between tabs, as in every list of tabs. */
  private step(event: KeyboardEvent): void {
    const tabs = [...this.tabs.children] as HTMLElement[];
    const at = tabs.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
    const tab = to === undefined ? undefined : tabs[to];
    if (at < 0 || tab === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    tab.focus();
    tab.click();
  }
}

interface Choice {
  readonly row: number;
  readonly title: string;
  readonly hint: string;
}

const WALL_FACTS = 'on CPU, waiting and queued, in one picture';

/** A tab per source, and the wall clock where there is running time and another kind of time. */
function choicesOf(measured: readonly MeasuredSource[]): Choice[] {
  const kinds = measured.map(({ kind }) => kind);
  const times = WALL_CLOCK_KINDS.filter((kind) => kinds.includes(kind));
  const choices = measured.map(({ row, title, mechanism }) => ({ row, title, hint: mechanism }));
  if (times.length < 2) return choices;
  const hint = 'What threads did with their time: on-CPU samples, waits and queueing together';
  return [...choices, { row: WALL_CLOCK, title: 'Wall clock', hint }];
}

const factsOf = ({ mechanism, isCounted }: MeasuredSource): string =>
  isCounted ? `${mechanism} · counted in the kernel` : mechanism;

import { type TimeRange, type TreeRoots, WALL_CLOCK } from '#shared/model/call-tree-selection.ts';
import { formatCount, formatQuantity } from '#shared/text/format-value.ts';
import { callNoun } from '#shared/text/weight-text.ts';
import { NS_PER_S } from '#shared/units.ts';
import { LabelTable } from '../charts/flame-model.ts';
import { FlameOutline } from '../charts/flame-outline.ts';
import { FlameGraph } from '../charts/flamegraph.ts';
import { TimelineStrip } from '../charts/timeline-strip.ts';
import { button, h, setAttribute, setText } from '../dom.ts';
import type { ProfileClient } from '../worker/profile-client.ts';
import {
  DEFAULT_VIEW,
  type Details,
  type FromWorker,
  type Picture,
  type ViewSpec,
} from '../worker/profile-protocol.ts';
import { Breadcrumbs } from './breadcrumbs.ts';
import { EmptyNote } from './empty-note.ts';
import { EventList, type EventListEvents, FIRST_EVENTS, fieldNamesOf } from './event-list.ts';
import { HoverCard } from './hover-card.ts';
import { LatencyArea } from './latency-area.ts';
import { PaneNames } from './pane-names.ts';
import type { QualityView } from './quality-view.ts';
import { SecondsPanel } from './seconds-panel.ts';
import { CHIP_PARTS, type ChipPart, chipsOf, SelectionChips } from './selection-chips.ts';
import { SidePanel } from './side-panel.ts';
import { type MainView, SourceBar } from './source-bar.ts';
import { spokenBox } from './spoken-box.ts';
import type { StatusLine } from './status-line.ts';
import { type Follow, LAST_SPAN_NS, ViewBar } from './view-bar.ts';

/** What the pane must know about the session besides its tables. */
export interface PaneFacts {
  readonly id: number;
  readonly recording: boolean;
  /** Samples per second and CPU. */
  readonly rate: number;
  readonly cpus: number;
  /** How the tree is grouped at first. */
  readonly roots: TreeRoots;
}

/** What the pane is shown beside, and what it asks. */
export interface PaneParts {
  readonly worker: ProfileClient;
  readonly status: StatusLine;
  readonly quality: QualityView;
  /** Hears of every change of the source shown. */
  readonly onSource: (source: number) => void;
  /** Fields of a trace's events; see EventListEvents. */
  readonly fields: (
    session: number,
    source: number,
    ordinals: readonly number[],
  ) => ReturnType<EventListEvents['fields']>;
}

/** Sources, timeline, charts, flame graph, side panel: everything that is drawn from one session's tables. */
export class ProfilePane {
  readonly element: HTMLElement;
  private facts: PaneFacts | null = null;
  private view: ViewSpec = DEFAULT_VIEW;
  private main: MainView = 'flame';
  private upward = false;
  private query = '';
  private picture: Picture | null = null;
  private details: Details | null = null;
  private labels = new LabelTable();
  private readonly names = new PaneNames();
  private readonly parts: PaneParts;
  private readonly graph: FlameGraph;
  private readonly outline: FlameOutline;
  private readonly timeline: TimelineStrip;
  private readonly secondsButton: HTMLButtonElement;
  private readonly seconds = new SecondsPanel((range) => this.selectTime(range));
  private readonly sources: SourceBar;
  private readonly latency: LatencyArea;
  private readonly chips = new SelectionChips((part) => this.takeBack(part));
  private readonly list: EventList;
  private readonly bar: ViewBar;
  private readonly crumbs: Breadcrumbs;
  private readonly side: SidePanel;
  private readonly flamePane: HTMLElement;
  private readonly card = new HoverCard();
  private readonly empty = new EmptyNote();
  private readonly spoken = h('div', {
    class: 'visually-hidden',
    id: 'flame-focus',
    attributes: { 'aria-live': 'polite' },
  });

  constructor(parts: PaneParts) {
    this.parts = parts;
    this.graph = new FlameGraph({
      onHover: (box, x, y) => {
        if (box < 0) this.card.hide();
        else this.card.show(this.graph.model, box, { x, y }, this.graph.zoomed);
      },
      onZoom: (box) => {
        this.crumbs.update(this.graph.model, box);
        this.outline.update(this.graph.model, box);
      },
      onFocus: (box) => setText(this.spoken, spokenBox(this.graph.model, box)),
    });
    this.outline = new FlameOutline((box) => this.graph.zoomTo(box));
    this.crumbs = new Breadcrumbs((box) => this.graph.zoomTo(box));
    this.timeline = new TimelineStrip((range) => this.selectTime(range));
    this.secondsButton = button({
      label: 'Seconds',
      class: 'button-quiet seconds-toggle',
      title: 'Seconds across, their parts down: bursts and periods stand out',
      onPress: () => this.setView({ pulse: !this.view.pulse }),
    });
    this.sources = new SourceBar({
      onSource: (row) => this.selectSource(row),
      onWakers: (wakers) => this.setView({ wakers }),
      onMainView: (main) => this.setMain(main),
    });
    this.latency = new LatencyArea({
      onValues: (values) => this.setView({ values }),
      onRegion: (values, time) => {
        this.timeline.setSelected(time);
        this.setView({ values, ...windowOf(time) });
      },
      onSeries: (series) => this.setView({ series }),
      // What was chosen stands for other lines then.
      onByProcess: (byProcess) => this.setView({ byProcess, series: null }),
    });
    this.list = new EventList({
      onWindow: (events) => this.setView({ events }),
      onStack: (sample) => parts.worker.send({ kind: 'stack', sample }),
      fields: (ordinals) => parts.fields(this.facts?.id ?? -1, this.view.source, ordinals),
    });
    this.bar = new ViewBar({
      onView: (change) => this.setView(change),
      onFollow: (follow) => this.follow(follow),
      onOrientation: (upward) => this.setUpward(upward),
      onSearch: (query) => this.search(query),
    });
    this.side = new SidePanel({
      onProcess: (row) => this.setView({ processes: row === null ? null : [row], threads: null }),
      onThread: (row) => this.setView({ threads: row === null ? null : [row] }),
      onFunction: (name) => this.search(name),
    });
    this.flamePane = h(
      'section',
      { class: 'flame-pane', attributes: { 'aria-label': 'Flame graph' } },
      h('div', { class: 'flame-holder' }, this.graph.element, this.empty.element),
      this.outline.element,
      this.spoken,
    );
    this.element = this.build();
    this.showView();
  }

  private build(): HTMLElement {
    return h(
      'div',
      { class: 'pane' },
      this.sources.element,
      h('div', { class: 'timeline-row' }, this.timeline.element, this.secondsButton),
      this.seconds.element,
      this.bar.element,
      this.latency.element,
      h(
        'div',
        { class: 'pane-body' },
        h(
          'div',
          { class: 'pane-main' },
          h('div', { class: 'path-line' }, this.crumbs.element, this.chips.element),
          this.flamePane,
          this.list.element,
        ),
        this.side.element,
      ),
      this.parts.quality.panel,
      this.card.element,
    );
  }

  /** Shows a session; the same id again only updates what is known about it. */
  show(facts: PaneFacts): void {
    const changed = this.facts?.id !== facts.id;
    const ended = !changed && this.facts?.recording === true && !facts.recording;
    this.facts = facts;
    if (changed) this.reset(facts);
    else this.parts.worker.send({ kind: 'refresh' });
    if (ended && this.view.window.kind === 'last') this.setView({ window: { kind: 'all' } });
    this.showView();
    this.showEmpty();
  }

  close(): void {
    if (this.facts === null) return;
    this.facts = null;
    this.parts.worker.send({ kind: 'close' });
  }

  receive(message: FromWorker): void {
    if (message.sessionId !== this.facts?.id) return;
    switch (message.kind) {
      case 'picture':
        this.setPicture(message.picture);
        break;
      case 'details':
        this.setDetails(message.details);
        break;
      case 'search':
        if (message.result.query !== this.query) return;
        this.bar.showResult(message.result);
        this.graph.setMatched(
          this.query === '' || message.result.problem !== null ? null : message.result.matched,
        );
        break;
      case 'stack':
        this.list.setStack(message.stack);
        break;
      case 'failed':
        this.empty.fail(message.reason);
        break;
    }
  }

  focusSearch(): void {
    this.bar.searchInput.focus();
    this.bar.searchInput.select();
  }

  resetZoom(): void {
    this.graph.zoomTo(0);
  }

  toggleInverted(): void {
    this.setView({ inverted: !this.view.inverted });
  }

  toggleOrientation(): void {
    this.setUpward(!this.upward);
  }

  /** Undoes one thing: panel, search, zoom, then a part of the selection. False: nothing was to undo. */
  escape(): boolean {
    const { quality } = this.parts;
    if (quality.isOpen) quality.close();
    else if (this.query !== '') this.search('');
    else if (this.graph.zoomed > 0) this.graph.zoomTo(0);
    else {
      const chips = chipsOf(this.view, this.names);
      const first = CHIP_PARTS.find((part) => chips.some((chip) => chip.part === part));
      if (first === undefined) return false;
      this.takeBack(first);
    }
    return true;
  }

  private takeBack(part: ChipPart): void {
    switch (part) {
      case 'values':
      case 'series':
        this.setView({ [part]: null });
        break;
      case 'time':
        this.selectTime(null);
        break;
      case 'threads':
        this.setView({ threads: null });
        break;
      case 'processes':
        this.setView({ processes: null, threads: null });
        break;
    }
  }

  private reset({ id, roots, rate }: PaneFacts): void {
    this.labels = new LabelTable();
    this.picture = null;
    this.details = null;
    this.query = '';
    const sampleNs = rate > 0 ? NS_PER_S / rate : 1;
    this.view = { ...DEFAULT_VIEW, roots, sampleNs, order: this.view.order };
    this.parts.onSource(this.view.source);
    this.main = 'flame';
    this.graph.forget();
    this.graph.setMatched(null);
    this.timeline.setSelected(null);
    this.bar.setSearch('');
    this.bar.showResult(null);
    this.side.clear();
    this.parts.quality.clear();
    this.empty.wait();
    this.parts.worker.send({ kind: 'open', sessionId: id, view: this.view });
  }

  private setPicture(picture: Picture): void {
    this.picture = picture;
    this.labels.add(picture.labels);
    this.labels.addSources(picture.sources);
    this.graph.setModel({ flame: picture.flame, labels: this.labels, unit: picture.unit });
    this.parts.status.setDrawn(picture.fetchMs, picture.computeMs);
    this.showView();
    this.showEmpty();
  }

  private setDetails(details: Details): void {
    this.details = details;
    this.labels.add(details.labels);
    this.names.learn(details);
    const weight = this.picture?.flame.total[0] ?? 0;
    this.side.update(details, this.labels, { weight, view: this.view });
    this.parts.quality.setDetails(details);
    const isSampled = this.kind() === 'on-cpu';
    this.timeline.setData({
      ...details.timeline,
      weightPerCpuNs: isSampled ? (this.facts?.rate ?? 0) / 1e9 : 0,
      cpus: this.facts?.cpus ?? 0,
    });
    const { duration } = details.timeline;
    const noun = callNoun(this.kind());
    this.seconds.update(details.pulse, { duration, noun, unit: details.unit });
    this.latency.update(details.latency, this.view, { noun, duration });
    if (details.events !== null) {
      const source = this.picture?.measured[this.view.source];
      this.list.update(details.events, fieldNamesOf(source?.fields ?? ''));
    }
    this.showView();
  }

  /** SourceKind of the source shown; of the wall clock "off-cpu", whose unit it has. */
  private kind(): string {
    if (this.view.source === WALL_CLOCK) return 'off-cpu';
    return this.picture?.measured[this.view.source]?.kind ?? 'on-cpu';
  }

  private selectSource(source: number): void {
    if (source === this.view.source) return;
    this.graph.forget();
    // Latencies and kinds of calls belong to one source; time, processes and threads to all.
    this.setView({ source, series: null, values: null, events: this.windowOfEvents() });
  }

  private setMain(main: MainView): void {
    this.main = main;
    this.setView({ events: this.windowOfEvents() });
  }

  private windowOfEvents(): ViewSpec['events'] {
    return this.main === 'events' ? FIRST_EVENTS : null;
  }

  private setView(change: Partial<ViewSpec>): void {
    // Other levels or another direction: a path of the old tree leads nowhere in the new one.
    if (change.inverted !== undefined || change.roots !== undefined) this.graph.forget();
    // Another selection has other events: the list begins anew, unless it was turned by itself.
    const events = change.events === undefined ? this.windowOfEvents() : change.events;
    this.view = { ...this.view, ...change, events };
    this.parts.onSource(this.view.source);
    this.parts.worker.send({ kind: 'view', view: this.view });
    this.showView();
  }

  private showView(): void {
    this.bar.update(this.view, this.upward, this.facts?.recording ?? false);
    this.sources.update(this.picture?.measured ?? [], this.view, this.main);
    this.chips.update(chipsOf(this.view, this.names), this.noteOfSelection());
    this.seconds.element.hidden = !this.view.pulse;
    this.seconds.setSelected(this.view.window.kind === 'range' ? this.view.window.range : null);
    setAttribute(this.secondsButton, 'aria-pressed', String(this.view.pulse));
    this.latency.setSelected(this.view, this.details?.timeline.duration ?? 0);
    this.flamePane.hidden = this.main !== 'flame';
    this.list.element.hidden = this.main !== 'events';
  }

  /** What has to be known about figures of the selection. */
  private noteOfSelection(): string {
    if (this.view.source === WALL_CLOCK) {
      const queue = this.picture?.measured.find(({ kind }) => kind === 'run-queue');
      return queue?.isCounted === true ? 'queued time estimated from examples' : '';
    }
    const latency = this.details?.latency ?? null;
    if (latency === null) return '';
    const { calls, stacks, isCounted } = latency;
    const told = formatQuantity(calls, callNoun(this.kind()));
    if (isCounted) return `${told} · stacks estimated from ${formatQuantity(stacks, 'example')}`;
    return stacks < calls ? `${told} · ${formatCount(stacks)} long enough for stacks` : told;
  }

  private setUpward(upward: boolean): void {
    this.upward = upward;
    this.graph.setUpward(upward);
    this.showView();
  }

  private follow(follow: Follow): void {
    this.timeline.setSelected(null);
    const now = (this.picture?.newest ?? 0) + 1;
    const windows = {
      start: { kind: 'all' },
      last: { kind: 'last', span: LAST_SPAN_NS },
      freeze: { kind: 'range', range: { from: 0, to: now } },
    } as const;
    this.setView({ window: windows[follow] });
  }

  private selectTime(range: TimeRange | null): void {
    this.timeline.setSelected(range);
    this.setView(windowOf(range));
  }

  /** Marks the frames whose names match `query`, as typed into the search box. */
  search(query: string): void {
    this.query = query;
    this.bar.setSearch(query);
    if (query === '') {
      this.graph.setMatched(null);
      this.bar.showResult(null);
    }
    this.parts.worker.send({ kind: 'search', query });
  }

  private showEmpty(): void {
    const { facts, picture } = this;
    if (facts === null || picture === null) return;
    const weight = picture.flame.total[0]!;
    const filtered =
      chipsOf(picture.view, this.names).length > 0 || picture.view.window.kind === 'last';
    if (weight > 0) this.empty.hide();
    else if (picture.sessionWeight > 0 && filtered)
      this.empty.nothingMatches(() => this.clearFilters());
    else this.empty.noSamples(facts.recording, this.kind());
  }

  private clearFilters(): void {
    this.timeline.setSelected(null);
    const all = { series: null, values: null, processes: null, threads: null };
    this.setView({ ...all, window: { kind: 'all' } });
  }
}

const windowOf = (range: TimeRange | null): Pick<ViewSpec, 'window'> => ({
  window: range === null ? { kind: 'all' } : { kind: 'range', range },
});

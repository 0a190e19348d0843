import type { TimeRange, TreeRoots } from '#shared/model/call-tree-selection.ts';
import { formatCount, formatPercent, formatQuantity } from '#shared/text/format-value.ts';
import { ancestry, LabelTable } from '../charts/flame-model.ts';
import { FlameOutline } from '../charts/flame-outline.ts';
import { FlameGraph } from '../charts/flamegraph.ts';
import { TimelineStrip } from '../charts/timeline-strip.ts';
import { h, setText } from '../dom.ts';
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
import { HoverCard } from './hover-card.ts';
import type { QualityView } from './quality-view.ts';
import { SidePanel } from './side-panel.ts';
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

/** Timeline, flame graph, side panel: everything that is drawn from the tables of one session. */
export class ProfilePane {
  readonly element: HTMLElement;
  private facts: PaneFacts | null = null;
  private view: ViewSpec = DEFAULT_VIEW;
  private upward = false;
  private query = '';
  private picture: Picture | null = null;
  private labels = new LabelTable();
  private readonly worker: ProfileClient;
  private readonly status: StatusLine;
  private readonly quality: QualityView;
  private readonly graph: FlameGraph;
  private readonly outline: FlameOutline;
  private readonly timeline: TimelineStrip;
  private readonly bar: ViewBar;
  private readonly crumbs: Breadcrumbs;
  private readonly side: SidePanel;
  private readonly card = new HoverCard();
  private readonly empty = new EmptyNote();
  private readonly spoken = h('div', {
    class: 'visually-hidden',
    id: 'flame-focus',
    attributes: { 'aria-live': 'polite' },
  });

  constructor(worker: ProfileClient, status: StatusLine, quality: QualityView) {
    this.worker = worker;
    this.status = status;
    this.quality = quality;
    this.graph = new FlameGraph({
      onHover: (box, x, y) => {
        if (box < 0) this.card.hide();
        else this.card.show(this.graph.model, box, { x, y }, this.graph.zoomed);
      },
      onZoom: (box) => {
        this.crumbs.update(this.graph.model, box);
        this.outline.update(this.graph.model, box);
      },
      onFocus: (box) => this.speak(box),
    });
    this.outline = new FlameOutline((box) => this.graph.zoomTo(box));
    this.crumbs = new Breadcrumbs((box) => this.graph.zoomTo(box));
    this.timeline = new TimelineStrip((range) => this.selectTime(range));
    this.bar = new ViewBar({
      onView: (change) => this.setView(change),
      onFollow: (follow) => this.follow(follow),
      onOrientation: (upward) => this.setUpward(upward),
      onSearch: (query) => this.search(query),
    });
    this.side = new SidePanel({
      onProcess: (row) => this.setView({ processes: row === null ? null : [row] }),
      onFunction: (name) => this.search(name),
    });
    this.element = h(
      'div',
      { class: 'pane' },
      this.timeline.element,
      this.bar.element,
      h(
        'div',
        { class: 'pane-body' },
        h(
          'section',
          { class: 'flame-pane', attributes: { 'aria-label': 'Flame graph' } },
          this.crumbs.element,
          h('div', { class: 'flame-holder' }, this.graph.element, this.empty.element),
          this.outline.element,
          this.spoken,
        ),
        this.side.element,
      ),
      quality.panel,
      this.card.element,
    );
    this.showView();
  }

  /** Shows a session; the same id again only updates what is known about it. */
  show(facts: PaneFacts): void {
    const changed = this.facts?.id !== facts.id;
    const ended = !changed && this.facts?.recording === true && !facts.recording;
    this.facts = facts;
    if (changed) this.reset(facts);
    else this.worker.send({ kind: 'refresh' });
    if (ended && this.view.window.kind === 'last') this.setView({ window: { kind: 'all' } });
    this.showView();
    this.showEmpty();
  }

  close(): void {
    if (this.facts === null) return;
    this.facts = null;
    this.worker.send({ kind: 'close' });
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

  /** Undoes one thing: panel, search, zoom, time range, process. False: there was nothing to undo. */
  escape(): boolean {
    if (this.quality.isOpen) this.quality.close();
    else if (this.query !== '') this.search('');
    else if (this.graph.zoomed > 0) this.graph.zoomTo(0);
    else if (this.timeline.selected !== null) this.selectTime(null);
    else if (this.view.processes !== null) this.setView({ processes: null });
    else return false;
    return true;
  }

  private reset({ id, roots }: PaneFacts): void {
    this.labels = new LabelTable();
    this.picture = null;
    this.query = '';
    this.view = { ...DEFAULT_VIEW, roots, order: this.view.order };
    this.graph.forget();
    this.graph.setMatched(null);
    this.timeline.setSelected(null);
    this.bar.setSearch('');
    this.bar.showResult(null);
    this.side.clear();
    this.quality.clear();
    this.empty.wait();
    this.worker.send({ kind: 'open', sessionId: id, view: this.view });
  }

  private setPicture(picture: Picture): void {
    this.picture = picture;
    this.labels.add(picture.labels);
    this.labels.addSources(picture.sources);
    this.graph.setModel({ flame: picture.flame, labels: this.labels });
    this.status.setDrawn(picture.fetchMs, picture.computeMs);
    this.showEmpty();
  }

  private setDetails(details: Details): void {
    this.labels.add(details.labels);
    const weight = this.picture?.flame.total[0] ?? 0;
    this.side.update(details, this.labels, weight, this.view.processes?.[0] ?? null);
    this.quality.setDetails(details);
    this.timeline.setData({
      ...details.timeline,
      weightPerCpuNs: (this.facts?.rate ?? 0) / 1e9,
      cpus: this.facts?.cpus ?? 0,
    });
  }

  private setView(change: Partial<ViewSpec>): void {
    // Other levels or another direction: a path of the old tree leads nowhere in the new one.
    if (change.inverted !== undefined || change.roots !== undefined) this.graph.forget();
    this.view = { ...this.view, ...change };
    this.worker.send({ kind: 'view', view: this.view });
    this.showView();
  }

  private showView(): void {
    this.bar.update(this.view, this.upward, this.facts?.recording ?? false);
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
    this.setView({ window: range === null ? { kind: 'all' } : { kind: 'range', range } });
  }

  /** Marks the frames whose names match `query`, as typed into the search box. */
  search(query: string): void {
    this.query = query;
    this.bar.setSearch(query);
    if (query === '') {
      this.graph.setMatched(null);
      this.bar.showResult(null);
    }
    this.worker.send({ kind: 'search', query });
  }

  private showEmpty(): void {
    const { facts, picture } = this;
    if (facts === null || picture === null) return;
    const weight = picture.flame.total[0]!;
    const filtered = picture.view.window.kind !== 'all' || picture.view.processes !== null;
    if (weight > 0) this.empty.hide();
    else if (picture.sessionWeight > 0 && filtered)
      this.empty.nothingMatches(() => this.clearFilters());
    else this.empty.noSamples(facts.recording);
  }

  private clearFilters(): void {
    this.timeline.setSelected(null);
    this.setView({ window: { kind: 'all' }, processes: null, threads: null });
  }

  private speak(box: number): void {
    const { flame, labels } = this.graph.model;
    const total = flame.total[box]!;
    const path = ancestry(flame, box).map((at) => labels.spokenNameOf(flame.label[at]!));
    const name = path.at(-1) ?? 'all samples';
    const callers = path.slice(0, -1).reverse().slice(0, 3);
    setText(
      this.spoken,
      [
        `${name}, ${formatPercent(total / (flame.total[0]! || 1))}, ${formatQuantity(total, 'sample')}`,
        formatQuantity(flame.childCount[box]!, 'callee'),
        callers.length > 0 ? `called by ${callers.join(', ')}` : '',
        `depth ${formatCount(path.length)}`,
      ]
        .filter((part) => part !== '')
        .join('; '),
    );
  }
}

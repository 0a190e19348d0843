import type { TreeRoots } from '#shared/model/call-tree-selection.ts';
import type { SiblingOrder } from '#shared/model/flame-layout.ts';
import { formatPercent, formatQuantity } from '#shared/text/format-value.ts';
import { NS_PER_S } from '#shared/units.ts';
import { h, icon, setText } from '../dom.ts';
import type { SearchResult, TimeWindow, ViewSpec } from '../worker/profile-protocol.ts';
import { segmented, select } from './fields.ts';

/** How a live recording is followed. */
export type Follow = 'start' | 'last' | 'freeze';
/** What "last" shows, ns. */
export const LAST_SPAN_NS = 10 * NS_PER_S;

export interface ViewBarEvents {
  onView(change: Partial<ViewSpec>): void;
  onFollow(follow: Follow): void;
  onOrientation(upward: boolean): void;
  onSearch(query: string): void;
}

type Frames = ViewSpec['frames'];

/** Controls of the picture: grouping, orientation, order, following, search. */
export class ViewBar {
  readonly element: HTMLElement;
  readonly searchInput: HTMLInputElement;
  private readonly searchResult = h('output', {
    class: 'search-result',
    id: 'search-result',
    attributes: { 'aria-live': 'polite' },
  });
  private readonly searchBox: HTMLElement;
  private readonly roots;
  private readonly frames;
  private readonly order;
  private readonly direction;
  private readonly orientation;
  private readonly follow;

  constructor(events: ViewBarEvents) {
    this.roots = select<TreeRoots>(
      'Group',
      [
        { value: 'none', label: 'Merged' },
        { value: 'command', label: 'By command' },
        { value: 'process', label: 'By process' },
        { value: 'thread', label: 'By thread' },
      ],
      (roots) => events.onView({ roots }),
    );
    this.frames = select<Frames>(
      'Frames',
      [
        { value: 'all', label: 'All' },
        { value: 'user', label: 'User' },
        { value: 'kernel', label: 'Kernel' },
      ],
      (frames) => events.onView({ frames }),
    );
    this.order = select<SiblingOrder>(
      'Order',
      [
        { value: 'name', label: 'By name' },
        { value: 'weight', label: 'By weight' },
      ],
      (order) => events.onView({ order }),
    );
    this.direction = segmented<'callees' | 'callers'>(
      'Direction',
      [
        { value: 'callees', label: 'Callees', title: 'From main to what it calls' },
        {
          value: 'callers',
          label: 'Callers',
          title: 'Inverted: from the running function to its callers (I)',
        },
      ],
      (value) => events.onView({ inverted: value === 'callers' }),
    );
    this.orientation = segmented<'down' | 'up'>(
      'Orientation',
      [
        { value: 'down', label: 'Icicle', title: 'Root on top (F)' },
        { value: 'up', label: 'Flame', title: 'Root at the bottom (F)' },
      ],
      (value) => events.onOrientation(value === 'up'),
    );
    this.follow = segmented<Follow>(
      'Follow',
      [
        { value: 'start', label: 'Since start' },
        { value: 'last', label: 'Last 10 s' },
        { value: 'freeze', label: 'Freeze' },
      ],
      (follow) => events.onFollow(follow),
    );
    this.searchInput = h('input', {
      class: 'search-input',
      id: 'search-input',
      attributes: {
        type: 'search',
        placeholder: 'Search, or /regex/',
        'aria-label': 'Search functions; a regular expression between slashes',
        spellcheck: 'false',
        autocomplete: 'off',
      },
      on: { input: () => events.onSearch(this.searchInput.value) },
    });
    this.searchBox = h(
      'div',
      { class: 'search' },
      icon('search'),
      this.searchInput,
      this.searchResult,
    );
    this.element = h(
      'div',
      { class: 'view-bar', attributes: { role: 'toolbar', 'aria-label': 'View' } },
      this.direction.element,
      this.orientation.element,
      this.roots.element,
      this.frames.element,
      this.order.element,
      this.follow.element,
      h('span', { class: 'spacer' }),
      this.searchBox,
    );
  }

  update(view: ViewSpec, upward: boolean, recording: boolean): void {
    this.roots.setValue(view.roots);
    this.frames.setValue(view.frames);
    this.order.setValue(view.order);
    this.direction.setValue(view.inverted ? 'callers' : 'callees');
    this.orientation.setValue(upward ? 'up' : 'down');
    this.follow.element.hidden = !recording;
    this.follow.setValue(followOf(view.window));
  }

  setSearch(query: string): void {
    if (this.searchInput.value !== query) this.searchInput.value = query;
  }

  showResult(result: SearchResult | null): void {
    const problem = result?.problem ?? null;
    this.searchBox.classList.toggle('has-fault', problem !== null);
    if (result === null || result.query === '') {
      setText(this.searchResult, '');
      return;
    }
    if (problem !== null) {
      setText(this.searchResult, problem);
      return;
    }
    this.searchResult.dataset['share'] = String(result.of > 0 ? result.weight / result.of : 0);
    if (result.functions === 0) {
      setText(this.searchResult, 'nothing matches');
      return;
    }
    const share = formatPercent(result.of > 0 ? result.weight / result.of : 0);
    setText(this.searchResult, `${share} in ${formatQuantity(result.functions, 'function')}`);
  }
}

function followOf(window: TimeWindow): Follow | null {
  if (window.kind === 'all') return 'start';
  return window.kind === 'last' ? 'last' : window.range.from === 0 ? 'freeze' : null;
}

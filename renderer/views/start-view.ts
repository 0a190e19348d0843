import type { RecentSession } from '#shared/ipc/contract.ts';
import type { CaptureTarget } from '#shared/model/capture-spec.ts';
import { describeError } from '#shared/text/error-text.ts';
import { button, fill, h, type IconName, icon } from '../dom.ts';
import type { Actions } from '../state/actions.ts';
import { type AppState, captureProblem } from '../state/app-state.ts';
import type { Store } from '../state/store.ts';

const WAYS: readonly {
  readonly target: CaptureTarget['kind'];
  readonly icon: IconName;
  readonly title: string;
  readonly text: string;
}[] = [
  {
    target: 'machine',
    icon: 'machine',
    title: 'Record this machine',
    text: 'Every process and the kernel, on all CPUs.',
  },
  {
    target: 'command',
    icon: 'program',
    title: 'Record a program',
    text: 'Started by Emberscope, from its first instruction.',
  },
  {
    target: 'process',
    icon: 'attach',
    title: 'Attach to a process',
    text: 'A running process with its threads and children.',
  },
];

/** The first page: ways to record, a file to open, what was open before. */
export function createStartView(
  store: Store<AppState>,
  actions: Actions,
  showDoctor: () => void,
): HTMLElement {
  const problem = h('div', { class: 'start-problem' });
  const recents = h('div', { class: 'recents' });
  const footer = h('footer', { class: 'start-footer' });
  const cards = WAYS.map((way) =>
    card(way, way.target === 'machine', () => actions.showRecordForm(way.target)),
  );
  cards.push(
    card(
      {
        icon: 'folder',
        title: 'Open a session',
        text: 'An .ember file, from here or another machine.',
      },
      false,
      () => void actions.pickAndOpen(),
    ),
  );
  store.subscribe((state) => {
    fillProblem(problem, state, showDoctor);
    fillRecents(recents, state.recents, actions);
    const { app } = state;
    const text =
      app === null
        ? ''
        : `${app.hostname} · Linux ${app.kernel} · ${app.cpus} CPUs · Emberscope ${app.version}`;
    fill(footer, [
      h('span', {}, text),
      button({ label: 'What works here', class: 'button-link', onPress: showDoctor }),
    ]);
  });
  return h(
    'main',
    { class: 'start' },
    h(
      'div',
      { class: 'start-column' },
      h(
        'header',
        { class: 'start-head' },
        h('h1', {}, 'Emberscope'),
        h('p', {}, 'See where the CPUs spend their time, while it happens.'),
      ),
      problem,
      h('div', { class: 'ways' }, ...cards),
      recents,
    ),
    footer,
  );
}

function card(
  way: { readonly icon: IconName; readonly title: string; readonly text: string },
  primary: boolean,
  onPress: () => void,
): HTMLElement {
  return h(
    'button',
    {
      class: primary ? 'way way-primary' : 'way',
      attributes: { type: 'button' },
      on: { click: onPress },
    },
    icon(way.icon),
    h('span', { class: 'way-title' }, way.title),
    h('span', { class: 'way-text' }, way.text),
  );
}

function fillProblem(element: HTMLElement, state: AppState, showDoctor: () => void): void {
  const error = captureProblem(state.app?.capture);
  if (error === null) {
    fill(element, []);
    return;
  }
  const text = describeError(error);
  fill(element, [
    h(
      'div',
      { class: 'banner banner-warning', attributes: { role: 'status' } },
      icon('warning'),
      h(
        'div',
        { class: 'banner-text' },
        h('strong', {}, `Recording is not possible here: ${lowerFirst(text.title)}`),
        h('span', { class: 'banner-detail' }, text.detail),
        h('span', { class: 'banner-next' }, text.nextStep),
      ),
      button({ label: 'What works here', onPress: showDoctor }),
    ),
  ]);
}

const lowerFirst = (text: string): string =>
  /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;

function fillRecents(
  element: HTMLElement,
  recents: readonly RecentSession[],
  actions: Actions,
): void {
  if (recents.length === 0) {
    fill(element, [
      h('h2', {}, 'Recent sessions'),
      h('p', { class: 'empty-note' }, 'Recordings and opened files will be listed here.'),
    ]);
    return;
  }
  fill(element, [
    h('h2', {}, 'Recent sessions'),
    h('ul', { class: 'recent-list' }, ...recents.map((recent) => recentItem(recent, actions))),
  ]);
}

function recentItem(recent: RecentSession, actions: Actions): HTMLElement {
  const name = recent.path.slice(recent.path.lastIndexOf('/') + 1);
  const folder = recent.path.slice(0, recent.path.lastIndexOf('/'));
  const open = h(
    'button',
    {
      class: 'recent-open',
      title: recent.path,
      attributes: { type: 'button', disabled: !recent.exists },
      on: { click: () => void actions.open(recent.path) },
    },
    h(
      'span',
      { class: 'recent-name' },
      name,
      recent.unsaved ? h('span', { class: 'tag' }, 'unsaved') : null,
      recent.exists ? null : h('span', { class: 'tag tag-warning' }, 'missing'),
    ),
    h('span', { class: 'recent-summary' }, recent.summary),
    h('span', { class: 'recent-folder' }, folder),
    h('span', { class: 'recent-date' }, dateText(recent.openedAt)),
  );
  const forget = button({
    label: `Forget ${name}`,
    title: 'Remove from this list; the file stays',
    icon: 'close',
    iconOnly: true,
    class: 'button-quiet recent-forget',
    onPress: () => void actions.forgetRecent(recent.path),
  });
  return h('li', { class: 'recent' }, open, forget);
}

function dateText(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  return date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

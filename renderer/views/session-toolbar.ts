import { EXPORT_FORMATS, type ExportFormat } from '#shared/ipc/contract.ts';
import { formatDuration, formatElapsed } from '#shared/text/format-value.ts';
import { describeTarget } from '#shared/text/target-text.ts';
import { button, h, icon, setAttribute, setText, setTitle } from '../dom.ts';
import type { Actions } from '../state/actions.ts';
import type { AppState, SessionState } from '../state/app-state.ts';
import type { Store } from '../state/store.ts';

const EXPORT_NAMES: Readonly<Record<ExportFormat, string>> = {
  folded: 'Folded stacks (.folded)',
  svg: 'Flame graph (.svg)',
  html: 'Interactive page (.html)',
};

/** Name and state of the session, and what can be done with it as a whole. */
export function createToolbar(
  store: Store<AppState>,
  actions: Actions,
  onQuality: () => void,
): HTMLElement {
  const title = h('h1', { class: 'session-title' });
  const facts = h('span', { class: 'session-facts' });
  const pill = h('span', { class: 'pill', attributes: { role: 'status' } });
  const elapsed = h('span', { class: 'figure elapsed', id: 'elapsed' });
  const busy = h('span', { class: 'toolbar-busy', attributes: { 'aria-live': 'polite' } });
  const stop = button({
    label: 'Stop',
    icon: 'stop',
    class: 'button-stop',
    key: 'S',
    onPress: () => void actions.stopCapture(),
  });
  const save = button({
    label: 'Save as…',
    icon: 'save',
    key: 'Ctrl S',
    onPress: () => void actions.saveAs(),
  });
  const quality = button({ label: 'Quality', icon: 'gauge', key: 'Q', onPress: onQuality });
  const exporter = exportMenu(actions);
  const close = button({
    label: 'Close session',
    icon: 'back',
    iconOnly: true,
    class: 'button-quiet',
    onPress: () => void actions.closeSession(),
  });
  store.subscribe(({ session, busy: doing }) => {
    setText(busy, doing ?? '');
    if (session === null) return;
    const { live } = session;
    const recording = live !== null;
    setText(title, titleText(session));
    setTitle(title, session.open.path);
    setText(facts, factsText(session));
    setText(pill, pillText(session));
    setAttribute(pill, 'data-state', pillState(session));
    setText(
      elapsed,
      recording ? formatElapsed(live.elapsed) : formatDuration(session.open.info.duration),
    );
    stop.hidden = !recording;
    stop.disabled = doing !== null || live?.phase === 'finishing';
    save.hidden = exporter.hidden = recording;
    save.disabled = doing !== null;
  });
  return h(
    'header',
    { class: 'toolbar' },
    close,
    h('div', { class: 'session-name' }, title, facts),
    pill,
    elapsed,
    h('span', { class: 'spacer' }),
    busy,
    quality,
    stop,
    save,
    exporter,
  );
}

function exportMenu(actions: Actions): HTMLElement {
  const menu = h('div', {
    class: 'menu',
    id: 'export-menu',
    attributes: { popover: 'auto', role: 'menu', 'aria-label': 'Export as' },
  });
  for (const format of EXPORT_FORMATS) {
    const item = h(
      'button',
      {
        class: 'menu-item',
        attributes: { type: 'button', role: 'menuitem' },
        on: {
          click: () => {
            menu.hidePopover();
            void actions.exportAs(format);
          },
        },
      },
      EXPORT_NAMES[format],
    );
    menu.append(item);
  }
  const opener = h(
    'button',
    {
      class: 'button',
      attributes: { type: 'button', popovertarget: 'export-menu', 'aria-haspopup': 'menu' },
    },
    icon('export'),
    h('span', {}, 'Export'),
    icon('chevron'),
  );
  menu.addEventListener('toggle', (event) => {
    if (event.newState !== 'open') return;
    const { right, bottom } = opener.getBoundingClientRect();
    menu.style.top = `${bottom + 4}px`;
    menu.style.right = `${window.innerWidth - right}px`;
    menu.querySelector('button')?.focus();
  });
  menu.addEventListener('keydown', (event) => moveInMenu(menu, event));
  return h('div', { class: 'menu-holder' }, opener, menu);
}

function moveInMenu(menu: HTMLElement, event: KeyboardEvent): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  if (step === 0) return;
  event.preventDefault();
  const items = [...menu.querySelectorAll('button')];
  const at = items.findIndex((item) => item === document.activeElement);
  items[(at + step + items.length) % items.length]?.focus();
}

function titleText({ open }: SessionState): string {
  if (open.info.state === 'recording' || open.unsaved) return describeTarget(open.info.spec.target);
  return open.path.slice(open.path.lastIndexOf('/') + 1);
}

function factsText({ open }: SessionState): string {
  const { host, startedAt, spec } = open.info;
  const date = new Date(startedAt);
  const when = Number.isNaN(date.getTime())
    ? ''
    : date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  const target = open.unsaved || open.info.state === 'recording' ? '' : describeTarget(spec.target);
  return [target, host.hostname, when].filter((part) => part !== '').join(' · ');
}

function pillText({ open, live, ended }: SessionState): string {
  if (live !== null) {
    if (live.phase === 'starting') return 'Starting';
    return live.phase === 'finishing' ? 'Finishing' : 'Recording';
  }
  if (open.info.state === 'interrupted') return 'Interrupted';
  if (ended === 'target-exited') return 'Target exited';
  if (ended === 'duration-over') return 'Time over';
  return open.unsaved ? 'Not saved yet' : 'Session';
}

function pillState({ open, live }: SessionState): string {
  if (live !== null) return 'recording';
  if (open.info.state === 'interrupted') return 'interrupted';
  return open.unsaved ? 'unsaved' : 'complete';
}

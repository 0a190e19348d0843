import type { HostBridge, MenuCommand } from '#shared/ipc/host-bridge.ts';
import { button, h, setText } from '../dom.ts';
import type { EngineClient } from '../engine-client.ts';
import type { Actions } from '../state/actions.ts';
import { type AppState, isRecording } from '../state/app-state.ts';
import type { Store } from '../state/store.ts';
import { createBanners } from './banners.ts';
import { showAbout, showDoctor, showShortcuts } from './dialogs.ts';
import { createRecordForm } from './record-form.ts';
import { createSessionView } from './session-view.ts';
import { createStartView } from './start-view.ts';

/** What the whole page is wired from. */
export interface AppParts {
  readonly store: Store<AppState>;
  readonly actions: Actions;
  readonly engine: EngineClient;
  readonly host: HostBridge;
}

/** The page: one of three views, banners above, menu commands and keys. */
export function createAppView(parts: AppParts): HTMLElement {
  const { store, actions, engine, host } = parts;
  const doctor = (): void => void showDoctor(engine);
  const start = createStartView(store, actions, doctor);
  const record = createRecordForm(store, actions, { engine, host });
  const session = createSessionView(store, actions, engine);
  const busyText = h('span', { attributes: { role: 'status' } });
  const cancel = button({ label: 'Cancel', key: 'Esc', onPress: () => void actions.cancelStart() });
  const busy = h('div', { class: 'busy' }, busyText, cancel);
  store.subscribe((state) => {
    start.hidden = state.page.kind !== 'start';
    record.hidden = state.page.kind !== 'record';
    session.element.hidden = state.page.kind !== 'session';
    setText(busyText, state.busy ?? '');
    busy.hidden = state.busy === null || state.page.kind === 'session';
    cancel.hidden = !state.starting;
    if (state.page.kind !== 'session') host.reportTitle('Emberscope');
  });
  const run = (command: MenuCommand): void => runCommand(command, parts, session, doctor);
  host.onMenuCommand(run);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && store.get().starting) return void actions.cancelStart();
    const command = commandOf(event, store.get(), () => session.pane.escape());
    if (command === null) return;
    event.preventDefault();
    run(command);
  });
  return h(
    'div',
    { class: 'app' },
    createBanners(store, actions),
    start,
    record,
    session.element,
    busy,
  );
}

function runCommand(
  command: MenuCommand,
  { store, actions }: AppParts,
  { pane, quality }: ReturnType<typeof createSessionView>,
  doctor: () => void,
): void {
  const inSession = store.get().page.kind === 'session';
  switch (command) {
    case 'open':
      return void actions.pickAndOpen();
    case 'save-as':
      return void actions.saveAs();
    case 'close-session':
      return void actions.closeSession();
    case 'record': {
      actions.showRecordForm('machine');
      return;
    }
    case 'stop':
      return void actions.stopCapture();
    case 'export-folded':
      return void actions.exportAs('folded');
    case 'export-svg':
      return void actions.exportAs('svg');
    case 'export-html':
      return void actions.exportAs('html');
    case 'doctor': {
      doctor();
      return;
    }
    case 'show-shortcuts': {
      showShortcuts();
      return;
    }
    case 'about': {
      showAbout(store.get());
      return;
    }
    case 'find':
      if (inSession) pane.focusSearch();
      return;
    case 'zoom-reset':
      if (inSession) pane.resetZoom();
      return;
    case 'toggle-inverted':
      if (inSession) pane.toggleInverted();
      return;
    case 'toggle-orientation':
      if (inSession) pane.toggleOrientation();
      return;
    case 'toggle-quality':
      if (inSession) quality.toggle();
      return;
  }
}

/** The command of a key, if it is one here. Escape acts by itself. */
function commandOf(
  event: KeyboardEvent,
  state: AppState,
  escape: () => boolean,
): MenuCommand | null {
  if (document.querySelector('dialog[open]') !== null || event.altKey) return null;
  if (event.ctrlKey || event.metaKey) return event.key.toLowerCase() === 'f' ? 'find' : null;
  const inSession = state.page.kind === 'session';
  if (event.key === 'Escape' && inSession) {
    if (escape()) event.preventDefault();
    if (event.target instanceof HTMLInputElement) event.target.blur();
    return null;
  }
  if (isTyping(event.target)) return null;
  switch (event.key) {
    case '/':
      return inSession ? 'find' : null;
    case '?':
      return 'show-shortcuts';
    case '0':
      return inSession ? 'zoom-reset' : null;
    case 'i':
      return inSession ? 'toggle-inverted' : null;
    case 'f':
      return inSession ? 'toggle-orientation' : null;
    case 'q':
      return inSession ? 'toggle-quality' : null;
    case 'r':
      return isRecording(state) ? null : 'record';
    case 's':
      return isRecording(state) ? 'stop' : null;
    default:
      return null;
  }
}

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches('input, select, textarea');

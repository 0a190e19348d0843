import type { TreeRoots } from '#shared/model/call-tree-selection.ts';
import type { CaptureTarget } from '#shared/model/capture-spec.ts';
import { h } from '../dom.ts';
import type { Actions } from '../state/actions.ts';
import type { AppState } from '../state/app-state.ts';
import type { Store } from '../state/store.ts';
import { startProfileWorker } from '../worker/profile-client.ts';
import { ProfilePane } from './profile-pane.ts';
import { createToolbar } from './session-toolbar.ts';
import { StatusLine } from './status-line.ts';

/** The page of one session, live or from a file. */
export function createSessionView(
  store: Store<AppState>,
  actions: Actions,
): { readonly element: HTMLElement; readonly pane: ProfilePane } {
  const status = new StatusLine();
  const worker = startProfileWorker((message) => pane.receive(message));
  const pane = new ProfilePane(worker, status);
  let shown: AppState['session'] = null;
  store.subscribe(({ session }) => {
    if (session === shown) return;
    shown = session;
    if (session === null) {
      pane.close();
      return;
    }
    const { info, id } = session.open;
    status.update(info);
    pane.show({
      id,
      recording: session.live !== null,
      rate: info.spec.rate,
      cpus: info.host.cpus,
      roots: firstGrouping(info.spec.target),
    });
  });
  const element = h(
    'main',
    { class: 'session' },
    createToolbar(store, actions),
    pane.element,
    status.element,
  );
  return { element, pane };
}

/** One program is one tree; where many run, what belongs to whom comes first. */
const firstGrouping = ({ kind }: CaptureTarget): TreeRoots =>
  kind === 'machine' || kind === 'cgroup' ? 'command' : 'none';

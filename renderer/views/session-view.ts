import type { TreeRoots } from '#shared/model/call-tree-selection.ts';
import type { CaptureTarget } from '#shared/model/capture-spec.ts';
import { h } from '../dom.ts';
import type { EngineClient } from '../engine-client.ts';
import type { Actions } from '../state/actions.ts';
import type { AppState } from '../state/app-state.ts';
import type { Store } from '../state/store.ts';
import { startProfileWorker } from '../worker/profile-client.ts';
import { ProfilePane } from './profile-pane.ts';
import { QualityView } from './quality-view.ts';
import { createToolbar } from './session-toolbar.ts';
import { StatusLine } from './status-line.ts';

/** The page of one session, live or from a file. */
export function createSessionView(
  store: Store<AppState>,
  actions: Actions,
  engine: EngineClient,
): { readonly element: HTMLElement; readonly pane: ProfilePane; readonly quality: QualityView } {
  const quality = new QualityView((query) => pane.search(query));
  const status = new StatusLine(quality.chip);
  const worker = startProfileWorker((message) => pane.receive(message));
  const pane = new ProfilePane({
    worker,
    status,
    quality,
    onSource: (source) => actions.showSource(source),
    fields: async (id, source, ordinals) => {
      const values = await engine.ask('session.events', { id, source, ordinals: [...ordinals] });
      if (values.ok) return values.value;
      actions.fail(values.error);
      return [];
    },
  });
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
    quality.setInfo(info);
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
    createToolbar(store, actions, () => quality.toggle()),
    pane.element,
    status.element,
  );
  return { element, pane, quality };
}

/** One program is one tree; where many run, what belongs to whom comes first. */
const firstGrouping = ({ kind }: CaptureTarget): TreeRoots =>
  kind === 'machine' || kind === 'cgroup' ? 'command' : 'none';

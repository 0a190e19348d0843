import { h } from './dom.ts';
import { EngineClient } from './engine-client.ts';
import { findHost, onEnginePort } from './host.ts';
import { Actions } from './state/actions.ts';
import { INITIAL_STATE } from './state/app-state.ts';
import { createStore } from './state/store.ts';
import { createAppView } from './views/app-view.ts';

/** The page's start: finds its shell, connects to the engine, shows the first view. */
function start(): void {
  const host = findHost();
  if (host === null) {
    document.body.append(h('p', {}, 'This page runs inside the Emberscope application.'));
    return;
  }
  const store = createStore(INITIAL_STATE);
  const engine: EngineClient = new EngineClient((event) => actions.engineEvent(event));
  const actions = new Actions(store, engine, host);
  document.body.append(createAppView({ store, actions, engine, host }));
  host.onEngineLost((detail) => actions.engineLost(detail));
  host.onOpenRequest((path) => void actions.open(path));
  onEnginePort(host, (port) => {
    engine.connect(port);
    void actions.refreshStart();
  });
}

start();

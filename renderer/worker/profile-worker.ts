import { dataUrl } from '#shared/ipc/contract.ts';
import { cursorToText, decodeDelta } from '#shared/model/table-codec.ts';
import { dataRequest } from './data-request.ts';
import { stackOfSample } from './event-rows.ts';
import { GrowingTables } from './growing-tables.ts';
import { ProfileModel } from './profile-model.ts';
import { DEFAULT_VIEW, type FromWorker, type ToWorker, type ViewSpec } from './profile-protocol.ts';

/**
 * The worker: holds the tables of the session shown, fetches what is new, computes pictures. Requests
 * that arrive while it computes are folded into one: the latest view wins, and one refresh is enough.
 */
interface WorkerScope {
  readonly name: string;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer: Transferable[]): void;
}
const scope = globalThis as unknown as WorkerScope;

/** Everything about the session shown; replaced whole when another is opened. */
class Shown {
  readonly sessionId: number;
  readonly tables = new GrowingTables();
  readonly model = new ProfileModel();
  view: ViewSpec;
  query = '';
  fetchWanted = true;
  pictureWanted = true;
  searchWanted = false;
  running = false;
  fetchMs = 0;

  constructor(sessionId: number, view: ViewSpec) {
    this.sessionId = sessionId;
    this.view = view;
  }
}

let shown = new Shown(-1, DEFAULT_VIEW);

scope.onmessage = ({ data }) => {
  switch (data.kind) {
    case 'open':
      shown = new Shown(data.sessionId, data.view);
      break;
    case 'close':
      shown = new Shown(-1, DEFAULT_VIEW);
      return;
    case 'refresh':
      shown.fetchWanted = true;
      break;
    case 'view':
      shown.view = data.view;
      shown.pictureWanted = true;
      break;
    case 'search':
      shown.query = data.query;
      shown.searchWanted = true;
      break;
    case 'stack': {
      const { tables } = shown.tables;
      if (tables === null) return;
      const stack = stackOfSample(tables, data.sample);
      post({ kind: 'stack', sessionId: shown.sessionId, stack }, []);
      return;
    }
  }
  if (shown.sessionId >= 0) void run(shown);
};

/** Works off what is wanted; a second call while it runs only leaves its wish. */
async function run(session: Shown): Promise<void> {
  if (session.running) return;
  session.running = true;
  try {
    while (
      session === shown &&
      (session.fetchWanted || session.pictureWanted || session.searchWanted)
    ) {
      // Without tables nothing else can be done; a second failure ends the loop.
      if (session.tables.tables === null) session.fetchWanted = true;
      if (session.fetchWanted) await fetchNew(session);
      if (session === shown && session.tables.tables !== null) work(session);
      // Lets messages that queued up meanwhile be seen before the next round.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  } catch (cause) {
    session.fetchWanted = session.pictureWanted = session.searchWanted = false;
    const reason = cause instanceof Error ? cause.message : String(cause);
    post({ kind: 'failed', sessionId: session.sessionId, reason }, []);
  } finally {
    session.running = false;
  }
}

async function fetchNew(session: Shown): Promise<void> {
  session.fetchWanted = false;
  const began = performance.now();
  const url = dataUrl(session.sessionId, cursorToText(session.tables.cursor));
  const response = await fetch(url, dataRequest(scope.name));
  if (!response.ok) {
    throw new Error(`The engine did not give the session's data (${response.status}).`);
  }
  const changed = session.tables.append(decodeDelta(new Uint8Array(await response.arrayBuffer())));
  session.fetchMs = performance.now() - began;
  if (changed) session.pictureWanted = true;
}

function work(session: Shown): void {
  const { tables } = session.tables;
  if (tables === null) return;
  const { sessionId, model } = session;
  const newPicture = session.pictureWanted;
  if (newPicture) {
    session.pictureWanted = false;
    const picture = model.picture(tables, session.view, session.fetchMs);
    const { flame } = picture;
    post({ kind: 'picture', sessionId, picture }, [
      flame.rowStart.buffer,
      flame.start.buffer,
      flame.end.buffer,
      flame.parent.buffer,
      flame.firstChild.buffer,
      flame.childCount.buffer,
      flame.label.buffer,
      flame.source.buffer,
      flame.doing.buffer,
      flame.self.buffer,
      flame.total.buffer,
    ]);
  }
  if (session.searchWanted || (newPicture && session.query !== '')) {
    session.searchWanted = false;
    const result = model.search(session.query);
    post({ kind: 'search', sessionId, result }, [result.matched.buffer]);
  }
  const details = newPicture ? model.details() : null;
  if (details !== null) post({ kind: 'details', sessionId, details }, []);
}

function post(message: FromWorker, transfer: Transferable[]): void {
  scope.postMessage(message, transfer);
}

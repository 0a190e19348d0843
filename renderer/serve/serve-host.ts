import type { PortMessage, PortRequest } from '#shared/ipc/contract.ts';
import { ENGINE_PORT_MESSAGE, type HostBridge, type SaveKind } from '#shared/ipc/host-bridge.ts';
import {
  type FolderRequest,
  SERVE_PATHS,
  type ServeLine,
  TOKEN_PARAMETER,
} from '#shared/ipc/serve-contract.ts';
import { err, type Result } from '#shared/result.ts';
import { printable } from '#shared/text/printable-text.ts';
import { ServeConnection } from './connection.ts';
import { type ListFolder, pickOnServer } from './file-dialog.ts';
import { createServeNote } from './serve-note.ts';

/** Where the key outlives a reload of this tab; other tabs and other ports do not see it. */
const STORAGE_KEY = 'emberscope-token';
/** Between attempts to reach a server that went away, ms. */
const RETRY_MS = 2000;

/** The window's shell where the page runs in a browser: see main/shared/ipc/serve-contract.ts. */
export class ServeHost implements HostBridge {
  readonly platform = 'serve';
  private readonly connection: ServeConnection;
  private readonly note = createServeNote();
  private readonly lost = new Early<string>();
  private readonly opens = new Early<string>();
  private port: MessagePort | null = null;
  private folder = '/';
  private hostname = '';

  /** `authorization`: the header's value. */
  constructor(authorization: string) {
    this.connection = new ServeConnection(authorization);
    document.body.append(this.note.element);
  }

  requestEnginePort(): void {
    void this.stayConnected();
  }

  onEngineLost(callback: (detail: string) => void): void {
    this.lost.listen(callback);
  }

  onOpenRequest(callback: (path: string) => void): void {
    this.opens.listen(callback);
  }

  pickSessionToOpen(): Promise<string | null> {
    return this.pick({ kind: 'open', extension: 'ember' });
  }

  pickSavePath(suggestedName: string, kind: SaveKind): Promise<string | null> {
    return this.pick({ kind: 'save', extension: kind, suggestedName });
  }

  pickFolder(current: string): Promise<string | null> {
    return this.pick({ kind: 'folder' }, current === '' ? this.folder : current);
  }

  /** There is no menu bar: the page's own buttons and keys do it all. */
  onMenuCommand(): void {
    return;
  }

  reportTitle(reported: string): void {
    const title = printable(reported);
    const suffix = this.hostname === '' ? '' : ` (${this.hostname})`;
    document.title =
      title === 'Emberscope' ? `Emberscope${suffix}` : `${title} – Emberscope${suffix}`;
  }

  private async pick(wish: Parameters<typeof pickOnServer>[0], start = this.folder) {
    const list: ListFolder = async (path) => {
      const answer = await this.connection.post(SERVE_PATHS.folder, {
        path,
      } satisfies FolderRequest);
      return answer.ok ? (answer.value as Awaited<ReturnType<ListFolder>>) : answer;
    };
    const path = await pickOnServer(wish, { start, hostname: this.hostname, list });
    if (path !== null) this.folder = path.slice(0, path.lastIndexOf('/')) || '/';
    return path;
  }

  /** Tells once that the server is gone, and goes on asking until it is back or has room for this page. */
  private async stayConnected(): Promise<void> {
    let told = false;
    for (;;) {
      const { reason, what } = await this.connection.listen((line) => {
        told = false;
        this.note.setWaiting('');
        this.take(line);
      });
      this.port?.close();
      this.port = null;
      this.note.setWaiting(what === 'full' ? reason : '');
      // A page that waits for its turn has lost nothing.
      if (!told && what !== 'full') {
        this.lost.tell(reason);
        told = true;
      }
      if (what === 'refused') return;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  private take(line: ServeLine): void {
    if (line.type === 'message') this.port?.postMessage(line.message);
    if (line.type !== 'hello') return;
    this.hostname = line.hostname;
    if (this.folder === '/') this.folder = line.home;
    this.note.setHost(line.hostname);
    this.givePort(line.client);
    if (line.open !== null) this.opens.tell(line.open);
  }

  /** The page's end of a channel goes the way of the desktop app's: a window message. */
  private givePort(client: number): void {
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    port1.onmessage = ({ data }: MessageEvent<PortRequest>) => {
      void this.ask(client, data).then((message) => port1.postMessage(message));
    };
    window.postMessage(ENGINE_PORT_MESSAGE, '/', [port2]);
  }

  private async ask(client: number, request: PortRequest): Promise<PortMessage> {
    const answer = await this.connection.call({ client, request });
    if (!answer.ok) {
      return { call: request.call, result: err({ kind: 'engine-lost', detail: answer.error }) };
    }
    const message = answer.value as {
      readonly call: number;
      readonly result: Result<unknown, never>;
    };
    if (request.channel === 'app.info' && message.result.ok) {
      this.note.setCapture((message.result.value as { capture: Result<null, unknown> }).capture.ok);
    }
    return message;
  }
}

/** Values told before anybody listens are kept. */
class Early<T> {
  private readonly kept: T[] = [];
  private listener: ((value: T) => void) | null = null;

  listen(listener: (value: T) => void): void {
    this.listener = listener;
    for (const value of this.kept.splice(0)) listener(value);
  }

  tell(value: T): void {
    if (this.listener === null) this.kept.push(value);
    else this.listener(value);
  }
}

/**
 * The Authorization header of this tab: from the address's fragment, which is taken out of the address bar and the
 * history at once, or from an earlier load. Empty: there is no key.
 */
export function serveAuthorization(): string {
  const given = new URLSearchParams(location.hash.slice(1)).get(TOKEN_PARAMETER);
  if (given !== null) {
    sessionStorage.setItem(STORAGE_KEY, given);
    history.replaceState(null, '', location.pathname);
  }
  const token = given ?? sessionStorage.getItem(STORAGE_KEY);
  return token === null ? '' : `Bearer ${token}`;
}

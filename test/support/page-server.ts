import { mkdtempSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PageServer, type ServeOptions } from '../../main/serve/server.ts';
import type { OpenSession, PortMessage } from '../../main/shared/ipc/contract.ts';
import { messageFromText, type ServeLine } from '../../main/shared/ipc/serve-contract.ts';
import { err, ok } from '../../main/shared/result.ts';

/** An answer of the server, read to its end. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly body?: string;
  /** Address to connect to. */
  readonly address?: string;
}

/** A server with an engine that answers anything, and a browser's requests by hand. */
export class ServedPage implements AsyncDisposable {
  readonly server: PageServer;
  readonly token: string;
  /** Channels that the engine was asked, with their requests. */
  readonly asked: readonly (readonly [channel: string, request: unknown])[];
  readonly refused: readonly number[];

  private constructor(parts: Pick<ServedPage, 'server' | 'asked' | 'refused'>) {
    this.server = parts.server;
    this.asked = parts.asked;
    this.refused = parts.refused;
    this.token =
      new URLSearchParams(new URL(parts.server.address).hash.slice(1)).get('token') ?? '';
  }

  static async start(change: Partial<ServeOptions> = {}): Promise<ServedPage> {
    const asked: [string, unknown][] = [];
    const refused: number[] = [];
    const started = await PageServer.start({
      port: 0,
      pageFolder: examplePage(),
      engine: {
        handle: ({ call, channel, request }) => {
          asked.push([channel, request]);
          return Promise.resolve({ call, result: ok(answerOf(channel, request)) });
        },
        deltaBytes: (id) =>
          Promise.resolve(
            id === 1 ? ok(new Uint8Array([7, 8])) : err({ kind: 'session-not-open', id }),
          ),
      },
      open: null,
      onRefused: (status) => refused.push(status),
      ...change,
    });
    if (!started.ok) throw new Error(started.error);
    return new ServedPage({ server: started.value, asked, refused });
  }

  get host(): string {
    return `127.0.0.1:${this.server.port}`;
  }

  /** What the page's own scripts send. */
  get ownHeaders(): Record<string, string> {
    return { authorization: `Bearer ${this.token}`, 'sec-fetch-site': 'same-origin' };
  }

  /** Asks as the page does; headers can be replaced, null leaves one out. */
  ask(path: string, { method = 'GET', headers = {}, body, address }: Asked = {}): Promise<Answer> {
    const acts = method === 'POST';
    const all = {
      host: this.host,
      ...this.ownHeaders,
      ...(acts ? { origin: `http://${this.host}`, 'content-type': 'application/json' } : {}),
      ...headers,
    };
    const given: Readonly<Record<string, string | null>> = all;
    const sent = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
    return new Promise((resolve, reject) => {
      const asking = request({
        host: address ?? '127.0.0.1',
        port: this.server.port,
        ...{ path, method, headers: sent as Record<string, string>, setHost: false, agent: false },
      });
      asking.once('error', reject);
      asking.once('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (text += part));
        response.once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      });
      asking.end(body);
    });
  }

  /** A request to the engine. */
  async call(client: number, channel: string, part: unknown = {}): Promise<Answer> {
    const body = JSON.stringify({ client, request: { call: 1, channel, request: part } });
    return this.ask('/serve/call', { method: 'POST', body });
  }

  /** Opens the event stream. */
  async connect(): Promise<Stream> {
    const stream = new Stream(this);
    await stream.next();
    return stream;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}

/** An open page's event stream. */
export class Stream implements Disposable {
  readonly status: Promise<number>;
  readonly #asking;
  readonly #lines: ServeLine[] = [];
  #wake: () => void = () => undefined;
  /** What the first line said. */
  hello: ServeLine | null = null;

  constructor(page: ServedPage) {
    const { host, ownHeaders, server } = page;
    this.#asking = request({
      ...{ host: '127.0.0.1', port: server.port, path: '/serve/events', agent: false },
      headers: { ...ownHeaders, host },
    });
    this.status = new Promise((resolve) => {
      this.#asking.once('response', (response) => {
        resolve(response.statusCode ?? 0);
        let rest = '';
        response.setEncoding('utf8');
        response.on('error', () => undefined);
        response.on('data', (part: string) => {
          const lines = (rest + part).split('\n');
          rest = lines.pop() ?? '';
          if (response.statusCode === 200) {
            this.#lines.push(...lines.map((line) => messageFromText(line) as ServeLine));
          }
          this.#wake();
        });
      });
    });
    this.#asking.on('error', () => undefined);
    this.#asking.end();
  }

  get client(): number {
    return this.hello?.type === 'hello' ? this.hello.client : -1;
  }

  async next(): Promise<ServeLine> {
    while (this.#lines.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    const line = this.#lines.shift() as ServeLine;
    this.hello ??= line;
    return line;
  }

  [Symbol.dispose](): void {
    this.#asking.destroy();
  }
}

/** Opening gives the session whose number is the path's last part. */
function answerOf(channel: string, request: unknown): unknown {
  const { path = '/1' } = request as { path?: string };
  const opened: Partial<OpenSession> = { id: Number(path.slice(path.lastIndexOf('/') + 1)), path };
  return channel === 'session.open' || channel === 'capture.start' ? opened : channel;
}

export const messageOf = (answer: Answer): PortMessage =>
  messageFromText(answer.body) as PortMessage;

/** A folder like dist/renderer. */
function examplePage(): string {
  const folder = mkdtempSync(join(tmpdir(), 'emberscope-page-'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html><script src="index.js"></script>');
  writeFileSync(join(folder, 'index.js'), '');
  writeFileSync(join(folder, 'index.js.map'), '{}');
  return folder;
}

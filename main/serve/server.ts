import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir, hostname } from 'node:os';
import type { EngineEvent, PortMessage } from '#shared/ipc/contract.ts';
import { PAGE_HEADERS } from '#shared/ipc/page-headers.ts';
import { messageToText, SERVE_PATHS, TOKEN_PARAMETER } from '#shared/ipc/serve-contract.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { complain } from '../engine/complain.ts';
import type { Engine } from '../engine/engine.ts';
import { type AccessKind, AccessRules, makeToken, type Refusal } from './access.ts';
import { EngineCalls } from './engine-calls.ts';
import { EventClients, MAX_CLIENTS } from './event-clients.ts';
import { listFolder } from './list-folder.ts';
import { listPageFiles, type PageFile } from './page/page-files.ts';
import { readJson } from './read-body.ts';

/** What is served and where. */
export interface ServeOptions {
  /** 0: one that is free. */
  readonly port: number;
  /** dist/renderer */
  readonly pageFolder: string;
  readonly engine: Pick<Engine, 'handle' | 'deltaBytes'>;
  /** Shown at once by a page that is opened; null: the start page. */
  readonly open: string | null;
  /** Told of every request that is not answered. */
  readonly onRefused: (status: number, why: string) => void;
}

/** The only address that is listened at: other machines cannot connect. */
const LOOPBACK = '127.0.0.1';
/** A sender who takes longer than this for headers or body is let go, ms. */
const HEADERS_MS = 5000;
const REQUEST_MS = 30_000;
const MAX_CONNECTIONS = 64;
const MAX_HEADER_BYTES = 16_384;
/** No address of ours is longer, characters: cursors are some hundred. */
const MAX_URL = 2048;

const DATA = /^\/data\/(\d{1,9})\/delta$/;
/** Longest path of a folder, characters: PATH_MAX of linux/limits.h. */
const MAX_PATH = 4096;

/** The page and its engine over HTTP, for a browser of the same person on this machine. */
export class PageServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #options: ServeOptions;
  readonly #files: ReadonlyMap<string, PageFile>;
  readonly #token = makeToken();
  readonly #rules: AccessRules;
  readonly #clients: EventClients;
  readonly #calls: EngineCalls;

  private constructor(server: Server, options: ServeOptions) {
    this.#server = server;
    this.#options = options;
    this.#files = listPageFiles(options.pageFolder);
    this.#rules = new AccessRules(this.port, this.#token);
    this.#clients = new EventClients((client) => this.#calls.forget(client));
    this.#calls = new EngineCalls(options.engine, (client) => this.#clients.has(client));
    server.on('request', (request, response) => {
      this.#answer(request, response).catch((cause: unknown) => {
        complain(`A request failed: ${String(cause)}`);
        if (response.headersSent) response.destroy();
        else send(response, 500, 'The request failed.');
      });
    });
  }

  /** Listens. An error: the port is taken or not allowed; the text is the system's. */
  static start(options: ServeOptions): Promise<Result<PageServer, string>> {
    const server = createServer({
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
    server.maxConnections = MAX_CONNECTIONS;
    // No protocol but HTTP is spoken here.
    server.on('upgrade', (_request, socket) => socket.destroy());
    server.on('connect', (_request, socket) => socket.destroy());
    return new Promise((resolve) => {
      server.once('error', (cause) => resolve(err(cause.message)));
      server.listen(options.port, LOOPBACK, () => resolve(ok(new PageServer(server, options))));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * What to paste into a browser. The key is in the fragment, which is not sent, nor logged, nor told to other
   * sites; it must not stand on a command line, which everybody on the machine can read.
   */
  get address(): string {
    return `http://${LOOPBACK}:${this.port}/#${TOKEN_PARAMETER}=${this.#token}`;
  }

  /** Pages that were let go because they did not read what they were sent. */
  get dropped(): number {
    return this.#clients.dropped;
  }

  /** Hands on what the engine tells unasked. */
  emit(event: EngineEvent): void {
    this.#clients.broadcast({ type: 'message', message: event });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#clients[Symbol.dispose]();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? '';
    const [path = '', query = ''] = target.length > MAX_URL ? [] : target.split('?');
    const kind = kindOf(path);
    const refusal = this.#rules.refuse(request, kind);
    if (refusal !== null) {
      this.#refuse(response, refusal);
      return;
    }
    if (kind === 'page') return this.#page(path, response);
    switch (path) {
      case SERVE_PATHS.events:
        this.#events(response);
        return;
      case SERVE_PATHS.call:
        return this.#call(request, response);
      case SERVE_PATHS.folder:
        return this.#folder(request, response);
      default:
        return this.#data(path, query, response);
    }
  }

  async #page(path: string, response: ServerResponse): Promise<void> {
    const file = this.#files.get(path === '/' ? '/index.html' : path);
    if (file === undefined) {
      send(response, 404, 'Not found.');
      return;
    }
    const bytes = await readFile(file.path);
    response.writeHead(200, { ...PAGE_HEADERS, 'content-type': file.type }).end(bytes);
  }

  #events(response: ServerResponse): void {
    const hello = {
      ...{ open: this.#calls.recording ?? this.#options.open },
      ...{ hostname: hostname(), home: homedir() },
    };
    if (this.#clients.add(response, PAGE_HEADERS, hello)) return;
    const open = `This is open in ${MAX_CLIENTS} tabs or windows already, which is as many as it can be.`;
    send(response, 503, `${open} Close one of them: this one then goes on by itself.`);
  }

  async #call(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readJson(request);
    if (!body.ok) {
      this.#refuse(response, body.error);
      return;
    }
    const answer = await this.#calls.answer(body.value);
    if (answer.ok) sendMessage(response, answer.value);
    else this.#refuse(response, answer.error);
  }

  async #folder(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readJson(request);
    if (!body.ok) {
      this.#refuse(response, body.error);
      return;
    }
    const path = (body.value as { path?: unknown } | null)?.path;
    if (typeof path !== 'string' || path.length > MAX_PATH || !/^\/[^\0]*$/.test(path)) {
      this.#refuse(response, { status: 400, text: 'A folder has an absolute path.' });
      return;
    }
    sendMessage(response, await listFolder(path));
  }

  async #data(path: string, query: string, response: ServerResponse): Promise<void> {
    const id = DATA.exec(path)?.[1];
    if (id === undefined) {
      send(response, 404, 'Not found.');
      return;
    }
    const from = new URLSearchParams(query).get('from') ?? '';
    const delta = await this.#options.engine.deltaBytes(Number(id), from);
    if (!delta.ok) {
      const status = delta.error.kind === 'session-not-open' ? 404 : 500;
      sendMessage(response, delta.error, status);
      return;
    }
    response
      .writeHead(200, { ...PAGE_HEADERS, 'content-type': 'application/octet-stream' })
      .end(delta.value);
  }

  #refuse(response: ServerResponse, { status, text }: Refusal | { status: number; text: string }) {
    this.#options.onRefused(status, text);
    // What is left of its body is not read.
    response.shouldKeepAlive = false;
    send(response, status, text);
  }
}

function kindOf(path: string): AccessKind {
  if (path === SERVE_PATHS.call || path === SERVE_PATHS.folder) return 'act';
  return path.startsWith('/serve/') || path.startsWith('/data/') ? 'read' : 'page';
}

function send(response: ServerResponse, status: number, text: string): void {
  response
    .writeHead(status, { ...PAGE_HEADERS, 'content-type': 'text/plain; charset=utf-8' })
    .end(`${text}\n`);
}

function sendMessage(
  response: ServerResponse,
  message: PortMessage | Result<unknown, unknown> | object,
  status = 200,
): void {
  response
    .writeHead(status, { ...PAGE_HEADERS, 'content-type': 'application/json' })
    .end(messageToText(message));
}

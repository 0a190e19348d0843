import { existsSync, mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import type { Channel, EngineEvent } from '#shared/ipc/contract.ts';
import { type Desktop, launchDesktop, ROOT } from './desktop.ts';

/** An engine for tests: answers requests and gives session data. Runs in the test, not in the page. */
export interface FakeEngine {
  answer(channel: Channel, request: unknown): unknown;
  /** Bytes of the delta of session `id` since the cursor; null: no such session. */
  delta(id: number, cursor: string): Uint8Array | null;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.woff2': 'font/woff2',
};
/** As main/app/protocol.ts sends it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; worker-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";

/** The renderer, built and served as the app serves it, in an Electron window with a fake engine. */
export class RendererPage {
  readonly page: Page;
  /** What the page complained about: a test that leaves any here should fail. */
  readonly complaints: string[] = [];
  /** Calls of the shell's dialogs and titles, in order. */
  readonly shellCalls: string[] = [];
  private readonly desktop: Desktop;
  private readonly folder: string;
  private readonly server: Server;
  private engine: FakeEngine;

  private constructor(folder: string, server: Server, desktop: Desktop, engine: FakeEngine) {
    this.folder = folder;
    this.server = server;
    this.desktop = desktop;
    this.page = desktop.page;
    this.engine = engine;
  }

  static async start(engine: FakeEngine): Promise<RendererPage> {
    const folder = mkdtempSync(join(tmpdir(), 'emberscope-page-'));
    await bundle(folder);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const desktop = await launchDesktop({ app: join(ROOT, 'test/fixtures/page-shell') });
    const self = new RendererPage(folder, server, desktop, engine);
    server.on('request', (request, response) => {
      void self.serve(request.url ?? '/').then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type, 'content-security-policy': POLICY });
        response.end(body);
      });
    });
    await self.prepare();
    return self;
  }

  /** What the page finds in place of the preload, at every load. */
  private async prepare(): Promise<void> {
    const { page } = this;
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
    await page.exposeFunction('fakeAnswer', (channel: Channel, request: unknown) =>
      this.engine.answer(channel, request),
    );
    await page.exposeFunction('fakeShell', (call: string) => {
      this.shellCalls.push(call);
      return call.startsWith('pick') ? '/tmp/picked.ember' : null;
    });
    await page.addInitScript({ content: SHELL });
  }

  /** Opens the page anew. */
  async open(
    engine: FakeEngine,
    look: { width?: number; height?: number; dark?: boolean; reducedMotion?: boolean } = {},
  ): Promise<Page> {
    this.engine = engine;
    await this.desktop.resize({ width: look.width ?? 1280, height: look.height ?? 800 });
    await this.page.emulateMedia({
      colorScheme: look.dark === true ? 'dark' : 'light',
      reducedMotion: look.reducedMotion === false ? 'no-preference' : 'reduce',
    });
    const address = this.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await this.page.goto(`http://127.0.0.1:${port}/index.html`);
    return this.page;
  }

  /** Sends an event as the engine would. */
  async send(event: EngineEvent): Promise<void> {
    await this.page.evaluate((message) => {
      (globalThis as unknown as { fakeSend: (message: unknown) => void }).fakeSend(message);
    }, event);
  }

  async loseEngine(detail: string): Promise<void> {
    await this.page.evaluate((text) => {
      (globalThis as unknown as { fakeLose: (text: string) => void }).fakeLose(text);
    }, detail);
  }

  async close(): Promise<void> {
    await this.desktop[Symbol.asyncDispose]();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await rm(this.folder, { recursive: true, force: true });
  }

  private async serve(
    url: string,
  ): Promise<{ status: number; type: string; body: Uint8Array | string }> {
    const { pathname, searchParams } = new URL(url, 'http://localhost');
    const data = /^\/data\/(\d+)\/delta$/.exec(pathname);
    if (data !== null) {
      const bytes = this.engine.delta(Number(data[1]), searchParams.get('from') ?? '');
      return bytes === null
        ? { status: 404, type: 'application/json', body: '{}' }
        : { status: 200, type: 'application/octet-stream', body: bytes };
    }
    const type = TYPES[extname(pathname)];
    if (type === undefined || !existsSync(join(this.folder, pathname))) {
      return { status: 404, type: 'text/plain', body: 'not found' };
    }
    return { status: 200, type, body: await readFile(join(this.folder, pathname)) };
  }
}

async function bundle(outdir: string): Promise<void> {
  const common = { bundle: true, outdir, logLevel: 'error', write: true } as const;
  await build({
    ...common,
    format: 'esm',
    target: 'es2023',
    entryPoints: {
      index: 'renderer/index.ts',
      'profile-worker': 'renderer/worker/profile-worker.ts',
    },
  });
  await build({
    ...common,
    entryPoints: { app: 'renderer/styles/app.css', index: 'renderer/index.html' },
    loader: { '.woff2': 'file', '.html': 'copy' },
  });
}

/** The preload's part, in plain script: a HostBridge over the functions the test exposes. */
const SHELL = `
  const listeners = { lost: [], open: [], menu: [] };
  window.emberscope = {
    platform: 'test',
    requestEnginePort() {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = async ({ data }) => {
        const result = await window.fakeAnswer(data.channel, data.request);
        port1.postMessage({ call: data.call, result });
      };
      window.fakeSend = (message) => port1.postMessage(message);
      window.postMessage('emberscope-port', '/', [port2]);
    },
    onEngineLost: (callback) => listeners.lost.push(callback),
    pickSessionToOpen: () => window.fakeShell('pickSessionToOpen'),
    pickSavePath: (name, kind) => window.fakeShell('pickSavePath ' + name + ' ' + kind),
    pickFolder: (current) => window.fakeShell('pickFolder ' + current),
    onOpenRequest: (callback) => listeners.open.push(callback),
    onMenuCommand: (callback) => listeners.menu.push(callback),
    reportTitle: (title) => void window.fakeShell('title ' + title),
  };
  window.fakeLose = (detail) => listeners.lost.forEach((callback) => callback(detail));
`;

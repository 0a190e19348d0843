import { join } from 'node:path';
import type { Page } from 'playwright-core';
import type { Channel, EngineEvent } from '#shared/ipc/contract.ts';
import { BuiltPage, type PageAnswer } from './built-page.ts';
import { type Desktop, launchDesktop, ROOT } from './desktop.ts';

/** An engine for tests: answers requests and gives session data. Runs in the test, not in the page. */
export interface FakeEngine {
  answer(channel: Channel, request: unknown): unknown;
  /** Bytes of the delta of session `id` since the cursor; null: no such session. */
  delta(id: number, cursor: string): Uint8Array | null;
}

/** The renderer, built and served as the app serves it, in an Electron window with a fake engine. */
export class RendererPage {
  readonly page: Page;
  /** What the page complained about: a test that leaves any here should fail. */
  readonly complaints: string[] = [];
  /** Calls of the shell's dialogs and titles, in order. */
  readonly shellCalls: string[] = [];
  private readonly desktop: Desktop;
  private readonly built: BuiltPage;
  private readonly engine: EngineHolder;

  private constructor(built: BuiltPage, desktop: Desktop, engine: EngineHolder) {
    this.built = built;
    this.desktop = desktop;
    this.page = desktop.page;
    this.engine = engine;
  }

  static async start(first: FakeEngine): Promise<RendererPage> {
    const engine = { current: first };
    const built = await BuiltPage.start(
      {
        scripts: {
          index: 'renderer/index.ts',
          'profile-worker': 'renderer/worker/profile-worker.ts',
        },
        style: 'renderer/styles/app.css',
      },
      (url) => dataOf(engine.current, url),
    );
    const desktop = await launchDesktop({ app: join(ROOT, 'test/fixtures/page-shell') });
    const self = new RendererPage(built, desktop, engine);
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
      this.engine.current.answer(channel, request),
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
    this.engine.current = engine;
    await this.desktop.resize({ width: look.width ?? 1280, height: look.height ?? 800 });
    await this.page.emulateMedia({
      colorScheme: look.dark === true ? 'dark' : 'light',
      reducedMotion: look.reducedMotion === false ? 'no-preference' : 'reduce',
    });
    await this.page.goto(this.built.address);
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
    await this.built[Symbol.asyncDispose]();
  }
}

/** The engine asked: another one with every page opened. */
interface EngineHolder {
  current: FakeEngine;
}

/** Session data, where the app serves it. */
function dataOf(engine: FakeEngine, { pathname, searchParams }: URL): PageAnswer | null {
  const data = /^\/data\/(\d+)\/delta$/.exec(pathname);
  if (data === null) return null;
  const bytes = engine.delta(Number(data[1]), searchParams.get('from') ?? '');
  return bytes === null
    ? { status: 404, type: 'application/json', body: '{}' }
    : { status: 200, type: 'application/octet-stream', body: bytes };
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

import { mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { type Desktop, launchDesktop, ROOT } from './desktop.ts';
import type { DemoData, LatencyDemo } from './latency-demo.ts';

/** As main/app/protocol.ts sends it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.woff2': 'font/woff2',
};

/** The latency charts in an Electron window, without engine or session. */
export class LatencyPage implements AsyncDisposable {
  /** What the page complained about: a test that leaves any here should fail. */
  readonly complaints: string[] = [];
  private readonly desktop: Desktop;
  private readonly folder: string;
  private readonly server: Server;

  private constructor(folder: string, server: Server, desktop: Desktop) {
    this.folder = folder;
    this.server = server;
    this.desktop = desktop;
    this.page.on('pageerror', (error) => this.complaints.push(String(error)));
    this.page.on('console', (message) => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
  }

  get page(): Page {
    return this.desktop.page;
  }

  /** `ratio`: device pixels per CSS pixel. */
  static async start(ratio = 1): Promise<LatencyPage> {
    const folder = mkdtempSync(join(tmpdir(), 'emberscope-latency-'));
    await bundle(folder);
    const server = createServer((request, response) => {
      const name = basename(new URL(request.url ?? '/', 'http://localhost').pathname);
      readFile(join(folder, name)).then(
        (body) => {
          const type = TYPES[extname(name)] ?? 'application/octet-stream';
          response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY });
          response.end(body);
        },
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const desktop = await launchDesktop({
      app: join(ROOT, 'test/fixtures/page-shell'),
      args: [`--force-device-scale-factor=${ratio}`],
    });
    return new LatencyPage(folder, server, desktop);
  }

  /** Opens the page anew with some data. */
  async open(
    data: DemoData,
    look: { readonly width?: number; readonly height?: number; readonly dark?: boolean } = {},
  ): Promise<Page> {
    const { page } = this;
    await this.desktop.resize({ width: look.width ?? 1280, height: look.height ?? 800 });
    await page.emulateMedia({
      colorScheme: look.dark === true ? 'dark' : 'light',
      reducedMotion: 'reduce',
    });
    const address = this.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await page.goto(`http://127.0.0.1:${port}/index.html`);
    await page.waitForFunction(() => 'demo' in globalThis);
    await page.evaluate((name) => {
      (globalThis as unknown as { demo: LatencyDemo }).demo.show(name);
    }, data);
    await page.evaluate(() => document.fonts.ready.then(() => undefined));
    return page;
  }

  selected(): Promise<ReturnType<LatencyDemo['selected']>> {
    return this.page.evaluate(() =>
      (globalThis as unknown as { demo: LatencyDemo }).demo.selected(),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.desktop[Symbol.asyncDispose]();
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function bundle(outdir: string): Promise<void> {
  const common = { bundle: true, outdir, logLevel: 'error', write: true } as const;
  await build({
    ...common,
    format: 'esm',
    target: 'es2023',
    entryPoints: { index: join(ROOT, 'test/support/latency-demo.ts') },
  });
  await build({
    ...common,
    entryPoints: {
      app: join(ROOT, 'test/fixtures/page-shell/demo.css'),
      index: join(ROOT, 'renderer/index.html'),
    },
    loader: { '.woff2': 'file', '.html': 'copy' },
  });
}

import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { BuiltPage } from './built-page.ts';
import { type Desktop, launchDesktop, ROOT } from './desktop.ts';
import type { DemoData, LatencyDemo } from './latency-demo.ts';

/** The latency charts in an Electron window, without engine or session. */
export class LatencyPage implements AsyncDisposable {
  /** What the page complained about: a test that leaves any here should fail. */
  readonly complaints: string[] = [];
  private readonly desktop: Desktop;
  private readonly built: BuiltPage;

  private constructor(built: BuiltPage, desktop: Desktop) {
    this.built = built;
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
    const built = await BuiltPage.start({
      scripts: { index: 'test/support/latency-demo.ts' },
      style: 'test/fixtures/page-shell/demo.css',
    });
    const desktop = await launchDesktop({
      app: join(ROOT, 'test/fixtures/page-shell'),
      args: [`--force-device-scale-factor=${ratio}`],
    });
    return new LatencyPage(built, desktop);
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
    await page.goto(this.built.address);
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
    await this.built[Symbol.asyncDispose]();
  }
}

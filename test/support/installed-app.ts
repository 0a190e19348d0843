import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { MachineUser } from './machine-user.ts';
import { childrenOf, commandLine } from './processes.ts';
import type { Running, ThrowAwayMachine } from './throw-away-machine.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
/** The scripts that make packages. */
export const SCRIPTS = join(ROOT, 'scripts', 'lib', 'package');

export type PackageKind = 'deb' | 'rpm' | 'tar.gz';

/** The app's folder of deb and rpm. */
export const INSTALLED = '/opt/Emberscope';
/** What lies there in plain files. */
export const PLAIN = 'resources/app.asar.unpacked';
/** The demo workload that is part of the app. */
export const INSTALLED_DEMO = `${INSTALLED}/${PLAIN}/dist/demo/workload`;

let paths: Readonly<Record<PackageKind, string>> | null = null;
/** The packages, which test/package/make-packages.ts has made. */
export function packages(): Readonly<Record<PackageKind, string>> {
  paths ??= fromScripts(
    `import { packagePath } from '${SCRIPTS}/layout.mjs';
     const of = (kind) => [kind, packagePath(kind)];
     console.log(JSON.stringify(Object.fromEntries(['deb', 'rpm', 'tar.gz'].map(of))));`,
  ) as Record<PackageKind, string>;
  return paths;
}

/** What a script, which is plain JavaScript without types, prints as JSON. */
export function fromScripts(code: string): unknown {
  const args = ['--input-type=module', '-e', code];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

/**
 * The app as it is installed, in its real window. Driven from outside through Chromium's own debugging
 * port: its fuses refuse Node's, which is what Playwright's Electron driver needs.
 */
export class InstalledApp implements AsyncDisposable {
  readonly page: Page;
  /** Electron's main process. */
  readonly mainPid: number;
  /** Standard error so far. */
  readonly log: () => string;
  readonly #browser: Browser;
  readonly #child: Running;

  private constructor(page: Page, browser: Browser, child: Running, log: () => string) {
    this.page = page;
    this.log = log;
    this.#browser = browser;
    this.#child = child;
    this.mainPid = child.pid ?? 0;
  }

  /**
   * Starts `executable` as the machine's plain user, with or without what a recording needs, or as another
   * user; on his own display if he has one.
   */
  static async start(
    machine: ThrowAwayMachine,
    {
      executable = `${INSTALLED}/emberscope`,
      args = [] as readonly string[],
      capable = false,
      user = null as MachineUser | null,
    } = {},
  ): Promise<InstalledApp> {
    if (user?.env['DISPLAY'] === undefined) machine.shareDisplay(user ?? machine.user);
    const command = [executable, '--remote-debugging-port=0', ...args];
    const child = machine.start(command, user ?? (capable ? 'capable' : 'user'));
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    const log = () => text;
    const browser = await chromium.connectOverCDP(await debuggingAddress(child, log));
    const page = await firstPage(browser, log);
    page.setDefaultTimeout(20_000);
    await page.waitForLoadState('load');
    return new InstalledApp(page, browser, child, log);
  }

  /** The engine's process; null when there is none. */
  enginePid(): number | null {
    const isEngine = (pid: number) => commandLine(pid).includes('node.mojom.NodeService');
    return childrenOf(this.mainPid).find(isEngine) ?? null;
  }

  /** The helper's process while a recording runs, else null. */
  helperPid(): number | null {
    const engine = this.enginePid();
    const candidates = [
      ...childrenOf(this.mainPid),
      ...(engine === null ? [] : childrenOf(engine)),
    ];
    return candidates.find((pid) => /helper/.test(commandLine(pid))) ?? null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((done) => this.#child.once('exit', done));
    this.#child.kill('SIGTERM');
    await ended;
  }
}

/** Chromium says where it listens on standard error. */
function debuggingAddress(child: Running, log: () => string): Promise<string> {
  return new Promise((done, failed) => {
    child.stderr.on('data', () => {
      const address = /DevTools listening on (ws:\S+)/.exec(log())?.[1];
      if (address !== undefined) done(address);
    });
    child.once('exit', (code, signal) => {
      failed(new Error(`the app ended with ${code ?? signal ?? 'nothing'}:\n${log()}`));
    });
  });
}

/** The port opens before the window does. */
async function firstPage(browser: Browser, log: () => string): Promise<Page> {
  const [context] = browser.contexts();
  if (context === undefined) throw new Error('the app has no pages at all');
  const [page] = context.pages();
  if (page !== undefined) return page;
  try {
    return await context.waitForEvent('page', { timeout: 30_000 });
  } catch (cause) {
    throw new Error(`the app opened no window:\n${log()}`, { cause });
  }
}

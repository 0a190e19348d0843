import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { childrenOf, commandLine } from './processes.ts';
import type { Running, ThrowAwayMachine } from './throw-away-machine.ts';
import { until } from './until.ts';

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

  /** Starts `executable` as the machine's plain user or another; on his own display if he has one. */
  static async start(
    machine: ThrowAwayMachine,
    {
      executable = `${INSTALLED}/emberscope`,
      args = [] as readonly string[],
      user = machine.user,
    } = {},
  ): Promise<InstalledApp> {
    if (user.env['DISPLAY'] === undefined) machine.shareDisplay(user);
    const command = [executable, '--remote-debugging-port=0', ...args];
    const child = machine.start(command, user);
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    const log = () => text;
    const address = await debuggingAddress(child, log);
    await untilPageIsThere(address, log);
    const browser = await chromium.connectOverCDP(address);
    const page = onlyPage(browser);
    page.setDefaultTimeout(20_000);
    await page.waitForLoadState('load');
    return new InstalledApp(page, browser, child, log);
  }

  /** The engine's process; null when there is none. */
  enginePid(): number | null {
    const isEngine = (pid: number) => commandLine(pid).includes('node.mojom.NodeService');
    return childrenOf(this.mainPid).find(isEngine) ?? null;
  }

  /** The helper's process while a recording runs, else null; it is none as long as pkexec asks. */
  helperPid(): number | null {
    const engine = this.enginePid();
    const candidates = [
      ...childrenOf(this.mainPid),
      ...(engine === null ? [] : childrenOf(engine)),
    ];
    const isHelper = (pid: number) => /^(?!\S*pkexec ).*helper/.test(commandLine(pid));
    return candidates.find(isHelper) ?? null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((done) => this.#child.once('exit', done));
    this.#child.kill('SIGTERM');
    await ended;
  }
}

/** What the window says while polkit asks. */
export const waitingFor = (page: Page): Locator =>
  page
    .getByRole('status')
    .filter({ hasText: 'Waiting for a password, in the dialog of the system…' });

/** Chromium says where it listens on standard error. */
async function debuggingAddress(child: Running, log: () => string): Promise<string> {
  const said = () => /DevTools listening on ws:\/\/(\S+?)\/\S*/.exec(log())?.[1];
  const isThere = () => {
    if (child.exitCode === null && child.signalCode === null) return said() !== undefined;
    const how = child.exitCode ?? child.signalCode ?? 'nothing';
    throw new Error(`the app ended with ${how}:\n${log()}`);
  };
  await until(isThere, 'the debugging port of the app', { timeoutMs: 60_000 });
  return `http://${said() ?? ''}`;
}

/**
 * The port opens before the window does, and whoever connects while the first page takes the place of the
 * empty one may wait for ever.
 */
async function untilPageIsThere(address: string, log: () => string): Promise<void> {
  const end = performance.now() + 60_000;
  for (;;) {
    const answer = await fetch(`${address}/json/list`);
    const targets = (await answer.json()) as readonly { type: string; url: string }[];
    if (targets.some(({ type, url }) => type === 'page' && url.startsWith('app://'))) return;
    if (performance.now() > end) throw new Error(`the app opened no window:\n${log()}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** The only page. */
function onlyPage(browser: Browser): Page {
  const [page, ...others] = browser.contexts().flatMap((context) => context.pages());
  if (page === undefined || others.length > 0) throw new Error('the app has not one page');
  return page;
}

import { type ChildProcess, execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { childrenOf, commandLine } from './processes.ts';
import type { ThrowAwayMachine } from './throw-away-machine.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
const SCRIPT = join(ROOT, 'scripts', 'package.mjs');
/** The scripts that make packages. */
export const SCRIPTS = join(ROOT, 'scripts', 'lib', 'package');

export type PackageKind = 'deb' | 'rpm' | 'tar.gz';

/** The app's folder of deb and rpm. */
export const INSTALLED = '/opt/Emberscope';
/** What lies there in plain files. */
export const PLAIN = 'resources/app.asar.unpacked';
/** The demo workload that is part of the app. */
export const INSTALLED_DEMO = `${INSTALLED}/${PLAIN}/dist/demo/workload`;

let made: Readonly<Record<PackageKind, string>> | null = null;
/** The packages of this checkout; those whose contents did not change are not made again. */
export function packages(): Readonly<Record<PackageKind, string>> {
  if (made === null) {
    const sizes = execFileSync(process.execPath, [SCRIPT], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    process.stderr.write(sizes);
    made = fromScripts(
      `import { packagePath } from '${SCRIPTS}/layout.mjs';
       const of = (kind) => [kind, packagePath(kind)];
       console.log(JSON.stringify(Object.fromEntries(['deb', 'rpm', 'tar.gz'].map(of))));`,
    ) as Record<PackageKind, string>;
  }
  return made;
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
  readonly #browser: Browser;
  readonly #child: ChildProcess;

  private constructor(page: Page, browser: Browser, child: ChildProcess) {
    this.page = page;
    this.#browser = browser;
    this.#child = child;
    this.mainPid = child.pid ?? 0;
  }

  /** Starts `executable` as the machine's plain user, with or without what a recording needs. */
  static async start(
    machine: ThrowAwayMachine,
    {
      executable = `${INSTALLED}/emberscope`,
      args = [] as readonly string[],
      capable = false,
    } = {},
  ): Promise<InstalledApp> {
    machine.shareDisplay();
    const command = [executable, '--remote-debugging-port=0', ...args];
    const child = machine.start(command, capable ? 'capable' : 'user');
    const browser = await chromium.connectOverCDP(await debuggingAddress(child));
    const page = browser.contexts()[0]?.pages()[0];
    if (page === undefined) throw new Error('the app has no page');
    page.setDefaultTimeout(20_000);
    await page.waitForLoadState('load');
    return new InstalledApp(page, browser, child);
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
function debuggingAddress(child: ChildProcess): Promise<string> {
  let log = '';
  return new Promise((done, failed) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString('utf8');
      const address = /DevTools listening on (ws:\S+)/.exec(log)?.[1];
      if (address !== undefined) done(address);
    });
    child.once('exit', (code, signal) => {
      failed(new Error(`the app ended with ${code ?? signal ?? 'nothing'}:\n${log}`));
    });
  });
}

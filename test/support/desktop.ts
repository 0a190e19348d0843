import { execFileSync, spawnSync } from 'node:child_process';
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { _electron, type ElectronApplication, type Page } from 'playwright-core';
import { childrenOf, commandLine } from './processes.ts';

/** The checkout. */
export const ROOT = resolve(import.meta.dirname, '..', '..');
/**
 * Holds the app back until Playwright listens. Playwright adds it to its own Electron only; without it
 * a window that opens early is sometimes never seen.
 */
const LOADER = join(ROOT, 'node_modules/playwright-core/lib/server/electron/loader.js');
const ARTIFACTS = join(ROOT, 'test', 'artifacts');

export interface DesktopOptions {
  /** Folder of the app to start. Default: this one. */
  readonly app?: string;
  /** Start with what a live capture needs, as `npm start` by root does. Default: none. */
  readonly capabilities?: boolean;
  readonly colorScheme?: 'dark' | 'light';
  /** Content size in CSS pixels. Default 1280x800. */
  readonly size?: { readonly width: number; readonly height: number };
  /** Arguments behind the app's folder, such as a session file. */
  readonly args?: readonly string[];
  /** Recordings and window state; default: a new folder, removed at the end. */
  readonly dataFolder?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Account {
  readonly uid: number;
  readonly gid: number;
  /** setpriv and its arguments, with and without capabilities. */
  readonly privileged: readonly string[];
  readonly plain: readonly string[];
}

/** How the app was started, to start it again the same way. */
interface StartedAs {
  readonly command: readonly string[];
  readonly env: Record<string, string>;
  /** Home and runtime folder, removed at the end. */
  readonly scratch: string;
}

/** The real app in its real window, as a plain user. */
export class Desktop implements AsyncDisposable {
  readonly app: ElectronApplication;
  readonly page: Page;
  readonly dataFolder: string;
  /** Standard error of the app, and errors in its page, so far. */
  readonly log: () => string;
  readonly #start: StartedAs;

  constructor(parts: Pick<Desktop, 'app' | 'page' | 'dataFolder' | 'log'> & { start: StartedAs }) {
    this.app = parts.app;
    this.page = parts.page;
    this.dataFolder = parts.dataFolder;
    this.log = parts.log;
    this.#start = parts.start;
  }

  /** Electron's main process. */
  get mainPid(): number {
    const { pid } = this.app.process();
    if (pid === undefined) throw new Error('the app has no process');
    return pid;
  }

  /** The engine's process; null when there is none. */
  enginePid(): number | null {
    const isEngine = (pid: number) => commandLine(pid).includes('node.mojom.NodeService');
    return childrenOf(this.mainPid).find(isEngine) ?? null;
  }

  /** The helper's process while a recording runs, else null. */
  helperPid(): number | null {
    const engine = this.enginePid();
    if (engine === null) return null;
    return childrenOf(engine).find((pid) => commandLine(pid).includes('helper/main.js')) ?? null;
  }

  /** Answers the next native dialogs, which no test can click. */
  async answerDialogs(answers: { readonly open?: string; readonly save?: string }): Promise<void> {
    await this.app.evaluate(({ dialog }, { open, save }) => {
      dialog.showOpenDialog = () =>
        Promise.resolve({
          canceled: open === undefined,
          filePaths: open === undefined ? [] : [open],
        });
      dialog.showSaveDialog = () =>
        Promise.resolve({ canceled: save === undefined, filePath: save ?? '' });
    }, answers);
  }

  /** Chooses an item of the menu bar by its label without & and …. */
  async menu(label: string): Promise<void> {
    const found = await this.app.evaluate(({ Menu }, wanted) => {
      const items = [...(Menu.getApplicationMenu()?.items ?? [])];
      for (let item = items.shift(); item !== undefined; item = items.shift()) {
        items.push(...(item.submenu?.items ?? []));
        if (item.label.replaceAll(/[&…]/g, '') === wanted && item.enabled) {
          Reflect.apply(item.click, item, []);
          return true;
        }
      }
      return false;
    }, label);
    if (!found) throw new Error(`the menu has no item '${label}'`);
  }

  /** Gives the page another size, CSS pixels; the display of the tests has no window manager to object. */
  async resize(size: { readonly width: number; readonly height: number }): Promise<void> {
    await this.app.evaluate(({ BrowserWindow }, { width, height }) => {
      BrowserWindow.getAllWindows()[0]?.setContentSize(width, height);
    }, size);
  }

  /** Starts the app a second time from `cwd`; returns its exit code. */
  secondInstance(args: readonly string[], cwd: string): number | null {
    const [command = '', ...prefix] = this.#start.command;
    const all = [...prefix, ROOT, ...args];
    return spawnSync(command, all, { cwd, env: this.#start.env, timeout: 20_000 }).status;
  }

  async close(): Promise<void> {
    await this.app.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A test may have killed it already: closing then finds nothing to close.
    await this.close().catch(() => undefined);
    rmSync(this.#start.scratch, { recursive: true, force: true });
  }
}

/** Starts the app and waits until its page has loaded. */
export async function launchDesktop(options: DesktopOptions = {}): Promise<Desktop> {
  const account = testAccount();
  const scratch = ownedFolder(temporaryFolder(), account);
  const dataFolder = options.dataFolder ?? ownedFolder(join(scratch, 'data'), account);
  const prefix = (options.capabilities ?? false) ? account.privileged : account.plain;
  const command = [...prefix, electronExecutable()];
  const own = { ...environment(scratch, account), EMBERSCOPE_DATA: dataFolder };
  const env = { ...own, ...options.env };
  const app = await _electron.launch({
    executablePath: wrapper(scratch, command),
    args: [options.app ?? ROOT, ...(options.args ?? [])],
    chromiumSandbox: true,
    cwd: ROOT,
    colorScheme: options.colorScheme ?? 'light',
    env,
    timeout: 60_000,
  });
  let log = '';
  app.process().stderr?.on('data', (chunk: Buffer) => {
    log += chunk.toString('utf8');
  });
  const page = await app.firstWindow({ timeout: 60_000 });
  page.setDefaultTimeout(20_000);
  page.on('pageerror', (error) => {
    log += `page: ${error.stack ?? error.message}\n`;
  });
  page.on('console', (message) => {
    if (message.type() === 'error') log += `page: ${message.text()}\n`;
  });
  await page.waitForLoadState('load');
  const desktop = new Desktop({
    app,
    page,
    dataFolder,
    log: () => log,
    start: { command, env, scratch },
  });
  await desktop.resize(options.size ?? { width: 1280, height: 800 });
  return desktop;
}

/** A new folder below the system's temporary one; the system clears it. */
export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'emberscope-test-'));

/** A folder that the app's user owns. */
export function ownedFolder(path: string, account = testAccount()): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chownSync(path, account.uid, account.gid);
  return path;
}

/** Takes a picture into test/artifacts. */
export async function screenshot(page: Page, name: string): Promise<string> {
  mkdirSync(ARTIFACTS, { recursive: true });
  const path = join(ARTIFACTS, `${name}.png`);
  await page.screenshot({ path });
  return path;
}

/** What Playwright starts instead of Electron: the same program, as the plain user. */
function wrapper(scratch: string, command: readonly string[]): string {
  const path = join(scratch, 'electron.sh');
  const words = [...command, '-r', LOADER].map((word) => `'${word}'`).join(' ');
  writeFileSync(path, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o755 });
  return path;
}

function environment(scratch: string, account: Account): Record<string, string> {
  const display = process.env['DISPLAY'];
  if (display === undefined || display === '') {
    throw new Error('There is no display: run `npm test`, or put xvfb-run -a in front.');
  }
  const cookie = process.env['XAUTHORITY'] ?? join(homedir(), '.Xauthority');
  const ownCookie = join(scratch, 'xauthority');
  if (existsSync(cookie)) {
    copyFileSync(cookie, ownCookie);
    chownSync(ownCookie, account.uid, account.gid);
  }
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    LANG: 'C.UTF-8',
    DISPLAY: display,
    XAUTHORITY: ownCookie,
    HOME: ownedFolder(join(scratch, 'home'), account),
    XDG_RUNTIME_DIR: ownedFolder(join(scratch, 'runtime'), account),
  };
}

let electron: string | null = null;
function electronExecutable(): string {
  if (electron === null) {
    const script = join(ROOT, 'scripts', 'electron-runtime.mjs');
    const found: unknown = JSON.parse(
      execFileSync(process.execPath, [script, '--json'], { encoding: 'utf8' }),
    );
    electron = (found as { executable: string }).executable;
  }
  return electron;
}

let account: Account | null = null;
/** The plain user of the tests, made on demand. */
function testAccount(): Account {
  if (account === null) {
    const script = `
      import { ensureAppUser, setprivArgs } from ${JSON.stringify(join(ROOT, 'scripts/lib/users.mjs'))};
      const user = ensureAppUser();
      const prefixes = { privileged: setprivArgs(user, true), plain: setprivArgs(user, false) };
      console.log(JSON.stringify({ uid: user.uid, gid: user.gid, ...prefixes }));`;
    const args = ['--input-type=module', '-e', script];
    account = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as Account;
  }
  return account;
}

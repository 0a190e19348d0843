import { homedir } from 'node:os';
import { join } from 'node:path';
import { app, type BrowserWindow } from 'electron';
import { dataPath } from '#shared/data-path.ts';
import { SHELL_CHANNELS } from '#shared/ipc/shell-channels.ts';
import { EngineProcess } from './engine-process.ts';
import { launchFiles } from './launch-files.ts';
import { installMenu } from './menu.ts';
import { registerAppScheme, serveApp } from './protocol.ts';
import { lockDown } from './security.ts';
import { sendEnginePort, serveShell } from './shell-ipc.ts';
import { claimSingleInstance, ownLaunch } from './single-instance.ts';
import { openWindow } from './window.ts';

/** dist/, one above this bundle's own folder. */
const DIST = join(import.meta.dirname, '..');

/** Hands a file to the page; it waits in the preload script until the page listens. */
function requestOpen(window: BrowserWindow, files: readonly string[]): void {
  for (const file of files) window.webContents.send(SHELL_CHANNELS.openRequest, file);
}

function start(setWindow: (window: BrowserWindow) => void): void {
  lockDown();
  const engine = new EngineProcess({
    entry: join(DIST, 'engine', 'main.js'),
    dataFolder: dataPath(process.env, homedir()),
    version: app.getVersion(),
    onLost: (detail, restarted) => {
      if (window.isDestroyed()) return;
      window.webContents.send(SHELL_CHANNELS.engineLost, detail);
      if (restarted) sendEnginePort(window, engine);
    },
  });
  serveApp(join(DIST, 'renderer'), (id, from) => engine.delta(id, from));
  const window = openWindow(DIST);
  setWindow(window);
  serveShell(window, engine);
  installMenu((command) => {
    window.webContents.send(SHELL_CHANNELS.menuCommand, command);
  });
  window.webContents.once('dom-ready', () => {
    requestOpen(window, launchFiles(ownLaunch()));
  });
  finishBeforeQuit(engine);
}

/**
 * A recording in progress is finished before the app goes, also when a signal ends it: Electron's own
 * handler would let a second Ctrl-C kill it half-way.
 */
function finishBeforeQuit(engine: EngineProcess): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      app.quit();
    });
  }
  let finished = false;
  let finishing = false;
  app.on('before-quit', (event) => {
    if (finished) return;
    event.preventDefault();
    if (finishing) return;
    finishing = true;
    void engine.shutdown().then(() => {
      finished = true;
      app.quit();
    });
  });
}

function main(): void {
  if ((process.env['EMBERSCOPE_DATA'] ?? '') !== '') {
    app.setPath('userData', join(dataPath(process.env, homedir()), 'window'));
  }
  app.enableSandbox();
  registerAppScheme();
  let window: BrowserWindow | null = null;
  const claimed = claimSingleInstance((files) => {
    if (window === null || window.isDestroyed()) return;
    if (window.isMinimized()) window.restore();
    window.focus();
    requestOpen(window, files);
  });
  if (!claimed) {
    app.quit();
    return;
  }
  app.on('window-all-closed', () => {
    app.quit();
  });
  void app.whenReady().then(() => {
    start((opened) => {
      window = opened;
    });
  });
}

main();

import { join } from 'node:path';
import { app, BrowserWindow, nativeTheme } from 'electron';
import { PAGE_ORIGIN } from '#shared/ipc/shell-channels.ts';
import { MIN_SIZE, readWindowState, rememberWindowState } from './window-state.ts';

/** The page's own background (renderer/styles/tokens.css), so that no white flash precedes it. */
const BACKGROUND = { dark: '#161412', light: '#ffffff' };
/** A page that keeps crashing is not reloaded for ever. */
const MAX_RELOADS = 3;

/** Opens the one window and loads the page into it. */
export function openWindow(dist: string): BrowserWindow {
  const statePath = join(app.getPath('userData'), 'window-state.json');
  const state = readWindowState(statePath);
  const window = new BrowserWindow({
    ...state.bounds,
    minWidth: MIN_SIZE.width,
    minHeight: MIN_SIZE.height,
    show: false,
    title: 'Emberscope',
    icon: join(dist, 'app', 'icon.png'),
    backgroundColor: nativeTheme.shouldUseDarkColors ? BACKGROUND.dark : BACKGROUND.light,
    webPreferences: {
      preload: join(dist, 'preload', 'preload.cjs'),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
      // A live flame graph keeps growing behind another window.
      backgroundThrottling: false,
    },
  });
  if (state.maximized) window.maximize();
  rememberWindowState(window, statePath);
  window.once('ready-to-show', () => {
    window.show();
  });
  window.on('page-title-updated', (event) => {
    event.preventDefault();
  });
  reloadAfterCrash(window);
  void window.loadURL(`${PAGE_ORIGIN}/index.html`);
  return window;
}

/** The session lives in the engine, so a new page shows it again. */
function reloadAfterCrash(window: BrowserWindow): void {
  let reloads = 0;
  window.webContents.on('render-process-gone', (_event, details) => {
    if (details.reason === 'clean-exit' || reloads >= MAX_RELOADS) return;
    reloads++;
    window.webContents.reload();
  });
}

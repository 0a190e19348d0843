import {
  type BrowserWindow,
  type IpcMainEvent,
  type IpcMainInvokeEvent,
  ipcMain,
  MessageChannelMain,
} from 'electron';
import { SHELL_CHANNELS } from '#shared/ipc/shell-channels.ts';
import { printable } from '#shared/text/printable-text.ts';
import { isSaveKind, pickFolder, pickSavePath, pickSessionToOpen } from './dialogs.ts';
import type { EngineProcess } from './engine-process.ts';
import { isOwnPage } from './security.ts';

/** Of the app: the title of a window that shows no session. */
const NAME = 'Emberscope';
/** Longest text taken from the page, characters: window titles, names, paths. */
const MAX_TEXT = 4096;

/** Answers the preload script. Everything else of the page goes to the engine by its port. */
export function serveShell(window: BrowserWindow, engine: EngineProcess): void {
  listen(SHELL_CHANNELS.requestEnginePort, () => {
    sendEnginePort(window, engine);
  });
  listen(SHELL_CHANNELS.reportTitle, (title) => {
    // File names stand in it, and desktops show it in places of their own.
    const text = printable(textOf(title));
    window.setTitle(text === '' || text === NAME ? NAME : `${text} – ${NAME}`);
  });
  answer(SHELL_CHANNELS.pickSessionToOpen, () => pickSessionToOpen(window));
  answer(SHELL_CHANNELS.pickSavePath, (name, kind) =>
    isSaveKind(kind) ? pickSavePath(window, textOf(name), kind) : Promise.resolve(null),
  );
  answer(SHELL_CHANNELS.pickFolder, (current) => pickFolder(window, textOf(current)));
}

/** Opens a channel between page and engine, or says that there is no engine. */
export function sendEnginePort(window: BrowserWindow, engine: EngineProcess): void {
  const { port1, port2 } = new MessageChannelMain();
  const connected = engine.connect(port1);
  if (connected.ok) window.webContents.postMessage(SHELL_CHANNELS.enginePort, null, [port2]);
  else if (connected.error.kind === 'engine-lost') {
    window.webContents.send(SHELL_CHANNELS.engineLost, connected.error.detail);
  }
}

function listen(channel: string, handler: (...args: readonly unknown[]) => void): void {
  ipcMain.on(channel, (event, ...args: readonly unknown[]) => {
    if (isFromPage(event)) handler(...args);
  });
}

function answer(
  channel: string,
  handler: (...args: readonly unknown[]) => Promise<string | null>,
): void {
  ipcMain.handle(channel, async (event, ...args: readonly unknown[]) =>
    isFromPage(event) ? handler(...args) : null,
  );
}

/** Only the top frame of our own page may ask; a frame that is gone (null) may not. */
function isFromPage({ senderFrame, sender }: IpcMainEvent | IpcMainInvokeEvent): boolean {
  return senderFrame !== null && senderFrame === sender.mainFrame && isOwnPage(senderFrame.url);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : '';
}

import { homedir } from 'node:os';
import { extname, join } from 'node:path';
import { type BrowserWindow, dialog } from 'electron';
import type { SaveKind } from '#shared/ipc/host-bridge.ts';

interface SaveForm {
  readonly title: string;
  readonly filter: string;
  readonly extension: string;
}

const SAVE_FORMS: Readonly<Record<SaveKind, SaveForm>> = {
  ember: { title: 'Save session', filter: 'Emberscope session', extension: 'ember' },
  folded: { title: 'Export folded stacks', filter: 'Folded stacks', extension: 'folded' },
  svg: { title: 'Export flame graph', filter: 'SVG picture', extension: 'svg' },
  html: { title: 'Export flame graph page', filter: 'HTML page', extension: 'html' },
};

/** Checks a value from the page. */
export const isSaveKind = (value: unknown): value is SaveKind =>
  typeof value === 'string' && Object.hasOwn(SAVE_FORMS, value);

/** Asks for a session file; null: cancelled. */
export async function pickSessionToOpen(window: BrowserWindow): Promise<string | null> {
  const { canceled, filePaths } = await dialog.showOpenDialog(window, {
    title: 'Open session',
    properties: ['openFile'],
    filters: [
      { name: 'Emberscope sessions', extensions: ['ember'] },
      { name: 'All files', extensions: ['*'] },
    ],
  });
  return canceled ? null : (filePaths[0] ?? null);
}

/** Asks where to write; the extension is added when left out. Null: cancelled. */
export async function pickSavePath(
  window: BrowserWindow,
  suggestedName: string,
  kind: SaveKind,
): Promise<string | null> {
  const { title, filter, extension } = SAVE_FORMS[kind];
  const { canceled, filePath } = await dialog.showSaveDialog(window, {
    title,
    defaultPath: join(homedir(), withExtension(safeName(suggestedName), extension)),
    properties: ['createDirectory', 'showOverwriteConfirmation'],
    filters: [{ name: filter, extensions: [extension] }],
  });
  return canceled || filePath === '' ? null : withExtension(filePath, extension);
}

/** Asks for a folder, starting at `current`; null: cancelled. */
export async function pickFolder(window: BrowserWindow, current: string): Promise<string | null> {
  const { canceled, filePaths } = await dialog.showOpenDialog(window, {
    title: 'Choose folder',
    defaultPath: current === '' ? homedir() : current,
    properties: ['openDirectory', 'createDirectory'],
  });
  return canceled ? null : (filePaths[0] ?? null);
}

/** A suggestion stays one file name: no folders, no control characters. */
const safeName = (name: string): string =>
  name.replaceAll(/[/\\\u0000-\u001f\u007f]/g, '-').slice(0, 120) || 'session';

const withExtension = (path: string, extension: string): string =>
  extname(path) === '' ? `${path}.${extension}` : path;

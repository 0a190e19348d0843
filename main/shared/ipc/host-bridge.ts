/**
 * What the preload script exposes to the page as `window.emberscope`.
 *
 * Implemented by main/preload (Electron) and by the test page's adapter; used by renderer/host alone.
 * It carries what only the desktop shell can do: dialogs, menus, files handed to the app. Everything
 * else is asked of the engine over a message port, which cannot cross the bridge: it arrives as a
 * window 'message' event whose data is ENGINE_PORT_MESSAGE and whose ports[0] speaks PortRequest and
 * PortMessage (contract.ts). A second such event replaces the first port (the engine was restarted).
 */
export interface HostBridge {
  readonly platform: 'electron' | 'serve' | 'test';
  /** Says that the page listens for the engine port: the shell sends it after this call. */
  requestEnginePort(): void;
  /** The engine process ended. `detail` is what the shell saw, e.g. "exit code 9". */
  onEngineLost(callback: (detail: string) => void): void;
  /** Asks for a session file; null: the person cancelled. */
  pickSessionToOpen(): Promise<string | null>;
  /** Asks where to write; null: the person cancelled. */
  pickSavePath(suggestedName: string, kind: SaveKind): Promise<string | null>;
  /** Asks for a folder, starting at `current`; null: the person cancelled. */
  pickFolder(current: string): Promise<string | null>;
  /** A file to open: from the command line, a second instance, the file manager or the menu. */
  onOpenRequest(callback: (path: string) => void): void;
  onMenuCommand(callback: (command: MenuCommand) => void): void;
  /** The window's title, e.g. "Recording this machine". */
  reportTitle(title: string): void;
}

/** The name under which the bridge stands in the page's global scope. */
export const HOST_BRIDGE_GLOBAL = 'emberscope';

/** `data` of the window 'message' event that carries the engine port. */
export const ENGINE_PORT_MESSAGE = 'emberscope-port';

/** Decides the dialog's title, file name extension and filter. */
export type SaveKind = 'ember' | 'folded' | 'svg' | 'html';

/** Commands of the menu bar. The page ignores those that make no sense in its present state. */
export const MENU_COMMANDS = [
  'open',
  'save-as',
  'close-session',
  'record',
  'stop',
  'export-folded',
  'export-svg',
  'export-html',
  'find',
  'zoom-reset',
  'toggle-inverted',
  'toggle-orientation',
  'toggle-quality',
  'doctor',
  'show-shortcuts',
  'about',
] as const;
export type MenuCommand = (typeof MENU_COMMANDS)[number];

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type BrowserWindow, type Rectangle, screen } from 'electron';

/** Where the window was, in device-independent pixels. */
export interface WindowState {
  readonly bounds: Pick<Rectangle, 'width' | 'height'> & Partial<Rectangle>;
  readonly maximized: boolean;
}

export const MIN_SIZE = { width: 900, height: 600 };
const DEFAULT: WindowState = { bounds: { width: 1280, height: 800 }, maximized: false };

/** Part of the window that must lie on a screen for its title bar to be reachable, pixels. */
const REACHABLE = 64;

/** The remembered state if it still fits the screens, else the default. */
export function readWindowState(path: string): WindowState {
  const saved = parse(path);
  if (saved === null) return DEFAULT;
  const { bounds, maximized } = saved;
  const { workArea } = screen.getDisplayMatching(bounds);
  const reachable =
    bounds.x < workArea.x + workArea.width - REACHABLE &&
    bounds.x + bounds.width > workArea.x + REACHABLE &&
    bounds.y >= workArea.y &&
    bounds.y < workArea.y + workArea.height - REACHABLE;
  return reachable ? { bounds, maximized } : { ...DEFAULT, maximized };
}

function parse(path: string): { bounds: Rectangle; maximized: boolean } | null {
  let saved: unknown;
  try {
    saved = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // First start, or a file cut short by a crash: the default is right for both.
    if (error instanceof Error) return null;
    throw error;
  }
  const { x, y, width, height, maximized } = saved as Record<string, unknown>;
  const numbers = [x, y, width, height];
  if (!numbers.every((value): value is number => Number.isSafeInteger(value))) return null;
  const [left = 0, top = 0, wide = 0, high = 0] = numbers;
  return {
    bounds: {
      x: left,
      y: top,
      width: Math.max(wide, MIN_SIZE.width),
      height: Math.max(high, MIN_SIZE.height),
    },
    maximized: maximized === true,
  };
}

/** Remembers where the window is when it closes. */
export function rememberWindowState(window: BrowserWindow, path: string): void {
  window.on('close', () => {
    const state = { ...window.getNormalBounds(), maximized: window.isMaximized() };
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, JSON.stringify(state));
    } catch (error) {
      // A full disk must not keep the window from closing; the next start uses the default.
      process.stderr.write(`emberscope: window position not saved: ${String(error)}\n`);
    }
  });
}

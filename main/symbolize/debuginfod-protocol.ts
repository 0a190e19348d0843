import type { DebuginfodFile } from '../ffi/debuginfod.ts';

/** What the worker is started with. */
export interface WorkerSetup {
  /** Shared memory; see CONTROL. */
  readonly control: Int32Array;
}

/** Words of WorkerSetup.control. */
export const CONTROL = {
  /** Not 0: give up what runs, and everything that waits. */
  cancel: 0,
  words: 1,
} as const;

/** One file wanted. */
export interface DebuginfodQuestion {
  readonly id: number;
  readonly file: DebuginfodFile;
  /** Lower-case hex. */
  readonly buildId: string;
  /** A larger file is given up, bytes. */
  readonly limitBytes: number;
  /** A slower download is given up, ms. */
  readonly timeoutMs: number;
}

/** What came of a question; `bytes` were downloaded meanwhile. */
export type DebuginfodReply = { readonly id: number } & DebuginfodOutcome;

export type DebuginfodOutcome =
  /** `path` is in the client's cache. */
  | { readonly kind: 'found'; readonly path: string; readonly bytes: number }
  /** No server has it (ENOENT), or none could be reached (another errno). */
  | { readonly kind: 'missing'; readonly errno: number; readonly bytes: number }
  | { readonly kind: 'budget' | 'timeout' | 'cancelled'; readonly bytes: number }
  /** The library cannot be used. */
  | { readonly kind: 'unavailable'; readonly reason: string };

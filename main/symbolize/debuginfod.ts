import { Worker } from 'node:worker_threads';
import type { DebuginfodFile } from '../ffi/debuginfod.ts';
import {
  CONTROL,
  type DebuginfodOutcome,
  type DebuginfodQuestion,
  type DebuginfodReply,
  type WorkerSetup,
} from './debuginfod-protocol.ts';

/** Beside the bundle that starts it. */
const WORKER = './debuginfod-worker.js';
/** The library looks at its limits about once a second; this long after them the thread is ended, ms. */
const GRACE_MS = 10_000;
const DEFAULT_TIMEOUT_MS = 120_000;
const DEFAULT_BUDGET_BYTES = 1 << 30;

export interface DebuginfodOptions {
  /** Bytes to download at most, over all files. Default 1 GiB. */
  readonly budgetBytes?: number;
  /** Longest download of one file, ms. Default two minutes. */
  readonly timeoutMs?: number;
  /** Where the bundled worker is. */
  readonly worker?: URL;
}

/** The servers the user named (debuginfod-client-config(7)); empty: none, and nothing may be asked. */
export const debuginfodUrls = (): readonly string[] =>
  (process.env['DEBUGINFOD_URLS'] ?? '').split(/\s+/).filter((url) => url !== '');

/**
 * Fetches debug files by build id from the debuginfod servers the user named, through the system's client
 * library on a thread of its own. Nothing is asked of the network before the first fetch().
 */
export class DebuginfodClient implements Disposable {
  private readonly control = new Int32Array(new SharedArrayBuffer(CONTROL.words * 4));
  private readonly timeoutMs: number;
  private readonly workerUrl: URL;
  private worker: Worker | null = null;
  private waiting = new Map<number, (outcome: DebuginfodOutcome) => void>();
  private nextId = 0;
  private leftBytes: number;
  private usedBytes = 0;
  private failure: string | null = null;

  constructor({
    budgetBytes = DEFAULT_BUDGET_BYTES,
    timeoutMs = DEFAULT_TIMEOUT_MS,
    worker = new URL(WORKER, import.meta.url),
  }: DebuginfodOptions = {}) {
    this.leftBytes = budgetBytes;
    this.timeoutMs = timeoutMs;
    this.workerUrl = worker;
  }

  /** Downloaded so far, bytes. */
  get downloadedBytes(): number {
    return this.usedBytes;
  }

  /** Asks for one file; never rejects. Call it for the hottest image first: the budget is one for all. */
  async fetch(file: DebuginfodFile, buildId: string): Promise<DebuginfodOutcome> {
    if (this.failure !== null) return { kind: 'unavailable', reason: this.failure };
    if (this.isCancelled) return { kind: 'cancelled', bytes: 0 };
    if (this.leftBytes <= 0) return { kind: 'budget', bytes: 0 };
    const { timeoutMs, leftBytes: limitBytes } = this;
    const id = this.nextId++;
    const outcome = await this.ask({ id, file, buildId, limitBytes, timeoutMs });
    if (outcome.kind === 'unavailable') this.failure = outcome.reason;
    else {
      this.usedBytes += outcome.bytes;
      this.leftBytes -= outcome.bytes;
    }
    return outcome;
  }

  /** Gives up what runs and what waits; what was downloaded completely stays in the client's cache. */
  cancel(): void {
    Atomics.store(this.control, CONTROL.cancel, 1);
  }

  [Symbol.dispose](): void {
    this.cancel();
    this.worker?.postMessage('close');
    this.worker?.unref();
    this.worker = null;
  }

  private get isCancelled(): boolean {
    return Atomics.load(this.control, CONTROL.cancel) !== 0;
  }

  private ask(question: DebuginfodQuestion): Promise<DebuginfodOutcome> {
    return new Promise((resolve) => {
      const timer = setTimeout(
        () => this.giveUp('no answer from libdebuginfod'),
        question.timeoutMs + GRACE_MS,
      );
      this.waiting.set(question.id, (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      });
      this.worker ??= this.start();
      this.worker.postMessage(question);
    });
  }

  private start(): Worker {
    const setup: WorkerSetup = { control: this.control };
    const worker = new Worker(this.workerUrl, {
      workerData: setup,
      // The library opens descriptors of its own; the runtime must not watch over them.
      trackUnmanagedFds: false,
    });
    worker.on('message', ({ id, ...outcome }: DebuginfodReply) => {
      const resolve = this.waiting.get(id);
      this.waiting.delete(id);
      resolve?.(outcome);
    });
    worker.on('error', (error) => this.giveUp(error.message));
    worker.on('exit', () => this.giveUp('its thread ended'));
    return worker;
  }

  /** Nothing more will come: everything that waits is answered, and nothing is asked any more. */
  private giveUp(reason: string): void {
    if (this.worker !== null) this.failure ??= reason;
    void this.worker?.terminate();
    this.worker = null;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    const kind = this.isCancelled ? 'cancelled' : 'unavailable';
    for (const resolve of waiting) {
      resolve(kind === 'cancelled' ? { kind, bytes: 0 } : { kind, reason });
    }
  }
}

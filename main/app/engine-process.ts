import { constants } from 'node:os';
import { StringDecoder } from 'node:string_decoder';
import { type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron';
import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { printableLines } from '#shared/text/printable-text.ts';
import { ElevatedHelpers, type ElevationRequest } from './elevated-helpers.ts';

/** What the engine needs to start. */
export interface EngineOptions {
  /** dist/engine/main.js */
  readonly entry: string;
  readonly dataFolder: string;
  readonly version: string;
  /** It ended unasked. `restarted`: another one is already starting. */
  readonly onLost: (detail: string, restarted: boolean) => void;
}

/** Messages of the engine to its parent, main/engine/README.md. */
type FromEngine =
  | ElevationRequest
  | { readonly type: 'ready' | 'closed' }
  | { readonly type: 'data'; readonly call: number; readonly ok: true; readonly bytes: Uint8Array }
  | {
      readonly type: 'data';
      readonly call: number;
      readonly ok: false;
      readonly error: ProfilerError;
    };

/** A second crash within this time is not an accident: no further restart, ms. */
const RESTART_PAUSE_MS = 30_000;
/** The engine may finish a recording's symbols before it closes, ms. */
const SHUTDOWN_MS = 60_000;
/** Kept of standard error to say why the engine ended, characters. */
const STDERR_TAIL = 2000;

/** Owns the engine's process. */
export class EngineProcess {
  readonly #options: EngineOptions;
  readonly #calls = new Map<number, (result: Result<Uint8Array, ProfilerError>) => void>();
  #child: UtilityProcess | null = null;
  #lastCall = 0;
  #lastCrash = Number.NEGATIVE_INFINITY;
  #lostDetail = '';
  #closing = false;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#start();
  }

  /** Process id, for messages and tests; null when it is not running. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Gives the engine its end of a window's channel. An error: the engine is gone for good. */
  connect(port: MessagePortMain): Result<null, ProfilerError> {
    if (this.#child === null) return err({ kind: 'engine-lost', detail: this.#lostDetail });
    this.#child.postMessage({ type: 'connect' }, [port]);
    return ok(null);
  }

  /** Rows of a session since a cursor, encoded. */
  delta(sessionId: number, from: string): Promise<Result<Uint8Array, ProfilerError>> {
    const child = this.#child;
    if (child === null) {
      return Promise.resolve(err({ kind: 'engine-lost', detail: this.#lostDetail }));
    }
    const call = ++this.#lastCall;
    return new Promise((resolve) => {
      this.#calls.set(call, resolve);
      child.postMessage({ type: 'data', call, sessionId, from });
    });
  }

  /** Ends the engine properly: a recording in progress is finished first. */
  async shutdown(): Promise<void> {
    const child = this.#child;
    this.#closing = true;
    if (child === null) return;
    await new Promise<void>((resolve) => {
      const limit = setTimeout(() => {
        child.kill();
        resolve();
      }, SHUTDOWN_MS);
      child.once('exit', () => {
        clearTimeout(limit);
        resolve();
      });
      child.postMessage({ type: 'shutdown' });
    });
  }

  #start(): void {
    const { entry, dataFolder, version } = this.#options;
    const child = utilityProcess.fork(
      entry,
      [`--data-folder=${dataFolder}`, `--version=${version}`],
      {
        serviceName: 'Emberscope engine',
        stdio: ['ignore', 'inherit', 'pipe'],
      },
    );
    const helpers = new ElevatedHelpers((message) => {
      // The engine may have ended before its helper did.
      if (this.#child === child) child.postMessage(message);
    });
    let tail = '';
    // Whole characters, however they are cut up. What is thrown may quote a session: no terminal acts on it.
    const decoder = new StringDecoder('utf8');
    child.stderr?.on('data', (chunk: Buffer) => {
      const text = printableLines(decoder.write(chunk));
      process.stderr.write(text);
      tail = (tail + text).slice(-STDERR_TAIL);
    });
    child.on('message', (message: FromEngine) => {
      if (message.type === 'elevate' || message.type === 'elevated-kill') helpers.handle(message);
      else this.#receive(message);
    });
    child.once('exit', (code) => {
      helpers.withdraw();
      this.#ended(code, tail);
    });
    this.#child = child;
  }

  #receive(message: Exclude<FromEngine, ElevationRequest>): void {
    if (message.type !== 'data') return;
    const answer = this.#calls.get(message.call);
    this.#calls.delete(message.call);
    answer?.(message.ok ? ok(message.bytes) : err(message.error));
  }

  #ended(code: number, stderr: string): void {
    const lastLine = stderr.trim().split('\n').at(-1) ?? '';
    this.#lostDetail = `${describeEnd(code)}${lastLine === '' ? '' : `: ${lastLine}`}`;
    this.#child = null;
    for (const answer of this.#calls.values()) {
      answer(err({ kind: 'engine-lost', detail: this.#lostDetail }));
    }
    this.#calls.clear();
    if (this.#closing) return;
    const now = performance.now();
    const restart = now - this.#lastCrash > RESTART_PAUSE_MS;
    this.#lastCrash = now;
    if (restart) this.#start();
    this.#options.onLost(this.#lostDetail, restart);
  }
}

/** Electron reports a signal as its number; the engine's own exit codes are 0 and 1. */
function describeEnd(code: number): string {
  const signal = Object.entries(constants.signals).find(([, number]) => number === code)?.[0];
  return signal === undefined || code <= 1 ? `exit code ${code}` : `killed by ${signal}`;
}

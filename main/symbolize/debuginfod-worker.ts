import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { invariant } from '#shared/invariant.ts';
import { type DebuginfodConnection, openDebuginfod } from '../ffi/debuginfod.ts';
import {
  CONTROL,
  type DebuginfodQuestion,
  type DebuginfodReply,
  type WorkerSetup,
} from './debuginfod-protocol.ts';

/**
 * The thread that waits for debuginfod servers, so that nobody else does. One question at a time; the
 * library calls back on this same thread while it waits, which is when limits and cancelling are heeded.
 */
const { control } = workerData as WorkerSetup;
const limits = { bytes: 0, deadline: 0 };
const seen = {
  bytes: 0,
  /** The network was asked: the file does not come from the cache alone. */
  hasWaited: false,
  stopped: null as 'budget' | 'timeout' | 'cancelled' | null,
};

function progress(doneBytes: number, totalBytes: number): number {
  seen.hasWaited = true;
  if (totalBytes > 0) seen.bytes = Math.max(seen.bytes, doneBytes);
  if (Atomics.load(control, CONTROL.cancel) !== 0) seen.stopped = 'cancelled';
  else if (Math.max(doneBytes, totalBytes) > limits.bytes) seen.stopped = 'budget';
  else if (performance.now() > limits.deadline) seen.stopped = 'timeout';
  return seen.stopped === null ? 0 : 1;
}

const QUIETLY = { throwIfNoEntry: false } as const;
let connection: DebuginfodConnection | string | null = null;

function answer(question: DebuginfodQuestion): DebuginfodReply {
  const { id, file, buildId, limitBytes, timeoutMs } = question;
  if (Atomics.load(control, CONTROL.cancel) !== 0) return { id, kind: 'cancelled', bytes: 0 };
  connection ??= openDebuginfod(progress);
  if (typeof connection === 'string') return { id, kind: 'unavailable', reason: connection };
  Object.assign(limits, { bytes: limitBytes, deadline: performance.now() + timeoutMs });
  Object.assign(seen, { bytes: 0, hasWaited: false, stopped: null });
  const found = connection.find(file, Buffer.from(buildId, 'hex'));
  if ('path' in found) {
    const bytes = seen.hasWaited ? (statSync(found.path, QUIETLY)?.size ?? seen.bytes) : 0;
    return { id, kind: 'found', path: found.path, bytes };
  }
  const { bytes } = seen;
  if (seen.stopped !== null) return { id, kind: seen.stopped, bytes };
  return { id, kind: 'missing', errno: found.errno, bytes };
}

invariant(parentPort !== null, 'the debuginfod worker is started as a worker');
const port = parentPort;
port.on('message', (question: DebuginfodQuestion | 'close') => {
  if (question !== 'close') {
    port.postMessage(answer(question));
    return;
  }
  if (typeof connection === 'object') connection?.[Symbol.dispose]();
  port.close();
});

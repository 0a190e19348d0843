import { fstatSync, readSync, writeSync } from 'node:fs';
import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { FRAME_HEADER_BYTES } from '../capture/wire/frame-layout.ts';
import { encodeJsonFrame, type Frame, readFrameHeader } from '../capture/wire/framing.ts';
import { libc } from '../ffi/libc.ts';

/**
 * Blocking stdio for the privileged stage. It reads exactly the frames it needs and nothing beyond:
 * the rest of the pipe belongs to the capture stage.
 */
const POLLIN = 1;
const POLLOUT = 4;

/**
 * Ends the process at once. process.exit() would wait for the worker threads and run the destructors
 * of native modules, and a worker that is interrupted inside one can leave a lock behind.
 */
export function exitNow(code: number): never {
  libc()._exit(code);
  throw new Error('Bug: _exit returned');
}

/** Whether stdin and stdout are pipes or sockets, as the protocol demands. */
export const isPiped = (): boolean =>
  [0, 1].every((fd) => {
    const stat = fstatSync(fd);
    return stat.isFIFO() || stat.isSocket();
  });

/** Waits for fd; false when the deadline (Date.now() milliseconds) passed first. */
function waitFor(fd: number, events: number, deadline: number): boolean {
  for (;;) {
    const left = deadline - Date.now();
    if (left <= 0) return false;
    const request = new Uint8Array(8);
    const view = new DataView(request.buffer);
    view.setInt32(0, fd, true);
    view.setInt16(4, events, true);
    if (libc().poll(request, 1, left) > 0) return true;
  }
}

const isAgain = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EAGAIN';

/** null: the pipe closed, or the deadline passed. */
function readExactly(fd: number, bytes: number, deadline: number): Uint8Array | null {
  const target = new Uint8Array(bytes);
  let at = 0;
  while (at < bytes) {
    if (!waitFor(fd, POLLIN, deadline)) return null;
    try {
      const got = readSync(fd, target, at, bytes - at, null);
      if (got === 0) return null;
      at += got;
    } catch (error) {
      if (!isAgain(error)) throw error;
    }
  }
  return target;
}

/** One frame, or null when the engine is gone or silent. */
export function readFrame(timeoutMs: number, fd = 0): Result<Frame | null, ProfilerError> {
  const deadline = Date.now() + timeoutMs;
  const header = readExactly(fd, FRAME_HEADER_BYTES, deadline);
  if (header === null) return ok(null);
  const read = readFrameHeader(header);
  if (!read.ok) return err(read.error);
  const payload = readExactly(fd, read.value.payloadBytes, deadline);
  return ok(payload === null ? null : { type: read.value.type, payload });
}

/** A pipe that is ready takes so many bytes without waiting: PIPE_BUF, pipe(7). */
const READY_BYTES = 4096;

/** Writes all of it, or gives up after two seconds: nobody reads then. */
export function writeFrame(type: 'hello' | 'error', value: unknown): void {
  const frame = encodeJsonFrame(type, value);
  const deadline = Date.now() + 2000;
  let at = 0;
  while (at < frame.length && waitFor(1, POLLOUT, deadline)) {
    try {
      at += writeSync(1, frame, at, Math.min(READY_BYTES, frame.length - at));
    } catch (error) {
      if (isAgain(error)) continue;
      if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return;
      throw error;
    }
  }
}

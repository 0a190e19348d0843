import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import { err, ok, type Result } from '#shared/result.ts';
import {
  FRAME_HEADER_BYTES,
  FRAME_LIMITS,
  FRAME_TYPES,
  type FrameType,
  PROTOCOL_VERSION,
} from './frame-layout.ts';

/** One frame as it arrived. `payload` may share memory with the chunk it came in. */
export interface Frame {
  readonly type: FrameType;
  readonly payload: Uint8Array;
}

const TYPE_OF_CODE = new Map<number, FrameType>(
  Object.entries(FRAME_TYPES).map(([name, code]) => [code, name as FrameType]),
);

/** Writes a frame header for `payloadBytes` into the first FRAME_HEADER_BYTES of `target`. */
export function writeFrameHeader(target: Uint8Array, type: FrameType, payloadBytes: number): void {
  invariant(payloadBytes <= FRAME_LIMITS[type], `a ${type} frame of ${payloadBytes} bytes`);
  const view = new DataView(target.buffer, target.byteOffset, FRAME_HEADER_BYTES);
  view.setUint32(0, payloadBytes, true);
  view.setUint8(4, FRAME_TYPES[type]);
  view.setUint8(5, PROTOCOL_VERSION);
  view.setUint16(6, 0, true);
}

/** A whole frame, header and payload, in memory of its own. */
export function encodeFrame(type: FrameType, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + payload.length);
  writeFrameHeader(frame, type, payload.length);
  frame.set(payload, FRAME_HEADER_BYTES);
  return frame;
}

/** A frame whose payload is JSON. */
export const encodeJsonFrame = (type: FrameType, value: unknown): Uint8Array =>
  encodeFrame(type, new TextEncoder().encode(JSON.stringify(value)));

/** A payload's JSON; undefined if it is none. What it holds is for a schema to judge. */
export function decodeJson(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (error) {
    // Both errors mean bytes from the other side that are no JSON: the schema refuses undefined.
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

const broken = (detail: string): Result<never, ProfilerError> =>
  err({ kind: 'helper-protocol', detail });

/** The frame type and payload size a header announces, or why it is none. */
export function readFrameHeader(
  bytes: Uint8Array,
  offset = 0,
): Result<{ readonly type: FrameType; readonly payloadBytes: number }, ProfilerError> {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, FRAME_HEADER_BYTES);
  const payloadBytes = view.getUint32(0, true);
  const code = view.getUint8(4);
  const version = view.getUint8(5);
  if (view.getUint16(6, true) !== 0) return broken('reserved header bits are set');
  if (version !== PROTOCOL_VERSION) {
    // Every version has these eight bytes: the other side is a helper or an app, only not ours.
    return err({
      kind: 'helper-version',
      found: `protocol ${version}`,
      expected: `protocol ${PROTOCOL_VERSION}`,
    });
  }
  const type = TYPE_OF_CODE.get(code);
  if (type === undefined) return broken(`unknown frame type ${code}`);
  if (payloadBytes > FRAME_LIMITS[type]) {
    return broken(`${type} frame of ${payloadBytes} bytes, allowed are ${FRAME_LIMITS[type]}`);
  }
  return ok({ type, payloadBytes });
}

/**
 * Turns a byte stream, cut anywhere, back into frames. After the first violation every further push
 * reports it again: the stream has no boundary left to trust.
 */
export class FrameDecoder {
  /** Chunks not consumed yet, oldest first, and their total length. */
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  #broken: Result<never, ProfilerError> | null = null;

  /** Bytes of an unfinished frame: not 0 at the end of the stream means it was cut. */
  get pendingBytes(): number {
    return this.#buffered;
  }

  push(chunk: Uint8Array): Result<Frame[], ProfilerError> {
    if (this.#broken !== null) return this.#broken;
    if (chunk.length > 0) {
      this.#chunks.push(chunk);
      this.#buffered += chunk.length;
    }
    const frames: Frame[] = [];
    while (this.#buffered >= FRAME_HEADER_BYTES) {
      const header = readFrameHeader(this.#front(FRAME_HEADER_BYTES));
      if (!header.ok) {
        this.#broken = header;
        return header;
      }
      const { type, payloadBytes } = header.value;
      const frameBytes = FRAME_HEADER_BYTES + payloadBytes;
      if (this.#buffered < frameBytes) break;
      const payload = this.#front(frameBytes).subarray(FRAME_HEADER_BYTES, frameBytes);
      this.#drop(frameBytes);
      frames.push({ type, payload });
    }
    return ok(frames);
  }

  /** The first chunk, made at least `bytes` long; joins chunks only when one is too short. */
  #front(bytes: number): Uint8Array {
    const first = this.#chunks[0]!;
    if (first.length >= bytes) return first;
    const joined = new Uint8Array(this.#buffered);
    let at = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    this.#chunks = [joined];
    return joined;
  }

  #drop(bytes: number): void {
    const rest = this.#chunks[0]!.subarray(bytes);
    if (rest.length > 0) this.#chunks[0] = rest;
    else this.#chunks.shift();
    this.#buffered -= bytes;
  }
}

import { Socket } from 'node:net';

/** Samples are dropped, and counted, while this many bytes wait for the engine. */
export const MAX_QUEUED_BYTES = 64 << 20;
/** Facts are worth more than samples: they are dropped only above this. */
const MAX_QUEUED_FACT_BYTES = 2 * MAX_QUEUED_BYTES;

/**
 * The pipe to the engine: never blocks, and holds a bounded number of bytes for a slow reader. What
 * does not fit is dropped and counted by the caller.
 */
export class OutgoingQueue {
  readonly #socket: Socket;

  /** `onClosed`: the engine closed its end, or is gone. */
  constructor(fd: number, onClosed: () => void) {
    this.#socket = new Socket({ fd, readable: false, writable: true });
    this.#socket.on('error', onClosed);
    this.#socket.on('close', onClosed);
  }

  get #queuedBytes(): number {
    return this.#socket.writableLength;
  }

  /** false: too much is waiting already; nothing of it was queued. */
  offerSamples(frame: Uint8Array): boolean {
    if (this.#queuedBytes + frame.length > MAX_QUEUED_BYTES) return false;
    this.#socket.write(frame);
    return true;
  }

  offerFacts(frame: Uint8Array): boolean {
    if (this.#queuedBytes + frame.length > MAX_QUEUED_FACT_BYTES) return false;
    this.#socket.write(frame);
    return true;
  }

  /** For the few small frames of the protocol itself. */
  send(frame: Uint8Array): void {
    this.#socket.write(frame);
  }

  /** Calls back when all was taken by the pipe. */
  end(frame: Uint8Array, done: () => void): void {
    this.#socket.end(frame, done);
  }
}

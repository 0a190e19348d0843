import type { ProfilerError } from '#shared/errors.ts';
import { ok, type Result } from '#shared/result.ts';
import { pageSize } from '../ffi/libc.ts';
import { MappedMemory, memoryFence } from './mapped-memory.ts';
import { committedBytes } from './ring-walk.ts';

/**
 * Our own reader of a BPF ring buffer: whole spans by memcpy, no callback per record, no epoll.
 *
 *   const length = reader.take(); …parse reader.span.subarray(0, length)…; reader.publish();
 *
 * The kernel maps the consumer's page first, then the producer's page and the data twice in a row,
 * so that no record is ever split.
 */
export class RingBufferReader implements Disposable {
  readonly #consumer: MappedMemory;
  readonly #producer: MappedMemory;
  readonly #mask: number;
  readonly #dataOffset: number;
  #position: number;
  #taken = 0;
  /** Where take() puts the bytes; overwritten by the next take(). */
  readonly span: Uint8Array;

  private constructor(consumer: MappedMemory, producer: MappedMemory, ringBytes: number) {
    this.#consumer = consumer;
    this.#producer = producer;
    this.#mask = ringBytes - 1;
    this.#dataOffset = pageSize();
    this.#position = consumer.readPosition(0);
    this.span = new Uint8Array(Math.min(ringBytes, MAX_SPAN_BYTES));
  }

  /** `ringBytes`: the map's max_entries. */
  static map(fd: number, ringBytes: number): Result<RingBufferReader, ProfilerError> {
    const page = pageSize();
    const consumer = MappedMemory.map(fd, { offset: 0, length: page, writable: true }, 'ring');
    if (!consumer.ok) return consumer;
    const length = page + 2 * ringBytes;
    const producer = MappedMemory.map(fd, { offset: page, length, writable: false }, 'ring');
    if (!producer.ok) {
      consumer.value[Symbol.dispose]();
      return producer;
    }
    return ok(new RingBufferReader(consumer.value, producer.value, ringBytes));
  }

  /**
   * Copies the committed records waiting (at most one span of them) and returns their length, 0 if
   * there is none. The span is copied twice: the first copy only tells which records are committed,
   * since it may have caught a header after its commit but the data before it.
   */
  take(): number {
    const waiting = this.#producer.readPosition(0) - this.#position;
    if (waiting === 0) return 0;
    memoryFence();
    const length = Math.min(waiting, this.span.length);
    const offset = this.#dataOffset + (this.#position % (this.#mask + 1));
    this.#producer.read(this.span, offset, length);
    this.#taken = committedBytes(new DataView(this.span.buffer, 0, length));
    memoryFence();
    this.#producer.read(this.span, offset, this.#taken);
    return this.#taken;
  }

  /** Bytes of records not published yet, those under way included. */
  get waiting(): number {
    return this.#producer.readPosition(0) - this.#position;
  }

  /** Gives the room of what take() returned back to the kernel. */
  publish(): void {
    memoryFence();
    this.#position += this.#taken;
    this.#taken = 0;
    this.#consumer.writePosition(0, this.#position);
  }

  [Symbol.dispose](): void {
    this.#consumer[Symbol.dispose]();
    this.#producer[Symbol.dispose]();
  }
}

/** Longest span copied at once, bytes: its samples fit one data frame (FRAME_LIMITS.data). */
const MAX_SPAN_BYTES = 2 << 20;

import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { pageSize } from '../ffi/libc.ts';
import { MappedMemory, memoryFence } from './mapped-memory.ts';

/** Offsets in struct perf_event_mmap_page: include/uapi/linux/perf_event.h. */
const DATA_HEAD = 1024;
const DATA_TAIL = 1032;

/**
 * Largest data area tried per CPU, bytes. With its control page it is exactly what
 * kernel.perf_event_mlock_kb (516) lets every user lock per CPU, so it needs no CAP_IPC_LOCK.
 */
const MAX_RING_BYTES = 512 << 10;

/** The mapped ring of one perf event: what the kernel wrote since the last drain. Owned. */
export class PerfRingReader implements Disposable {
  readonly #memory: MappedMemory;
  readonly #dataBytes: number;
  readonly #dataOffset: number;
  #tail: number;

  private constructor(memory: MappedMemory, dataBytes: number) {
    this.#memory = memory;
    this.#dataBytes = dataBytes;
    this.#dataOffset = memory.length - dataBytes;
    this.#tail = memory.readPosition(DATA_TAIL);
  }

  /** Maps the largest ring the memory-lock limit allows, down to one page of data. */
  static map(fd: number): Result<PerfRingReader, ProfilerError> {
    const page = pageSize();
    let error: ProfilerError = { kind: 'attach-failed', point: 'mmap side-band', errno: 'EINVAL' };
    for (let bytes = Math.max(page, MAX_RING_BYTES); bytes >= page; bytes /= 2) {
      const region = { offset: 0, length: page + bytes, writable: true };
      const memory = MappedMemory.map(fd, region, 'side-band');
      if (memory.ok) return ok(new PerfRingReader(memory.value, bytes));
      error = memory.error;
    }
    return err(error);
  }

  /** Bytes that drain() would return, or fewer. */
  get waiting(): number {
    return this.#memory.readPosition(DATA_HEAD) - this.#tail;
  }

  /** Removes and returns everything written so far: whole records, in memory of its own. */
  drain(): Uint8Array {
    const head = this.#memory.readPosition(DATA_HEAD);
    memoryFence();
    const length = head - this.#tail;
    const bytes = new Uint8Array(length);
    if (length === 0) return bytes;
    const from = this.#tail % this.#dataBytes;
    const first = Math.min(length, this.#dataBytes - from);
    this.#memory.read(bytes, this.#dataOffset + from, first);
    if (first < length) this.#memory.read(bytes.subarray(first), this.#dataOffset, length - first);
    memoryFence();
    this.#tail = head;
    this.#memory.writePosition(DATA_TAIL, head);
    return bytes;
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}

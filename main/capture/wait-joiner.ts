/** A record whose user stack is yet to come, and what is known of it. */
export interface PendingRecord {
  /** The record as it came. */
  readonly record: Uint8Array;
  /** Frames of the thread that ended the wait, leaf first; null: not known. */
  readonly waker: readonly number[] | null;
}

/** A thread holds at most this many unfinished records; older ones go on without a user stack. */
const MAX_PENDING = 64;
/** Threads with unfinished records: what a machine has, and a bound for what a stream may claim. */
const MAX_THREADS = 65_536;

/** Brings together what the kernel must tell in pieces: a wait, who ended it, and its user stack. */
export class WaitJoiner {
  readonly #pending = new Map<number, PendingRecord[]>();
  readonly #wakers = new Map<number, readonly number[]>();

  /** The stack of whoever woke `tid`: it belongs to the thread's next record. */
  addWaker(tid: number, frames: readonly number[]): void {
    if (this.#wakers.size >= MAX_THREADS) this.#wakers.clear();
    this.#wakers.set(tid, frames);
  }

  /** The waker noted for a thread, which is then forgotten. */
  takeWaker(tid: number): readonly number[] | null {
    const frames = this.#wakers.get(tid) ?? null;
    this.#wakers.delete(tid);
    return frames;
  }

  /** Holds a record until its user stack comes. Returns one that cannot be held any longer. */
  hold(tid: number, pending: PendingRecord): PendingRecord | null {
    const held = this.#pending.get(tid);
    if (held === undefined) {
      if (this.#pending.size >= MAX_THREADS) return pending;
      this.#pending.set(tid, [pending]);
      return null;
    }
    held.push(pending);
    return held.length > MAX_PENDING ? (held.shift() ?? null) : null;
  }

  /** The thread's records that waited for this user stack, oldest first. */
  take(tid: number): readonly PendingRecord[] {
    const held = this.#pending.get(tid) ?? [];
    this.#pending.delete(tid);
    return held;
  }

  /** Everything that still waits. */
  takeAll(): readonly PendingRecord[] {
    const all = [...this.#pending.values()].flat();
    this.#pending.clear();
    return all;
  }
}

import type { SideBandRecord } from '../bpf/side-band-records.ts';
import type { Leavers } from './departures.ts';

/**
 * Which own processes have left the target, record by record: a program that its user may not look into is
 * none of his business, and where it lies in memory least of all.
 */
export class Leaving {
  readonly #leavers: Leavers;
  /** When a process began, or its present program: CLOCK_MONOTONIC ns; absent: before the session. */
  readonly #since = new Map<number, bigint>();
  readonly #left = new Set<number>();

  constructor(leavers: Leavers) {
    this.#leavers = leavers;
  }

  /** A process of the target began, or its program did. */
  began(pid: number, timeNs: bigint): void {
    this.#since.set(pid, timeNs);
    this.#left.delete(pid);
  }

  ended(pid: number): void {
    this.#since.delete(pid);
  }

  hasLeft(pid: number): boolean {
    return this.#left.has(pid);
  }

  /** Judges the processes of records that were read together, each once: whether one has left by a time. */
  among(records: readonly SideBandRecord[]): (pid: number, timeNs: bigint) => boolean {
    const leftAt = new Map<number, bigint | null>();
    return (pid, timeNs) => {
      let from = leftAt.get(pid);
      if (from === undefined) leftAt.set(pid, (from = this.#leftAt(pid, records)));
      if (from === null || timeNs < from) return false;
      this.#since.delete(pid);
      this.#left.add(pid);
      return true;
    };
  }

  /** From when on; null: it has not left. */
  #leftAt(pid: number, records: readonly SideBandRecord[]): bigint | null {
    const left = this.#leavers.leftSince(pid, this.#since.get(pid) ?? 0n);
    return left === null ? null : execBefore(left, pid, records);
  }
}

/**
 * Of the exec by which a process left the target, the time; 0: it is not among the records. `left`: when the
 * programs noted it, at the end of that exec; 'now': it may be in the middle of one.
 */
function execBefore(left: bigint | 'now', pid: number, records: readonly SideBandRecord[]): bigint {
  const exec = records.findLast(
    (record) =>
      record.kind === 'comm' &&
      record.exec &&
      record.pid === pid &&
      (left === 'now' || record.time <= left),
  );
  return exec?.kind === 'comm' ? exec.time : 0n;
}

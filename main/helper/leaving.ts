import type { SideBandRecord } from '../bpf/side-band-records.ts';
import type { Leavers } from './departures.ts';

/**
 * What is to become of a record: told; kept back, because its process is at this moment none that its user may
 * look into; or not told, because the process has left for good.
 */
export type Verdict = 'tell' | 'keep-back' | 'left';

/** From when on records of a process are not told, and why. */
interface Limit {
  readonly fromNs: bigint;
  readonly verdict: Verdict;
}
const NO_LIMIT: Limit = { fromNs: 0n, verdict: 'tell' };

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

  /** Judges the processes of records that were read together, each once. */
  among(records: readonly SideBandRecord[]): (pid: number, timeNs: bigint) => Verdict {
    const limits = new Map<number, Limit>();
    return (pid, timeNs) => {
      let limit = limits.get(pid);
      if (limit === undefined) limits.set(pid, (limit = this.#limitOf(pid, records)));
      if (limit.verdict === 'tell' || timeNs < limit.fromNs) return 'tell';
      if (limit.verdict === 'left') {
        this.#since.delete(pid);
        this.#left.add(pid);
      }
      return limit.verdict;
    };
  }

  #limitOf(pid: number, records: readonly SideBandRecord[]): Limit {
    const left = this.#leavers.leftSince(pid, this.#since.get(pid) ?? 0n);
    if (left === null) return NO_LIMIT;
    const fromNs = execBefore(left, pid, records);
    return { fromNs, verdict: left === 'now' ? 'keep-back' : 'left' };
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

import type { ProcessFact } from './wire/helper-protocol.ts';

interface Timed {
  readonly timeNs: number;
  readonly fact: ProcessFact;
}

/**
 * Facts that wait for their time. The helper sends what it learnt in a drain before that drain's
 * samples, so a sample may be older than facts already here: replaying both in order of time gives
 * each sample the mappings, names and pids of its own moment.
 */
export class FactQueue {
  #waiting: Timed[] = [];
  #next = 0;
  /** The fact added last: a message may end within a group. */
  #before: Timed | null = null;
  /** Latest moment the kernel's records told of; facts without a time of their own come after it. */
  #recordNs = 0;

  /** Adds one message's facts. */
  add(facts: readonly ProcessFact[]): void {
    const timed = facts.map((fact) => {
      const ownNs = 'time' in fact ? fact.time : 0;
      if (ownNs > this.#recordNs) this.#recordNs = ownNs;
      this.#before = { timeNs: this.#timeOf(fact, this.#before), fact };
      return this.#before;
    });
    // Array.sort is stable: facts of one moment keep the helper's order.
    this.#waiting = this.#waiting
      .slice(this.#next)
      .concat(timed)
      .sort((a, b) => compareTimes(a.timeNs, b.timeNs));
    this.#next = 0;
  }

  /** When the next fact is due, ns since session start; Infinity: none waits. */
  get nextNs(): number {
    return this.#waiting[this.#next]?.timeNs ?? Infinity;
  }

  /** The next fact, whenever it is due; null: none waits. */
  take(): ProcessFact | null {
    const timed = this.#waiting[this.#next];
    if (timed === undefined) return null;
    this.#next++;
    return timed.fact;
  }

  /**
   * When a fact is to be applied. A look at /proc is a group: the process, its threads, its mappings
   * (time 0); it holds from the process's start on. After a fork or an exec the same facts complete
   * that event and belong to its moment.
   */
  #timeOf(fact: ProcessFact, before: Timed | null): number {
    switch (fact.kind) {
      case 'process':
        return completes(fact.pid, before) ? before!.timeNs : fact.start;
      case 'thread':
        return this.#timeWithin(fact.pid, before);
      case 'mapping':
        return fact.time > 0 ? fact.time : this.#timeWithin(fact.pid, before);
      case 'exec':
      case 'exit':
      case 'fork':
        return fact.time;
    }
  }

  /** A thread's new name stands alone: the helper learnt it after all records it sent before. */
  #timeWithin(pid: number, before: Timed | null): number {
    return before?.fact.pid === pid ? before.timeNs : this.#recordNs;
  }
}

// Not a - b: the difference of two infinities is no number.
const compareTimes = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);

function completes(pid: number, before: Timed | null): boolean {
  const kind = before?.fact.kind;
  return (kind === 'fork' || kind === 'exec') && before!.fact.pid === pid;
}

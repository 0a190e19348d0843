/** Highest level: one in 1,024 calls is measured. */
const MAX_LEVEL = 10;
/** A level is given back below this part of the limit: half the cost would still be within it. */
const EASY = 0.4;

/** What our programs have cost since the start, and when that was read. */
export interface CostReading {
  /** ns inside our programs, all CPUs. */
  readonly runNs: number;
  /** ms, any steady clock. */
  readonly atMs: number;
}

/**
 * Keeps the cost of latency sources below a limit: above it, every level halves the calls measured.
 * Sampling at a rate is not affected: its cost is what the user asked for.
 */
export class BackOff {
  readonly #limit: number;
  #last: CostReading | null = null;
  #level = 0;

  /** `limit`: share of one CPU; 0: none. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get level(): number {
    return this.#level;
  }

  /** The level from now on. */
  next(reading: CostReading): number {
    const last = this.#last;
    this.#last = reading;
    if (last === null || this.#limit === 0 || reading.atMs <= last.atMs) return this.#level;
    const share = (reading.runNs - last.runNs) / ((reading.atMs - last.atMs) * 1e6);
    if (share > this.#limit) {
      // As many levels at once as it takes: a hot probe must not be hot for many readings.
      const needed = Math.ceil(Math.log2(share / this.#limit));
      this.#level = Math.min(MAX_LEVEL, this.#level + Math.max(1, needed));
    } else if (share < this.#limit * EASY && this.#level > 0) {
      this.#level--;
    }
    return this.#level;
  }
}

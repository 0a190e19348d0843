import { invariant } from '#shared/invariant.ts';

/** Hands out ranges of [0, size), first fit, and takes them back. Pure. */
export class IntervalAllocator {
  /** Free ranges as [start, end), ascending, never adjacent. */
  readonly #free: [number, number][];

  constructor(size: number) {
    this.#free = [[0, size]];
  }

  /** Start of a free range of that length, now taken; -1: there is none. */
  allocate(length: number): number {
    const index = this.#free.findIndex(([start, end]) => end - start >= length);
    const range = this.#free[index];
    if (range === undefined || length <= 0) return -1;
    const [start] = range;
    range[0] += length;
    if (range[0] === range[1]) this.#free.splice(index, 1);
    return start;
  }

  /** Gives a range back that allocate() returned. */
  release(start: number, length: number): void {
    const end = start + length;
    let index = this.#free.findIndex(([from]) => from >= start);
    if (index < 0) index = this.#free.length;
    const before = this.#free[index - 1];
    const after = this.#free[index];
    invariant(before === undefined || before[1] <= start, 'a range was released twice');
    invariant(after === undefined || after[0] >= end, 'a range was released twice');
    const joinsBefore = before?.[1] === start;
    const joinsAfter = after?.[0] === end;
    if (joinsBefore && joinsAfter) {
      before[1] = after[1];
      this.#free.splice(index, 1);
    } else if (joinsBefore) before[1] = end;
    else if (joinsAfter) after[0] = start;
    else this.#free.splice(index, 0, [start, end]);
  }

  /** Sum of the free ranges. */
  get free(): number {
    return this.#free.reduce((sum, [start, end]) => sum + end - start, 0);
  }
}

import { type FlatRanges, findRange, flattenRanges, sortedOrder } from './ranges.ts';

/**
 * Pieces of generated code in the order they were made. Code moves and is collected, so where two overlap
 * the newer one counts: a sample taken before an address was reused gets the newer name.
 */
export class CodeRanges {
  private count = 0;
  private start = new Float64Array(1024);
  private end = new Float64Array(1024);
  private ranges: FlatRanges | null = null;

  get length(): number {
    return this.count;
  }

  /** Adds [start, start + size), absolute addresses below 2^53; returns its number, from 0. */
  add(start: number, size: number): number {
    if (this.count === this.start.length) this.grow();
    this.start[this.count] = start;
    // Stubs may have no size; one byte keeps them findable.
    this.end[this.count] = start + Math.max(1, size);
    this.ranges = null;
    return this.count++;
  }

  /** Number of the newest piece that covers an absolute address; -1: none. */
  find(address: number): number {
    this.ranges ??= this.flatten();
    const range = findRange(this.ranges, address);
    return range < 0 ? -1 : this.ranges.item[range]!;
  }

  startOf(piece: number): number {
    return this.start[piece]!;
  }

  sizeOf(piece: number): number {
    return this.end[piece]! - this.start[piece]!;
  }

  clear(): void {
    this.count = 0;
    this.ranges = null;
  }

  private grow(): void {
    const { start, end } = this;
    (this.start = new Float64Array(start.length * 2)).set(start);
    (this.end = new Float64Array(end.length * 2)).set(end);
  }

  private flatten(): FlatRanges {
    const start = this.start.subarray(0, this.count);
    const end = this.end.subarray(0, this.count);
    const priority = Float64Array.from(start, (_, piece) => piece);
    return flattenRanges({ order: sortedOrder(start), start, end, priority });
  }
}

const FIRST_CAPACITY = 64;
const EMPTY = -1;

/**
 * 64-bit address, given as two u32 halves, → row number: open addressing over typed arrays, so that
 * a hit costs a few nanoseconds and makes no garbage.
 */
export class AddressMap {
  #high = new Uint32Array(FIRST_CAPACITY);
  #low = new Uint32Array(FIRST_CAPACITY);
  #row = new Int32Array(FIRST_CAPACITY).fill(EMPTY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The row, or -1. */
  get(high: number, low: number): number {
    return this.#row[this.#slotOf(high, low)]!;
  }

  /** `row` is 0 or more. */
  set(high: number, low: number, row: number): void {
    const slot = this.#slotOf(high, low);
    const isNew = this.#row[slot] === EMPTY;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#row[slot] = row;
    if (isNew && ++this.#size * 2 > this.#row.length) this.#grow();
  }

  clear(): void {
    if (this.#size === 0) return;
    this.#allocate(FIRST_CAPACITY);
  }

  /** The slot that holds the address, or the free one where it belongs. */
  #slotOf(high: number, low: number): number {
    const mask = this.#row.length - 1;
    let hash = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
    hash ^= hash >>> 15;
    let slot = hash & mask;
    while (this.#row[slot] !== EMPTY && (this.#low[slot] !== low || this.#high[slot] !== high)) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #allocate(capacity: number): void {
    this.#high = new Uint32Array(capacity);
    this.#low = new Uint32Array(capacity);
    this.#row = new Int32Array(capacity).fill(EMPTY);
    this.#size = 0;
  }

  #grow(): void {
    const [high, low, row] = [this.#high, this.#low, this.#row];
    this.#allocate(row.length * 2);
    for (let slot = 0; slot < row.length; slot++) {
      if (row[slot] !== EMPTY) this.set(high[slot]!, low[slot]!, row[slot]!);
    }
  }
}

/** Growable typed columns for hot loops: doubling arrays with a length, cheap to cut off and refill. */

const FIRST_CAPACITY = 256;

/** A growable column of 32-bit signed integers. */
export class Int32Column {
  data = new Int32Array(FIRST_CAPACITY);
  length = 0;

  push(value: number): void {
    if (this.length === this.data.length) this.data = grown(this.data, Int32Array);
    this.data[this.length++] = value;
  }

  /** A copy of rows [from, length). */
  since(from: number): Int32Array {
    return this.data.slice(from, this.length);
  }
}

/** A growable column of doubles. */
export class Float64Column {
  data = new Float64Array(FIRST_CAPACITY);
  length = 0;

  push(value: number): void {
    if (this.length === this.data.length) this.data = grown(this.data, Float64Array);
    this.data[this.length++] = value;
  }

  /** A copy of rows [from, length). */
  since(from: number): Float64Array {
    return this.data.slice(from, this.length);
  }
}

function grown<T extends Int32Array | Float64Array>(old: T, make: new (length: number) => T): T {
  const larger = new make(old.length * 2);
  larger.set(old);
  return larger;
}

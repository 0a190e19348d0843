/**
 * Disjoint half-open ranges in ascending order, each owned by one item: what a lookup by binary
 * search needs, made from items that may overlap, nest and coincide.
 */
export interface FlatRanges {
  readonly length: number;
  readonly start: Float64Array<ArrayBuffer>;
  readonly end: Float64Array<ArrayBuffer>;
  /** Index of the item that owns the range. */
  readonly item: Uint32Array<ArrayBuffer>;
}

/** Items as columns: [start, end) and who wins where they overlap (higher wins; all different). */
export interface Overlapping {
  /** Item indexes, ascending by start. */
  readonly order: Uint32Array;
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly priority: Float64Array;
}

/** Gives every covered point to the highest item that covers it. Time n log n, at most 2 n ranges. */
export function flattenRanges(items: Overlapping): FlatRanges {
  const { order, start, end } = items;
  const out = new RangeWriter(order.length * 2);
  const active = new ActiveItems(items);
  let position = 0;
  for (let next = 0; next <= order.length; next++) {
    const item = next < order.length ? order[next]! : -1;
    const limit = item < 0 ? Infinity : start[item]!;
    for (let top = active.top(); top >= 0 && position < limit; top = active.top()) {
      const to = Math.min(end[top]!, limit);
      if (to > position) {
        out.add(position, to, top);
        position = to;
      }
      if (end[top]! <= position) active.pop();
    }
    if (item < 0) break;
    position = Math.max(position, limit);
    if (end[item]! > limit) active.push(item);
  }
  return out.finish();
}

/** The range that holds a point; -1: none. */
export function findRange(ranges: FlatRanges, point: number): number {
  const { start, end } = ranges;
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (start[middle]! <= point) low = middle + 1;
    else high = middle - 1;
  }
  return high >= 0 && point < end[high]! ? high : -1;
}

/** Fewer rows are sorted sooner than the radix sort has cleared its counters. */
const FEW_ROWS = 4096;

/** Row numbers in ascending order of `keys` (whole, 0 … 2^53), equal keys in their order: radix sort. */
export function sortedOrder(keys: Float64Array): Uint32Array<ArrayBuffer> {
  let order = new Uint32Array(keys.length);
  let largest = 0;
  let sorted = true;
  for (let row = 0; row < keys.length; row++) {
    order[row] = row;
    if (keys[row]! > largest) largest = keys[row]!;
    if (row > 0 && keys[row]! < keys[row - 1]!) sorted = false;
  }
  if (sorted) return order;
  if (keys.length < FEW_ROWS) return order.sort((a, b) => keys[a]! - keys[b]! || a - b);
  let spare = new Uint32Array(keys.length);
  const counts = new Uint32Array(0x10001);
  for (let divisor = 1; divisor <= largest; divisor *= 0x10000) {
    counts.fill(0);
    const digit = (row: number): number => Math.floor(keys[row]! / divisor) % 0x10000;
    for (let row = 0; row < keys.length; row++) counts[digit(row) + 1]!++;
    for (let value = 0; value < 0x10000; value++) counts[value + 1]! += counts[value]!;
    for (const row of order) spare[counts[digit(row)]!++] = row;
    [order, spare] = [spare, order];
  }
  return order;
}

class RangeWriter {
  private readonly start: Float64Array<ArrayBuffer>;
  private readonly end: Float64Array<ArrayBuffer>;
  private readonly item: Uint32Array<ArrayBuffer>;
  private length = 0;

  constructor(capacity: number) {
    this.start = new Float64Array(capacity);
    this.end = new Float64Array(capacity);
    this.item = new Uint32Array(capacity);
  }

  add(start: number, end: number, item: number): void {
    const last = this.length - 1;
    if (last >= 0 && this.item[last] === item && this.end[last] === start) {
      this.end[last] = end;
      return;
    }
    this.start[this.length] = start;
    this.end[this.length] = end;
    this.item[this.length++] = item;
  }

  finish(): FlatRanges {
    return {
      length: this.length,
      start: this.start.slice(0, this.length),
      end: this.end.slice(0, this.length),
      item: this.item.slice(0, this.length),
    };
  }
}

/** Items that have begun: a binary heap, highest priority on top; ended ones leave when they surface. */
class ActiveItems {
  private readonly heap: Uint32Array;
  private readonly priority: Float64Array;
  private length = 0;

  constructor(items: Overlapping) {
    this.heap = new Uint32Array(items.order.length);
    this.priority = items.priority;
  }

  top(): number {
    return this.length > 0 ? this.heap[0]! : -1;
  }

  push(item: number): void {
    const { heap, priority } = this;
    let at = this.length++;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (priority[heap[up]!]! >= priority[item]!) break;
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = item;
  }

  pop(): void {
    const { heap, priority } = this;
    const item = heap[--this.length]!;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= this.length) break;
      if (child + 1 < this.length && priority[heap[child + 1]!]! > priority[heap[child]!]!) child++;
      if (priority[heap[child]!]! <= priority[item]!) break;
      heap[at] = heap[child]!;
      at = child;
    }
    if (this.length > 0) heap[at] = item;
  }
}

import type { StackColumns } from '../store/session-batch.ts';
import { Int32Column } from './columns.ts';

const FIRST_CAPACITY = 1024;
const EMPTY = -1;

/** Parent of a root: StackTable.parent's empty value. */
export const NO_STACK = -1;

/**
 * Call stacks as a prefix tree: a node is (caller node, frame), a stack is its leaf. Every distinct
 * stack is stored once, and stacks that share callers share their rows. Ids are dense from 0 and a
 * parent's id is always smaller than its children's.
 */
export class StackInterner {
  readonly #parents = new Int32Column();
  readonly #frames = new Int32Column();
  /** Open addressing over node ids; the key is read back from the columns. */
  #slots = new Int32Array(FIRST_CAPACITY).fill(EMPTY);
  #taken = 0;

  /** Nodes so far. */
  get length(): number {
    return this.#parents.length;
  }

  /** The node for `frame` called from `parent` (NO_STACK: `frame` is a root). */
  intern(parent: number, frame: number): number {
    const parents = this.#parents.data;
    const frames = this.#frames.data;
    const mask = this.#slots.length - 1;
    let slot = hash(parent, frame) & mask;
    for (;;) {
      const node = this.#slots[slot]!;
      if (node === EMPTY) return this.#insert(slot, parent, frame);
      if (parents[node] === parent && frames[node] === frame) return node;
      slot = (slot + 1) & mask;
    }
  }

  parentOf(node: number): number {
    return this.#parents.data[node]!;
  }

  frameOf(node: number): number {
    return this.#frames.data[node]!;
  }

  /** Nodes made since the last call, in id order. */
  takeNew(): StackColumns {
    const from = this.#taken;
    this.#taken = this.length;
    return {
      parent: Array.from(this.#parents.since(from)),
      frame: Array.from(this.#frames.since(from)),
    };
  }

  #insert(slot: number, parent: number, frame: number): number {
    const node = this.length;
    this.#parents.push(parent);
    this.#frames.push(frame);
    this.#slots[slot] = node;
    if (this.length * 2 > this.#slots.length) this.#rehash();
    return node;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(EMPTY);
    const mask = slots.length - 1;
    for (let node = 0; node < this.length; node++) {
      let slot = hash(this.parentOf(node), this.frameOf(node)) & mask;
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      slots[slot] = node;
    }
    this.#slots = slots;
  }
}

function hash(parent: number, frame: number): number {
  let mixed = Math.imul(parent, 0x9e3779b1) ^ Math.imul(frame, 0x85ebca6b);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}

import type { FrameColumns } from '../store/session-batch.ts';
import { Float64Column, Int32Column } from './columns.ts';

const FIRST_CAPACITY = 1024;
const EMPTY = -1;
const TWO_TO_32 = 2 ** 32;

/** Code locations, each (image, offset) once; ids dense from 0. An image has one kind of frame. */
export class FrameInterner {
  readonly #images = new Int32Column();
  readonly #offsets = new Float64Column();
  readonly #kinds = new Int32Column();
  #slots = new Int32Array(FIRST_CAPACITY).fill(EMPTY);
  #taken = 0;

  get length(): number {
    return this.#images.length;
  }

  /** `offset` is an exact integer below 2^53; `kind` a FRAME_KINDS code. */
  intern(image: number, offset: number, kind: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash(image, offset) & mask;
    for (;;) {
      const frame = this.#slots[slot]!;
      if (frame === EMPTY) break;
      if (this.#offsets.data[frame] === offset && this.#images.data[frame] === image) return frame;
      slot = (slot + 1) & mask;
    }
    const frame = this.length;
    this.#images.push(image);
    this.#offsets.push(offset);
    this.#kinds.push(kind);
    this.#slots[slot] = frame;
    if (this.length * 2 > this.#slots.length) this.#rehash();
    return frame;
  }

  imageOf(frame: number): number {
    return this.#images.data[frame]!;
  }

  offsetOf(frame: number): number {
    return this.#offsets.data[frame]!;
  }

  /** Frames made since the last call, in id order. */
  takeNew(): FrameColumns {
    const from = this.#taken;
    this.#taken = this.length;
    return {
      image: Array.from(this.#images.since(from)),
      offset: Array.from(this.#offsets.since(from)),
      kind: Array.from(this.#kinds.since(from)),
    };
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(EMPTY);
    const mask = slots.length - 1;
    for (let frame = 0; frame < this.length; frame++) {
      let slot = hash(this.imageOf(frame), this.offsetOf(frame)) & mask;
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      slots[slot] = frame;
    }
    this.#slots = slots;
  }
}

function hash(image: number, offset: number): number {
  const high = Math.floor(offset / TWO_TO_32);
  let mixed = Math.imul(image, 0x9e3779b1) ^ Math.imul(offset | 0, 0x85ebca6b) ^ high;
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}

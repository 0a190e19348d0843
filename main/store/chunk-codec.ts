import { invariant } from '#shared/invariant.ts';
import { undamaged } from './store-failure.ts';

/**
 * Sample columns on disk: whole numbers >= 0 of one width, little endian, back to back. The width is
 * the blob's length divided by the chunk's number of samples, 1 to 7 bytes, the least that fits.
 *
 * Chosen by measurement on a million samples (62 k/s): 9.0 B per sample, decoded in 12 ms; deltas of
 * variable length took 6.9 B and 25 ms, at 200 samples/s 9 B as well, and 15 lines in every reader.
 */
export type PackableColumn = Float64Array | Int32Array | Uint16Array;

/** Widest number stored, bytes: 2^53 needs 54 bits. */
export const MAX_WIDTH = 7;

const TWO_32 = 2 ** 32;

/** Bytes needed for whole numbers up to `largest`. */
function widthFor(largest: number): number {
  let width = 1;
  for (let limit = 256; largest >= limit; limit *= 256) width++;
  return width;
}

/** Which part of a column goes into a blob, and what is taken off every value before. */
export interface PackRange {
  readonly from: number;
  readonly to: number;
  /** Subtracted from each value; no value of the range is smaller. */
  readonly base: number;
}

/** Packs `column[from..to) - base`. A negative, fractional or huge result is a bug. */
export function packColumn(column: PackableColumn, { from, to, base }: PackRange): Uint8Array {
  let largest = 0;
  let sound = true;
  for (let i = from; i < to; i++) {
    const value = column[i]! - base;
    if (value > largest) largest = value;
    sound &&= value >= 0 && Number.isSafeInteger(value);
  }
  invariant(sound, 'a sample column holds a negative, fractional or huge number');
  const width = widthFor(largest);
  const bytes = new Uint8Array((to - from) * width);
  let at = 0;
  for (let i = from; i < to; i++) {
    const value = column[i]! - base;
    const low = value >>> 0;
    for (let b = 0; b < width && b < 4; b++) bytes[at + b] = low >>> (8 * b);
    if (width > 4) {
      const high = (value - low) / TWO_32;
      for (let b = 4; b < width; b++) bytes[at + b] = high >>> (8 * (b - 4));
    }
    at += width;
  }
  return bytes;
}

/** Where unpacked values go, and what is added to each. */
export interface UnpackTarget {
  readonly into: PackableColumn;
  readonly at: number;
  readonly count: number;
  readonly base: number;
}

/** Reverses packColumn; throws DamageFound when the blob's length is impossible. */
export function unpackColumn(bytes: Uint8Array, target: UnpackTarget): void {
  const { into, at, count, base } = target;
  const width = bytes.length / count;
  undamaged(
    Number.isInteger(width) && width >= 1 && width <= MAX_WIDTH,
    `a sample column of ${bytes.length} bytes for ${count} samples`,
  );
  if (width === 1) {
    for (let i = 0; i < count; i++) into[at + i] = bytes[i]! + base;
  } else if (width === 2) {
    for (let i = 0, b = 0; i < count; i++, b += 2) {
      into[at + i] = (bytes[b]! | (bytes[b + 1]! << 8)) + base;
    }
  } else if (width === 3) {
    for (let i = 0, b = 0; i < count; i++, b += 3) {
      into[at + i] = (bytes[b]! | (bytes[b + 1]! << 8) | (bytes[b + 2]! << 16)) + base;
    }
  } else {
    unpackWide(bytes, width, target);
  }
}

/** Widths of 4 bytes and more. */
function unpackWide(bytes: Uint8Array, width: number, target: UnpackTarget): void {
  const { into, at, count, base } = target;
  for (let i = 0, b = 0; i < count; i++, b += width) {
    const low = bytes[b]! | (bytes[b + 1]! << 8) | (bytes[b + 2]! << 16) | (bytes[b + 3]! << 24);
    let value = low >>> 0;
    let scale = TWO_32;
    for (let k = 4; k < width; k++, scale *= 256) value += bytes[b + k]! * scale;
    into[at + i] = value + base;
  }
}

/** A valid input and where in it damage does most. */
export interface Seed {
  readonly name: string;
  readonly bytes: Buffer;
  /** First byte and the one behind the last of the parts that a parser follows; empty: everywhere. */
  readonly hot: readonly (readonly [number, number])[];
  readonly isText?: boolean;
}

/** Numbers in [0, 1). */
type Random = () => number;

const INTERESTING = [
  ...[
    0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 4096, 0x7fff, 0x8000, 0xffff,
  ],
  ...[0x10000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff],
];
const WIDE = [
  0n,
  1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 52n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
  2n ** 64n - 8n,
];
/** LEB128 numbers: overlong, endless, of 64 bits and of more. */
const LEBS = [
  [0x80, 0x00],
  [0xff, 0x7f],
  Array<number>(9).fill(0xff).concat(1),
  Array<number>(20).fill(0x80),
  Array<number>(12).fill(0xff),
];
const TOKENS = [
  ...[
    '0x',
    '-',
    '-1',
    ' ',
    '\t',
    '\n',
    '\n\n',
    '\r',
    '\0',
    'ffffffffffffffff',
    '0',
    '7fffffffffffffff',
  ],
  ...[
    'zz',
    '1e9',
    '\u{1f600}',
    '\xff',
    '%n',
    'LazyCompile:~',
    '[unknown]',
    'a'.repeat(5000),
    ' '.repeat(3000),
  ],
];
/** Inputs are never grown beyond this, bytes. */
const MAX_BYTES = 1 << 18;

const below = (random: Random, limit: number): number => Math.floor(random() * limit);
const pick = <T>(random: Random, items: readonly T[]): T => items[below(random, items.length)]!;

/** A seed with one to eight damages. The same random numbers give the same input. */
export function mutated(seeds: readonly Seed[], random: Random): Buffer {
  const seed = pick(random, seeds);
  let bytes: Buffer = Buffer.from(seed.bytes);
  // Mostly few: an input that fails its first check tests nothing behind it.
  const count = 1 + Math.floor(random() ** 2 * 8);
  for (let i = 0; i < count; i++) bytes = damaged(bytes, seed, seeds, random);
  return bytes.length > MAX_BYTES ? bytes.subarray(0, MAX_BYTES) : bytes;
}

function damaged(bytes: Buffer, seed: Seed, seeds: readonly Seed[], random: Random): Buffer {
  if (bytes.length === 0) return bytes;
  const at = place(bytes, seed, random);
  const kind = random();
  if (seed.isText === true && kind < 0.5) return withToken(bytes, at, random);
  if (kind < 0.7) {
    overwrite(bytes, at, random);
    return bytes;
  }
  if (kind < 0.8) return withLeb(bytes, at, random);
  return reshaped(bytes, at, seeds, random);
}

function place(bytes: Buffer, { hot }: Seed, random: Random): number {
  if (hot.length === 0 || random() < 0.1) return below(random, bytes.length);
  const [start, end] = pick(random, hot);
  return Math.min(bytes.length - 1, start + below(random, Math.max(1, end - start)));
}

/** Changes bytes where they stand. */
function overwrite(bytes: Buffer, at: number, random: Random): void {
  const kind = below(random, 6);
  if (kind === 0) bytes[at] = bytes[at]! ^ (1 << below(random, 8));
  else if (kind === 1) bytes[at] = below(random, 256);
  else if (kind === 2) bytes[at] = pick(random, INTERESTING) & 255;
  else if (kind === 3 && at + 2 <= bytes.length)
    bytes.writeUInt16LE(pick(random, INTERESTING) & 0xffff, at);
  else if (kind === 4 && at + 4 <= bytes.length) writeNear(bytes, at & ~3, random);
  else if (at + 8 <= bytes.length) bytes.writeBigUInt64LE(pick(random, WIDE), at & ~7);
}

/** A 32-bit field becomes an interesting number, or changes by a little. */
function writeNear(bytes: Buffer, at: number, random: Random): void {
  const old = bytes.readUInt32LE(at);
  const value = random() < 0.5 ? pick(random, INTERESTING) : old + below(random, 17) - 8;
  bytes.writeUInt32LE(value >>> 0, at);
}

/** Puts an odd LEB128 number over what is there. */
function withLeb(bytes: Buffer, at: number, random: Random): Buffer {
  const leb = pick(random, LEBS);
  for (let i = 0; i < leb.length && at + i < bytes.length; i++) bytes[at + i] = leb[i]!;
  return bytes;
}

/** Cuts, removes, repeats, moves, or takes from another seed. */
function reshaped(bytes: Buffer, at: number, seeds: readonly Seed[], random: Random): Buffer {
  const length = 1 + below(random, Math.min(256, bytes.length));
  const end = Math.min(bytes.length, at + length);
  const part = bytes.subarray(at, end);
  switch (below(random, 5)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, end), part, bytes.subarray(end)]);
    case 3: {
      part.copy(bytes, below(random, bytes.length));
      return bytes;
    }
    default: {
      const other = pick(random, seeds).bytes;
      const from = below(random, Math.max(1, other.length - length));
      other.copy(bytes, at, from, from + length);
      return bytes;
    }
  }
}

/** Text: a token put in, or put over what is there. */
function withToken(bytes: Buffer, at: number, random: Random): Buffer {
  const token = Buffer.from(pick(random, TOKENS), 'latin1');
  const end = random() < 0.5 ? at : Math.min(bytes.length, at + token.length);
  return Buffer.concat([bytes.subarray(0, at), token, bytes.subarray(end)]);
}

import { cString } from '../elf/elf-file.ts';
import { findRange, flattenRanges, sortedOrder } from './ranges.ts';

/** Symbols as columns, in any order; made by readSymbols(). */
export interface SymbolColumns {
  /** First address, ELF virtual address. */
  readonly start: Float64Array;
  /** bytes; 0: the file does not say (assembly). */
  readonly size: Float64Array;
  /** Where the name starts in `names`. */
  readonly name: Uint32Array;
  /** Which of several at one address is shown: higher first. */
  readonly rank: Uint8Array;
  /** End of the section that holds it: a symbol without a size never reaches beyond. */
  readonly sectionEnd: Float64Array;
  /** Zero-terminated names. */
  readonly names: Buffer;
}

/** A hostile file can have gigabytes of one name; no compiler writes such. */
const MAX_NAME_BYTES = 1 << 16;
/** Bytes of a name that take part in choosing among symbols at one address. */
const COMPARED_BYTES = 64;

/**
 * Names of code by ELF virtual address. Every address belongs to the innermost symbol that covers it
 * with its size; a symbol without a size covers what lies before the next symbol of any kind, within its
 * section, unless it begins inside one with a size. What nothing covers has no name: a nearest one would lie.
 */
export class SymbolTable {
  private readonly ranges: ReturnType<typeof flattenRanges>;
  private readonly symbolStart: Float64Array;
  private readonly name: Uint32Array;
  private readonly names: Buffer;

  constructor(symbols: SymbolColumns) {
    const order = preferenceOrder(symbols);
    const end = symbolEnds(symbols, order);
    const priority = new Float64Array(order.length);
    for (let position = 0; position < order.length; position++) {
      const symbol = order[position]!;
      priority[symbol] = position + (symbols.size[symbol]! > 0 ? order.length : 0);
    }
    const ranges = flattenRanges({ order, start: symbols.start, end, priority });
    this.symbolStart = new Float64Array(ranges.length);
    this.name = new Uint32Array(ranges.length);
    for (let range = 0; range < ranges.length; range++) {
      this.symbolStart[range] = symbols.start[ranges.item[range]!]!;
      this.name[range] = symbols.name[ranges.item[range]!]!;
    }
    this.ranges = { ...ranges, item: new Uint32Array(0) };
    this.names = symbols.names;
  }

  /** Ranges with a name; a function interrupted by another counts twice. */
  get length(): number {
    return this.ranges.length;
  }

  /** Memory kept, bytes. */
  get bytes(): number {
    return this.ranges.length * 28 + this.names.length;
  }

  /** The entry that covers a virtual address; -1: none does. */
  find(vaddr: number): number {
    return findRange(this.ranges, vaddr);
  }

  /** Name as the file spells it. */
  nameOf(entry: number): string {
    return cString(this.names, this.name[entry]!, MAX_NAME_BYTES);
  }

  /** First virtual address of the entry's symbol. */
  startOf(entry: number): number {
    return this.symbolStart[entry]!;
  }
}

/** Rows by address; at one address the one to show comes last. */
function preferenceOrder(symbols: SymbolColumns): Uint32Array<ArrayBuffer> {
  const { start } = symbols;
  const order = sortedOrder(start);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && start[order[to]!] === start[order[from]!]) to++;
    if (to - from > 1) order.subarray(from, to).sort((a, b) => -comparePreference(symbols, a, b));
    from = to;
  }
  return order;
}

/** Negative if `a` is shown rather than `b`: rank, then fewer leading underscores, then the name itself. */
function comparePreference(symbols: SymbolColumns, a: number, b: number): number {
  const { rank, name, names } = symbols;
  if (rank[a] !== rank[b]) return rank[b]! - rank[a]!;
  const x = name[a]!;
  const y = name[b]!;
  if (x !== y) {
    const underscores = leadingUnderscores(names, x) - leadingUnderscores(names, y);
    if (underscores !== 0) return underscores;
    for (let byte = 0; byte < COMPARED_BYTES; byte++) {
      const difference = (names[x + byte] ?? 0) - (names[y + byte] ?? 0);
      if (difference !== 0) return difference;
      if ((names[x + byte] ?? 0) === 0) break;
    }
  }
  return a - b;
}

function leadingUnderscores(names: Buffer, at: number): number {
  let count = 0;
  while (count < COMPARED_BYTES && names[at + count] === 0x5f) count++;
  return count;
}

/**
 * First address after each symbol. One without a size that begins within one with a size is a label of
 * it and covers nothing of its own.
 */
function symbolEnds(symbols: SymbolColumns, order: Uint32Array): Float64Array {
  const { start, size, sectionEnd } = symbols;
  const end = new Float64Array(order.length);
  let sizedEnd = 0;
  for (let from = 0; from < order.length; ) {
    const first = start[order[from]!]!;
    let to = from;
    for (; to < order.length && start[order[to]!] === first; to++) {
      const symbol = order[to]!;
      end[symbol] = first + size[symbol]!;
      sizedEnd = Math.max(sizedEnd, end[symbol]);
    }
    const nextStart = to < order.length ? start[order[to]!]! : Infinity;
    for (; from < to; from++) {
      const symbol = order[from]!;
      const isLabel = size[symbol] === 0 && sizedEnd <= first;
      if (isLabel) end[symbol] = Math.min(nextStart, sectionEnd[symbol]!);
    }
  }
  return end;
}

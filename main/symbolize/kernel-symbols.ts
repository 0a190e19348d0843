import { invariant } from '#shared/invariant.ts';
import { cString } from '../elf/elf-file.ts';
import {
  KALLSYMS_NOTHING,
  KallsymsParser,
  type KallsymsText,
  KERNEL_BASE_HIGH,
} from './kallsyms-parser.ts';
import { sortedOrder } from './ranges.ts';

/** Where a kernel address lies. */
export interface KernelLocation {
  /** "[kernel]", or the name of a module; BPF programs are of module "bpf". */
  readonly image: string;
  /** bytes from _stext in the kernel, from its lowest symbol in a module. */
  readonly offset: number;
}

/** A symbol of the kernel or a module. */
export interface KernelSymbol {
  readonly name: string;
  /** Of its first byte, in the offset space of its image; bytes. */
  readonly startOffset: number;
}

/** kallsyms gives no sizes: how far the last symbol of an image reaches at most, bytes. */
const MAX_LAST_SYMBOL_BYTES = 0x10000;
const MAX_NAME_BYTES = 4096;

/**
 * Text symbols of the running kernel, from /proc/kallsyms. Feed the file in pieces with add(), then
 * finish() once. Without symbols (before finish(), or the kernel showed zeros only) every address lies
 * in [kernel] and its offset is its low 48 bits; so finish before the first locate().
 */
export class KernelSymbols {
  private parser: KallsymsParser | null = new KallsymsParser();
  private text: KallsymsText = KALLSYMS_NOTHING;
  /** Symbols by address, one per address. */
  private start = new Float64Array(0);
  private image = new Uint16Array(0);
  private nameStart = new Uint32Array(0);
  /** First address of each image. */
  private bases: readonly number[] = [0];
  private readonly codes = new Map<string, number>();

  /** A piece of the text, cut anywhere. The bytes are not kept. */
  add(bytes: Uint8Array): void {
    invariant(this.parser !== null, 'kallsyms text after finish()');
    this.parser.add(bytes);
  }

  /** Ends the text and makes lookups possible. */
  finish(): void {
    invariant(this.parser !== null, 'kallsyms finished twice');
    const text = this.parser.finish();
    this.parser = null;
    const rows = bestByAddress(text);
    this.start = Float64Array.from(rows, (row) => text.start[row]!);
    this.image = Uint16Array.from(rows, (row) => text.image[row]!);
    this.nameStart = Uint32Array.from(rows, (row) => text.nameStart[row]!);
    for (const [code, name] of text.images.entries()) this.codes.set(name, code);
    this.bases = this.firstAddresses(text);
    // What was copied out is let go.
    this.text = { ...KALLSYMS_NOTHING, ...counts(text), names: text.names, images: text.images };
  }

  /** Symbols known; of several at one address, one. */
  get length(): number {
    return this.start.length;
  }

  /** finish() was called. */
  get isComplete(): boolean {
    return this.parser === null;
  }

  /** The kernel hides its addresses from whoever read the text (kernel.kptr_restrict): all were zero. */
  get restricted(): boolean {
    return this.start.length === 0 && this.text.zeros > 0;
  }

  /** Lines that are none of kallsyms, and were skipped. */
  get malformed(): number {
    return this.text.malformed;
  }

  /** Image and offset of an address given as its upper and lower 32 bits. */
  locate(high: number, low: number): KernelLocation {
    const address = (high - KERNEL_BASE_HIGH) * 2 ** 32 + low;
    const symbol = this.find(address);
    const code = symbol < 0 ? 0 : this.image[symbol]!;
    return { image: this.text.images[code]!, offset: address - this.bases[code]! };
  }

  /** The symbol that covers an offset of an image; null: none does, or there is no such image. */
  symbolAt(image: string, offset: number): KernelSymbol | null {
    const code = this.codes.get(image);
    if (code === undefined) return null;
    const base = this.bases[code]!;
    const symbol = this.find(base + offset);
    if (symbol < 0 || this.image[symbol] !== code) return null;
    const name = cString(this.text.names, this.nameStart[symbol]!, MAX_NAME_BYTES);
    return { name, startOffset: this.start[symbol]! - base };
  }

  /** A symbol reaches to the next one; the last of an image not further than MAX_LAST_SYMBOL_BYTES. */
  private find(address: number): number {
    const { start, image } = this;
    let low = 0;
    let high = start.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (start[middle]! <= address) low = middle + 1;
      else high = middle - 1;
    }
    if (high < 0) return -1;
    const isLast = high + 1 === start.length || image[high + 1] !== image[high];
    return isLast && address - start[high]! >= MAX_LAST_SYMBOL_BYTES ? -1 : high;
  }

  private firstAddresses(text: KallsymsText): readonly number[] {
    const bases = text.images.map(() => -1);
    for (let symbol = 0; symbol < this.start.length; symbol++) {
      const code = this.image[symbol]!;
      if (bases[code]! < 0) bases[code] = this.start[symbol]!;
    }
    if (text.stext >= 0) bases[0] = text.stext;
    return bases.map((base) => Math.max(0, base));
  }
}

const counts = ({ zeros, malformed }: KallsymsText): Pick<KallsymsText, 'zeros' | 'malformed'> => ({
  zeros,
  malformed,
});

/** Rows by address, of several at one address the best known name. */
function bestByAddress(text: KallsymsText): Uint32Array {
  const order = sortedOrder(text.start);
  let kept = 0;
  for (const row of order) {
    const previous = kept > 0 ? order[kept - 1]! : -1;
    if (previous < 0 || text.start[previous] !== text.start[row]) order[kept++] = row;
    else if (badness(text, row) < badness(text, previous)) order[kept - 1] = row;
  }
  return order.subarray(0, kept);
}

/** Marks of the linker script, which coincide with the first function of a section. */
const SECTION_MARK = /^_(s|e)?(init)?text$|_text(_start|_end)$|_(start|end|begin)$/;

/** How little a name says to people, to choose among aliases; the first of equals is kept. */
function badness(text: KallsymsText, row: number): number {
  const name = cString(text.names, text.nameStart[row]!, MAX_NAME_BYTES);
  const local = text.exported[row] === 1 ? 0 : 4;
  const underscores = name.startsWith('__') ? 2 : name.startsWith('_') ? 1 : 0;
  return (SECTION_MARK.test(name) ? 8 : 0) + local + underscores;
}

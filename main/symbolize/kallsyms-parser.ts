/** Where [kernel] stands among KallsymsText.images. */
export const KERNEL_IMAGE = '[kernel]';
/**
 * Upper half of the lowest kernel address we know of (arm64, 48 bit). An address is kept as its
 * distance from there, which is exact in a number.
 */
export const KERNEL_BASE_HIGH = 0xffff0000;

const NEWLINE = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
/** The kernel's own limit of a name is 512. */
const MAX_LINE_BYTES = 4096;
/** Codes of images are 16 bits wide. */
const MAX_IMAGES = 0xffff;

/** Symbols of code in /proc/kallsyms as columns, in the order of the text. */
export interface KallsymsText {
  readonly length: number;
  /** Distance from KERNEL_BASE_HIGH << 32, bytes. */
  readonly start: Float64Array;
  /** Index in `images`. */
  readonly image: Uint16Array;
  /** Where the name starts in `names`. */
  readonly nameStart: Uint32Array;
  /** 1: exported (upper-case type). */
  readonly exported: Uint8Array;
  /** Names in ASCII, each ended by a zero. */
  readonly names: Buffer;
  /** "[kernel]", then names of modules. */
  readonly images: readonly string[];
  /** Of _stext; -1: not seen. */
  readonly stext: number;
  /** Lines of code whose address was shown as zero: hidden from us. */
  readonly zeros: number;
  /** Lines that are none of kallsyms. */
  readonly malformed: number;
}

/** Before any text. */
export const KALLSYMS_NOTHING: KallsymsText = {
  length: 0,
  start: new Float64Array(0),
  image: new Uint16Array(0),
  nameStart: new Uint32Array(0),
  exported: new Uint8Array(0),
  names: Buffer.alloc(0),
  images: [KERNEL_IMAGE],
  stext: -1,
  zeros: 0,
  malformed: 0,
};

/**
 * Reads "ADDRESS TYPE NAME[\t[MODULE]]" lines from pieces of text cut anywhere; keeps code (types t, T,
 * w, W). 120,000 lines take some 40 ms, so bytes are looked at and no string is made of them.
 */
export class KallsymsParser {
  private start = new Float64Array(1 << 12);
  private image = new Uint16Array(1 << 12);
  private nameStart = new Uint32Array(1 << 12);
  private exported = new Uint8Array(1 << 12);
  private names = Buffer.alloc(1 << 16);
  private namesLength = 0;
  private length = 0;
  private rest: Buffer = Buffer.alloc(0);
  private readonly images: string[] = [KERNEL_IMAGE];
  /** The module of the previous line as bytes: modules come in blocks. */
  private lastModule: Buffer = Buffer.alloc(0);
  private lastImage = 0;
  private stext = -1;
  private zeros = 0;
  private malformed = 0;

  add(bytes: Uint8Array): void {
    const text =
      this.rest.length > 0
        ? Buffer.concat([this.rest, bytes])
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    let at = 0;
    for (let end = text.indexOf(NEWLINE); end >= 0; end = text.indexOf(NEWLINE, at)) {
      if (!this.line(text, at, end)) this.malformed++;
      at = end + 1;
    }
    // A copy: the caller may reuse its memory. More than a line can be is given up at once.
    const tooLong = text.length - at > MAX_LINE_BYTES;
    if (tooLong) this.malformed++;
    this.rest = tooLong ? Buffer.alloc(0) : Buffer.from(text.subarray(at));
  }

  finish(): KallsymsText {
    if (this.rest.length > 0 && !this.line(this.rest, 0, this.rest.length)) this.malformed++;
    this.rest = Buffer.alloc(0);
    const { length } = this;
    return {
      length,
      start: this.start.subarray(0, length),
      image: this.image.subarray(0, length),
      nameStart: this.nameStart.subarray(0, length),
      exported: this.exported.subarray(0, length),
      names: Buffer.from(this.names.subarray(0, this.namesLength)),
      images: this.images,
      stext: this.stext,
      zeros: this.zeros,
      malformed: this.malformed,
    };
  }

  /** False: the line is none of kallsyms. */
  private line(text: Buffer, from: number, to: number): boolean {
    if (to - from > MAX_LINE_BYTES) return false;
    let high = 0;
    let low = 0;
    let at = from;
    for (; at < to && text[at] !== SPACE; at++) {
      const digit = hexDigit(text[at]!);
      if (digit < 0 || at - from >= 16) return false;
      high = ((high << 4) | (low >>> 28)) >>> 0;
      low = ((low << 4) | digit) >>> 0;
    }
    const type = text[at + 1] ?? 0;
    const nameFrom = at + 3;
    if (at === from || nameFrom >= to || text[at + 2] !== SPACE) return false;
    const isExported = type === 0x54 || type === 0x57;
    if (!isExported && type !== 0x74 && type !== 0x77) return true;
    if (high === 0 && low === 0) {
      this.zeros++;
      return true;
    }
    if (high < KERNEL_BASE_HIGH) return true;
    let nameTo = nameFrom;
    while (nameTo < to && text[nameTo] !== TAB && text[nameTo] !== SPACE) nameTo++;
    const image = nameTo === to ? 0 : this.moduleOf(text, nameTo, to);
    if (image < 0) return false;
    const address = (high - KERNEL_BASE_HIGH) * 2 ** 32 + low;
    if (image === 0 && this.stext < 0 && isStext(text, nameFrom, nameTo)) this.stext = address;
    this.keep({ address, image, isExported, name: text.subarray(nameFrom, nameTo) });
    return true;
  }

  /** Code of the module in "\t[name]"; -1: something else stands there. */
  private moduleOf(text: Buffer, from: number, to: number): number {
    let open = from;
    while (open < to && (text[open] === TAB || text[open] === SPACE)) open++;
    let close = to;
    while (close > open && text[close - 1] === SPACE) close--;
    if (text[open] !== 0x5b || text[close - 1] !== 0x5d || close - open < 3) return -1;
    if (this.lastModule.length > 0 && this.lastModule.equals(text.subarray(open + 1, close - 1)))
      return this.lastImage;
    const name = text.toString('latin1', open + 1, close - 1);
    let code = this.images.indexOf(name, 1);
    if (code < 0) {
      if (this.images.length >= MAX_IMAGES) return -1;
      code = this.images.push(name) - 1;
    }
    this.lastModule = Buffer.from(name, 'latin1');
    this.lastImage = code;
    return code;
  }

  private keep(symbol: {
    address: number;
    image: number;
    isExported: boolean;
    name: Buffer;
  }): void {
    if (this.length === this.start.length) this.growColumns();
    const nameEnd = this.namesLength + symbol.name.length + 1;
    if (nameEnd > this.names.length) this.names = grown(this.names, nameEnd);
    this.start[this.length] = symbol.address;
    this.image[this.length] = symbol.image;
    this.nameStart[this.length] = this.namesLength;
    this.exported[this.length] = symbol.isExported ? 1 : 0;
    this.names.set(symbol.name, this.namesLength);
    this.namesLength = nameEnd;
    this.length++;
  }

  private growColumns(): void {
    const capacity = this.length * 2;
    const { start, image, nameStart, exported } = this;
    (this.start = new Float64Array(capacity)).set(start);
    (this.image = new Uint16Array(capacity)).set(image);
    (this.nameStart = new Uint32Array(capacity)).set(nameStart);
    (this.exported = new Uint8Array(capacity)).set(exported);
  }
}

function grown(bytes: Buffer, atLeast: number): Buffer<ArrayBuffer> {
  const larger = Buffer.alloc(Math.max(atLeast, bytes.length * 2));
  larger.set(bytes);
  return larger;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  if (byte >= 0x61 && byte <= 0x66) return byte - 0x57;
  return byte >= 0x41 && byte <= 0x46 ? byte - 0x37 : -1;
}

function isStext(text: Buffer, from: number, to: number): boolean {
  return to - from === 6 && text.toString('latin1', from, to) === '_stext';
}

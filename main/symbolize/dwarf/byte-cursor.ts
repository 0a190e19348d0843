/**
 * Reads DWARF's numbers (DWARF 5, 7.6), little endian, from bytes that may say anything. Past the end it
 * answers 0 and has failed for good; callers ask once per entry. Numbers above 2^53 are inexact, and
 * then too large for any bounds check.
 */
export class ByteCursor {
  readonly bytes: Buffer;
  /** Offset of the next byte. */
  at: number;
  /** Reads stop here. */
  readonly end: number;
  private failed = false;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.end = Math.min(end, bytes.length);
    this.at = at;
    if (!(at >= 0 && at <= this.end)) this.fail();
  }

  /** A method, so that the compiler does not take an earlier answer for granted. */
  hasFailed(): boolean {
    return this.failed;
  }

  u8(): number {
    return this.at < this.end ? this.bytes[this.at++]! : this.fail();
  }

  u16(): number {
    const { bytes, at } = this;
    if (at + 2 > this.end) return this.fail();
    this.at = at + 2;
    return bytes[at]! | (bytes[at + 1]! << 8);
  }

  u24(): number {
    const { bytes, at } = this;
    if (at + 3 > this.end) return this.fail();
    this.at = at + 3;
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
  }

  u32(): number {
    const { bytes, at } = this;
    if (at + 4 > this.end) return this.fail();
    this.at = at + 4;
    const low = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    return (low | (bytes[at + 3]! << 24)) >>> 0;
  }

  u64(): number {
    const low = this.u32();
    return low + this.u32() * 2 ** 32;
  }

  /** An offset of a section: 8 bytes in the 64-bit format, else 4 (DWARF 5, 7.4). */
  offset(is64: boolean): number {
    return is64 ? this.u64() : this.u32();
  }

  /** An unsigned number of 1, 2, 4 or 8 bytes; of any other width it fails. */
  word(width: number): number {
    if (width === 8) return this.u64();
    if (width === 4) return this.u32();
    if (width === 2) return this.u16();
    return width === 1 ? this.u8() : this.fail();
  }

  uleb(): number {
    const { bytes } = this;
    const first = this.at < this.end ? bytes[this.at++]! : this.fail();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let scale = 128; this.at < this.end; scale *= 128) {
      const byte = bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      if (scale > 2 ** 63) break;
    }
    return this.fail();
  }

  sleb(): number {
    let value = 0;
    let scale = 1;
    while (this.at < this.end && scale < 2 ** 70) {
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return (byte & 0x40) === 0 ? value : value - scale;
    }
    return this.fail();
  }

  skip(count: number): void {
    if (count >= 0 && this.at + count <= this.end) this.at += count;
    else this.fail();
  }

  /** Steps over a zero-terminated string. */
  skipString(): void {
    const zero = this.bytes.indexOf(0, this.at);
    if (zero < 0 || zero >= this.end) this.fail();
    else this.at = zero + 1;
  }

  private fail(): number {
    this.failed = true;
    this.at = this.end;
    return 0;
  }
}

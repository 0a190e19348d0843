/**
 * Reads DWARF's number formats (DWARF 5, 7.6) from bytes that may say anything. Past the end, or in a
 * number longer than 64 bits, it answers 0 and has failed, until the next seek; callers ask once per
 * entry.
 */
export class DwarfCursor {
  readonly bytes: Uint8Array;
  /** Offset of the next byte. */
  at = 0;
  /** Reads stop here, bytes. */
  end: number;
  private failed = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.end = bytes.length;
  }

  /** Continues at `at`, up to `end`, with the failure forgotten. */
  seek(at: number, end: number): void {
    this.at = at;
    this.end = Math.min(end, this.bytes.length);
    this.failed = at < 0 || at > this.end;
  }

  /** A method, so that the compiler does not take an earlier answer for granted. */
  hasFailed(): boolean {
    return this.failed;
  }

  u8(): number {
    if (this.at >= this.end) return this.fail();
    return this.bytes[this.at++]!;
  }

  u16(): number {
    if (this.at + 2 > this.end) return this.fail();
    const at = this.at;
    this.at += 2;
    return this.bytes[at]! | (this.bytes[at + 1]! << 8);
  }

  i32(): number {
    if (this.at + 4 > this.end) return this.fail();
    const { bytes, at } = this;
    this.at += 4;
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }

  u32(): number {
    return this.i32() >>> 0;
  }

  /** Exact up to 2^53; above, an address is no user address and fails every later check. */
  u64(): number {
    const low = this.u32();
    return low + this.u32() * 2 ** 32;
  }

  i64(): number {
    const low = this.u32();
    return low + this.i32() * 2 ** 32;
  }

  uleb(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return this.fail();
  }

  sleb(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return (byte & 0x40) === 0 ? value : value - scale;
    }
    return this.fail();
  }

  /** Steps over `count` bytes; negative or past the end fails. */
  skip(count: number): void {
    if (count >= 0 && this.at + count <= this.end) this.at += count;
    else this.fail();
  }

  private fail(): number {
    this.failed = true;
    this.at = this.end;
    return 0;
  }
}

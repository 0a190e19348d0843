import { decodePunycode } from './punycode.ts';

/** The name is damaged, hostile, or newer than this reader. */
export class Unreadable extends Error {}

/** A hostile name can nest without end and say much with few bytes. */
const MAX_DEPTH = 200;
const MAX_STEPS = 50_000;
const MAX_OUTPUT = 1 << 16;

/**
 * A place in a mangled name and the readable text so far: characters, numbers, identifiers and the limits
 * that every production shares.
 */
export class RustV0Cursor {
  protected readonly text: string;
  protected at = 0;
  protected out = '';
  /** Above 0: what is read is not shown. */
  private silent = 0;
  private depth = 0;
  private steps = 0;

  constructor(text: string) {
    this.text = text;
  }

  // ---- characters

  protected peek(): string {
    return this.text[this.at] ?? '';
  }

  protected next(): string {
    const character = this.peek();
    if (character === '') throw new Unreadable();
    this.at++;
    return character;
  }

  protected eat(character: string): boolean {
    if (this.peek() !== character) return false;
    this.at++;
    return true;
  }

  protected print(text: string): void {
    if (this.silent > 0) return;
    this.out += text;
    if (this.out.length > MAX_OUTPUT) throw new Unreadable();
  }

  protected silently(read: () => void): void {
    this.silent++;
    read();
    this.silent--;
  }

  protected nested(read: () => void): void {
    if (++this.depth > MAX_DEPTH || ++this.steps > MAX_STEPS) throw new Unreadable();
    read();
    this.depth--;
  }

  /** Items until "E", with `separator` between them; how many. */
  protected list(item: () => void, separator: string): number {
    let count = 0;
    while (!this.eat('E')) {
      if (count++ > 0) this.print(separator);
      item();
    }
    return count;
  }

  // ---- numbers and identifiers

  /** base-62-number: "_" is 0, "0_" is 1. */
  protected base62(): number {
    if (this.eat('_')) return 0;
    let value = 0;
    for (let digit = this.next(); digit !== '_'; digit = this.next()) {
      value = value * 62 + base62Digit(digit);
      if (value >= Number.MAX_SAFE_INTEGER / 64) {
        // Only disambiguators are that large, and those of crates are not shown.
        value = Number.MAX_SAFE_INTEGER / 128;
      }
    }
    return value + 1;
  }

  /** A tagged number that may be missing: then 0, else one more than it says. */
  protected optional62(tag: string): number {
    return this.eat(tag) ? this.base62() + 1 : 0;
  }

  /** undisambiguated-identifier */
  protected identifier(): string {
    const isPunycode = this.eat('u');
    let digits = '';
    if (this.peek() === '0') digits = this.next();
    else while (/^[0-9]$/.test(this.peek())) digits += this.next();
    if (digits === '' || digits.length > 6) throw new Unreadable();
    this.eat('_');
    const end = this.at + Number(digits);
    if (end > this.text.length) throw new Unreadable();
    const name = this.text.slice(this.at, end);
    this.at = end;
    if (!isPunycode) return name;
    const decoded = decodePunycode(name);
    if (decoded === null) throw new Unreadable();
    return decoded;
  }

  /** Reads at an earlier place; what is not shown is not read again. */
  protected backref(read: () => void): void {
    const here = this.at - 1;
    const target = this.base62();
    if (target >= here) throw new Unreadable();
    if (this.silent > 0) return;
    const after = this.at;
    this.at = target;
    this.nested(read);
    this.at = after;
  }
}

function base62Digit(digit: string): number {
  const code = digit.charCodeAt(0);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x61 && code <= 0x7a) return code - 0x61 + 10;
  if (code >= 0x41 && code <= 0x5a) return code - 0x41 + 36;
  throw new Unreadable();
}

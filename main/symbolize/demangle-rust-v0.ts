import { suffixOf } from './demangle-rust-legacy.ts';
import { RustV0Cursor, Unreadable } from './rust-v0-cursor.ts';

/**
 * Rust's present mangling ("v0", RFC 2603), e.g. "_RNvCs1234_7mycrate3foo". Crate hashes and the types of
 * constants are left out. null: no such name, or one this reader does not know.
 */
export function demangleRustV0(mangled: string): string | null {
  if (!/^_R[A-Z]/.test(mangled)) return null;
  const suffixAt = mangled.search(/[.$]/);
  const end = suffixAt < 0 ? mangled.length : suffixAt;
  const reader = new Reader(mangled.slice(2, end));
  try {
    return reader.symbol() + suffixOf(mangled.slice(end));
  } catch (error) {
    if (error instanceof Unreadable) return null;
    throw error;
  }
}

const MAX_BOUND_LIFETIMES = 100;

const BASIC_TYPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: 'i8',
    b: 'bool',
    c: 'char',
    d: 'f64',
    e: 'str',
    f: 'f32',
    h: 'u8',
    i: 'isize',
    j: 'usize',
    l: 'i32',
    m: 'u32',
    n: 'i128',
    o: 'u128',
    p: '_',
    s: 'i16',
    t: 'u16',
    u: '()',
    v: '...',
    x: 'i64',
    y: 'u64',
    z: '!',
  }),
);

/** Recursive descent that prints as it reads. Production names are those of the RFC. */
class Reader extends RustV0Cursor {
  private boundLifetimes = 0;

  symbol(): string {
    this.path(true);
    // The crate that instantiated a generic function follows; it names no function.
    if (this.at < this.text.length) this.silently(() => this.path(false));
    if (this.at !== this.text.length) throw new Unreadable();
    return this.out;
  }

  // ---- paths

  /** `inValue`: generic arguments are written "::<T>" as in an expression, else "<T>". */
  private path(inValue: boolean): void {
    this.nested(() => this.pathOf(this.next(), inValue));
  }

  private pathOf(tag: string, inValue: boolean): void {
    switch (tag) {
      case 'C':
        this.optional62('s');
        this.print(this.identifier());
        return;
      case 'N':
        this.nestedPath(inValue);
        return;
      case 'M':
      case 'X':
        this.silently(() => {
          this.optional62('s');
          this.path(false);
        });
        this.qualified(tag === 'X');
        return;
      case 'Y':
        this.qualified(true);
        return;
      case 'I':
        this.path(inValue);
        this.print(inValue ? '::<' : '<');
        this.list(() => this.genericArgument(), ', ');
        this.print('>');
        return;
      case 'B':
        this.backref(() => this.path(inValue));
        return;
      default:
        throw new Unreadable();
    }
  }

  private qualified(withTrait: boolean): void {
    this.print('<');
    this.type();
    if (withTrait) {
      this.print(' as ');
      this.path(false);
    }
    this.print('>');
  }

  private nestedPath(inValue: boolean): void {
    const namespace = this.next();
    this.path(inValue);
    const disambiguator = this.optional62('s');
    const name = this.identifier();
    if (/^[A-Z]$/.test(namespace)) {
      const kind = namespace === 'C' ? 'closure' : namespace === 'S' ? 'shim' : namespace;
      this.print(`::{${kind}${name === '' ? '' : `:${name}`}#${disambiguator}}`);
    } else if (/^[a-z]$/.test(namespace)) {
      if (name !== '') this.print(`::${name}`);
    } else {
      throw new Unreadable();
    }
  }

  private genericArgument(): void {
    if (this.eat('L')) this.lifetime(this.base62());
    else if (this.eat('K')) this.constant(false);
    else this.type();
  }

  private lifetime(index: number): void {
    if (index === 0) {
      this.print("'_");
      return;
    }
    const depth = this.boundLifetimes - index;
    if (depth < 0) throw new Unreadable();
    this.print(depth < 26 ? `'${String.fromCharCode(0x61 + depth)}` : `'_${depth}`);
  }

  // ---- types

  private type(): void {
    this.nested(() => {
      const tag = this.next();
      const basic = BASIC_TYPES.get(tag);
      if (basic !== undefined) this.print(basic);
      else this.compoundType(tag);
    });
  }

  private compoundType(tag: string): void {
    switch (tag) {
      case 'R':
      case 'Q':
        this.print('&');
        if (this.eat('L')) this.referenceLifetime();
        if (tag === 'Q') this.print('mut ');
        this.type();
        return;
      case 'P':
      case 'O':
        this.print(tag === 'P' ? '*const ' : '*mut ');
        this.type();
        return;
      case 'A':
      case 'S':
        this.print('[');
        this.type();
        if (tag === 'A') {
          this.print('; ');
          this.constant(true);
        }
        this.print(']');
        return;
      case 'T':
        this.tuple(() => this.type());
        return;
      case 'F':
        this.withBinder(() => this.functionType());
        return;
      case 'D':
        this.dynType();
        return;
      case 'B':
        this.backref(() => this.type());
        return;
      default:
        this.pathOf(tag, false);
    }
  }

  private referenceLifetime(): void {
    const index = this.base62();
    if (index === 0) return;
    this.lifetime(index);
    this.print(' ');
  }

  private tuple(item: () => void): void {
    this.print('(');
    const count = this.list(item, ', ');
    this.print(count === 1 ? ',)' : ')');
  }

  /** Lifetimes that "for<'a>" declares are numbered from the innermost out. */
  private withBinder(read: () => void): void {
    const count = this.optional62('G');
    if (this.boundLifetimes + count > MAX_BOUND_LIFETIMES) throw new Unreadable();
    if (count > 0) this.print('for<');
    for (let index = 0; index < count; index++) {
      if (index > 0) this.print(', ');
      this.boundLifetimes++;
      this.lifetime(1);
    }
    if (count > 0) this.print('> ');
    read();
    this.boundLifetimes -= count;
  }

  private functionType(): void {
    if (this.eat('U')) this.print('unsafe ');
    if (this.eat('K')) {
      const abi = this.eat('C') ? 'C' : this.identifier().replaceAll('_', '-');
      this.print(`extern "${abi}" `);
    }
    this.print('fn(');
    this.list(() => this.type(), ', ');
    this.print(')');
    if (this.eat('u')) return;
    this.print(' -> ');
    this.type();
  }

  private dynType(): void {
    this.print('dyn ');
    this.withBinder(() => this.list(() => this.dynTrait(), ' + '));
    if (!this.eat('L')) throw new Unreadable();
    const index = this.base62();
    if (index === 0) return;
    this.print(' + ');
    this.lifetime(index);
  }

  private dynTrait(): void {
    let open = this.openPath();
    while (this.eat('p')) {
      this.print(open ? ', ' : '<');
      open = true;
      this.print(`${this.identifier()} = `);
      this.type();
    }
    if (open) this.print('>');
  }

  /** A path whose "<…" stays open for the bindings of associated types; true: it does. */
  private openPath(): boolean {
    let open = false;
    if (this.eat('B')) {
      this.backref(() => {
        open = this.openPath();
      });
    } else if (this.eat('I')) {
      this.path(false);
      this.print('<');
      this.list(() => this.genericArgument(), ', ');
      open = true;
    } else {
      this.path(false);
    }
    return open;
  }

  // ---- constants

  /** `inExpression`: already within one; else what is no literal stands in braces. */
  private constant(inExpression: boolean): void {
    this.nested(() => {
      const tag = this.next();
      if (!this.literal(tag)) this.structuredConstant(tag, inExpression);
    });
  }

  private literal(tag: string): boolean {
    if (tag === 'p') this.print('_');
    else if ('htmyoj'.includes(tag)) this.print(this.integer());
    else if ('aslxni'.includes(tag)) this.print((this.eat('n') ? '-' : '') + this.integer());
    else if (tag === 'b') this.print(this.boolean());
    else if (tag === 'c') this.print(`'${escaped(this.codePoint(), "'")}'`);
    else return false;
    return true;
  }

  private structuredConstant(tag: string, inExpression: boolean): void {
    if (tag === 'B') {
      this.backref(() => this.constant(inExpression));
      return;
    }
    if (tag === 'R' && this.eat('e')) {
      this.print(`"${this.stringLiteral()}"`);
      return;
    }
    if (!inExpression) this.print('{');
    if (tag === 'e') {
      this.print(`*"${this.stringLiteral()}"`);
    } else if (tag === 'R' || tag === 'Q') {
      this.print(tag === 'R' ? '&' : '&mut ');
      this.constant(true);
    } else if (tag === 'A') {
      this.print('[');
      this.list(() => this.constant(true), ', ');
      this.print(']');
    } else if (tag === 'T') {
      this.tuple(() => this.constant(true));
    } else if (tag === 'V') {
      this.path(true);
      this.fields(this.next());
    } else {
      throw new Unreadable();
    }
    if (!inExpression) this.print('}');
  }

  private fields(tag: string): void {
    if (tag === 'U') return;
    if (tag === 'T') {
      this.print('(');
      this.list(() => this.constant(true), ', ');
      this.print(')');
    } else if (tag === 'S') {
      this.print(' { ');
      this.list(() => this.field(), ', ');
      this.print(' }');
    } else {
      throw new Unreadable();
    }
  }

  private field(): void {
    this.optional62('s');
    this.print(`${this.identifier()}: `);
    this.constant(true);
  }

  /** Digits until "_". */
  private hex(): string {
    let digits = '';
    while (!this.eat('_')) digits += this.next();
    if (!/^[0-9a-f]*$/.test(digits)) throw new Unreadable();
    return digits;
  }

  private integer(): string {
    const digits = this.hex().replace(/^0+/, '') || '0';
    return digits.length <= 16 ? BigInt(`0x${digits}`).toString() : `0x${digits}`;
  }

  private boolean(): string {
    const digits = this.hex();
    if (digits !== '0' && digits !== '1') throw new Unreadable();
    return digits === '1' ? 'true' : 'false';
  }

  private codePoint(): string {
    const point = Number.parseInt(this.hex() || '0', 16);
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) throw new Unreadable();
    return String.fromCodePoint(point);
  }

  private stringLiteral(): string {
    const bytes = Buffer.from(this.hex(), 'hex');
    return escaped(bytes.toString('utf8'), '"');
  }
}

const NAMED_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\0', '\\0'],
  ['\t', '\\t'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\\', '\\\\'],
]);

/** As Rust's Debug writes it within the given quotes. */
function escaped(text: string, quote: string): string {
  let out = '';
  for (const character of text) {
    const named = NAMED_ESCAPES.get(character);
    if (named !== undefined) out += named;
    else if (character === quote) out += `\\${character}`;
    else if (/\p{Cc}/u.test(character)) out += `\\u{${character.codePointAt(0)!.toString(16)}}`;
    else out += character;
  }
  return out;
}

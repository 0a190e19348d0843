import { DCursor } from './d-cursor.ts';
import { readDValue } from './d-values.ts';

const BASIC: ReadonlyMap<string, string> = new Map(
  Object.entries({
    n: 'typeof(null)',
    v: 'void',
    g: 'byte',
    h: 'ubyte',
    s: 'short',
    t: 'ushort',
    i: 'int',
    k: 'uint',
    l: 'long',
    m: 'ulong',
    f: 'float',
    d: 'double',
    e: 'real',
    o: 'ifloat',
    p: 'idouble',
    j: 'ireal',
    q: 'cfloat',
    r: 'cdouble',
    c: 'creal',
    b: 'bool',
    a: 'char',
    u: 'wchar',
    w: 'dchar',
  }),
);
const MODIFIERS: readonly (readonly [string, string])[] = [
  ['O', 'shared'],
  ['x', 'const'],
  ['y', 'immutable'],
  ['Ng', 'inout'],
];
/** Calling conventions, with which a function's type begins. */
const CONVENTIONS = 'FUWVRY';
/** FuncAttr: N and one of these. Ng, Nh, Nk and Nn begin a parameter instead. */
const ATTRIBUTES = 'abcdefijlm';
const MAX_PARTS = 64;
const MAX_ARGUMENTS = 64;

/** Reads names, types and template arguments of the D mangling; null wherever it makes no sense. */
export class DTypes {
  private readonly cursor: DCursor;

  constructor(text: string, at: number) {
    this.cursor = new DCursor(text, at);
  }

  /** False: the name is too much to be one. */
  isSane(): boolean {
    return this.cursor.isSane();
  }

  /** Whether what follows a symbol's name can be its type, or Z for what the compiler made. */
  isTypeNext(): boolean {
    if (this.cursor.peek() === 'Q') return this.referredKind() !== '';
    return /^[A-Za-z]$/.test(this.cursor.peek());
  }

  /** Names with dots between; the types of functions among them are dropped. */
  qualifiedName(): string | null {
    const { cursor } = this;
    const parts: string[] = [];
    while (parts.length < MAX_PARTS && this.isNameNext()) {
      const part = cursor.nested(() => this.symbolName());
      if (part === null) return null;
      if (part !== '') parts.push(part);
      this.skipFunctionBeforeName();
    }
    return parts.length > 0 && cursor.isSane() ? parts.join('.') : null;
  }

  private isNameNext(): boolean {
    const { cursor } = this;
    if (/^[0-9]$/.test(cursor.peek())) return true;
    if (this.isTemplateNext()) return true;
    if (cursor.peek() !== 'Q') return false;
    // A reference to a type has the same form: a name begins with a number.
    const back = cursor.at;
    const place = cursor.backReference();
    cursor.at = back;
    return place !== null && /^[0-9]$/.test(cursor.text[place] ?? '');
  }

  private isTemplateNext(): boolean {
    const { cursor } = this;
    return cursor.peek() === '_' && cursor.peek(1) === '_' && /^[TU]$/.test(cursor.peek(2));
  }

  /** LName, TemplateInstanceName or a reference to a name; empty: it has none ("0"). */
  private symbolName(): string | null {
    const { cursor } = this;
    if (cursor.peek() === 'Q') {
      const place = cursor.backReference();
      return place === null ? null : cursor.elsewhere(place, () => this.symbolName());
    }
    if (this.isTemplateNext()) return this.templateInstance();
    const length = cursor.number();
    if (length === null) return null;
    if (length === 0) return '';
    // Before 2.077 a template's length was told.
    if (length > 5 && this.isTemplateNext()) {
      const end = cursor.at + length;
      const name = this.templateInstance();
      if (name !== null && cursor.at === end) return name;
      cursor.at = end - length;
    }
    return readable(cursor.characters(length));
  }

  private templateInstance(): string | null {
    const { cursor } = this;
    cursor.at += 3;
    const name = this.symbolName();
    if (name === null) return null;
    const given: string[] = [];
    while (!cursor.take('Z')) {
      const argument = given.length < MAX_ARGUMENTS ? cursor.nested(() => this.argument()) : null;
      if (argument === null) return null;
      given.push(argument);
    }
    return `${name}!(${given.join(', ')})`;
  }

  private argument(): string | null {
    const { cursor } = this;
    cursor.take('H');
    if (cursor.take('T')) return this.type();
    if (cursor.take('S')) return this.symbolArgument();
    if (cursor.take('V')) {
      const kind = cursor.peek() === 'Q' ? this.referredKind() : cursor.peek();
      const type = this.type();
      return type === null ? null : readDValue(cursor, { kind, type });
    }
    if (!cursor.take('X')) return null;
    const length = cursor.number();
    return length === null ? null : cursor.characters(length);
  }

  /** Before 2.077 its length was told, whose digits run into those of its first name. */
  private symbolArgument(): string | null {
    const { cursor } = this;
    const back = cursor.at;
    const digits = /^[0-9]{0,5}/.exec(cursor.text.slice(back, back + 5))![0].length;
    for (let count = digits; count > 0; count--) {
      cursor.at = back + count;
      const end = cursor.at + Number(cursor.text.slice(back, cursor.at));
      const isMangled = cursor.take('_D');
      const name = cursor.nested(() => this.qualifiedName());
      // A mangled symbol has its type behind it.
      if (name !== null && (isMangled ? cursor.at <= end : cursor.at === end)) {
        cursor.at = end;
        return name;
      }
    }
    cursor.at = back;
    return this.qualifiedName();
  }

  private referredKind(): string {
    const { cursor } = this;
    const back = cursor.at;
    const place = cursor.backReference();
    cursor.at = back;
    return place === null ? '' : (cursor.text[place] ?? '');
  }

  /** A function's type between its name and that of what it holds. What is no such type stays. */
  private skipFunctionBeforeName(): void {
    const { cursor } = this;
    const back = cursor.at;
    cursor.take('M');
    while (MODIFIERS.some(([letter]) => cursor.take(letter)));
    const isFunction = this.skipFunction();
    if (!isFunction || !this.isNameNext()) cursor.at = back;
  }

  /** Convention, attributes, parameters; the type of the result is another matter. */
  private skipFunction(): boolean {
    const { cursor } = this;
    if (cursor.peek() === '' || !CONVENTIONS.includes(cursor.peek())) return false;
    cursor.at++;
    while (cursor.peek() === 'N' && cursor.peek(1) !== '' && ATTRIBUTES.includes(cursor.peek(1)))
      cursor.at += 2;
    for (let count = 0; count < MAX_ARGUMENTS; count++) {
      if (cursor.take('X') || cursor.take('Y') || cursor.take('Z')) return true;
      while (['M', 'Nk', 'I', 'J', 'K', 'L'].some((mark) => this.takeMark(mark)));
      if (cursor.nested(() => this.type()) === null) return false;
    }
    return false;
  }

  /** I also begins a type (an identifier): then a name follows. */
  private takeMark(mark: string): boolean {
    const { cursor } = this;
    if (mark === 'I' && /^[0-9]$/.test(cursor.peek(1))) return false;
    return cursor.take(mark);
  }

  private type(): string | null {
    const { cursor } = this;
    const basic = BASIC.get(cursor.peek());
    if (basic !== undefined) {
      cursor.at++;
      return basic;
    }
    for (const [letter, word] of MODIFIERS) {
      if (cursor.take(letter)) return around(`${word}(`, this.inner(), ')');
    }
    if (cursor.peek() === 'Q') {
      const place = cursor.backReference();
      return place === null ? null : cursor.elsewhere(place, () => this.type());
    }
    if (CONVENTIONS.includes(cursor.peek())) return this.functionType('function');
    return this.madeType();
  }

  private madeType(): string | null {
    const { cursor } = this;
    if (cursor.take('zi')) return 'cent';
    if (cursor.take('zk')) return 'ucent';
    if (cursor.take('Nn')) return 'noreturn';
    if (cursor.take('Nh')) return around('__vector(', this.inner(), ')');
    if (cursor.take('A')) return around('', this.inner(), '[]');
    if (cursor.take('P')) {
      return CONVENTIONS.includes(cursor.peek()) && cursor.peek() !== ''
        ? this.functionType('function')
        : around('', this.inner(), '*');
    }
    if (cursor.take('G')) {
      const size = cursor.number();
      return size === null ? null : around('', this.inner(), `[${size}]`);
    }
    if (cursor.take('H')) {
      const key = this.inner();
      return key === null ? null : around('', this.inner(), `[${key}]`);
    }
    if (cursor.take('D')) {
      while (MODIFIERS.some(([letter]) => cursor.take(letter)));
      return this.functionType('delegate');
    }
    if (cursor.take('B')) return this.tuple();
    return ['I', 'C', 'S', 'E', 'T'].some((letter) => cursor.take(letter))
      ? cursor.nested(() => this.qualifiedName())
      : null;
  }

  private functionType(word: string): string | null {
    return this.skipFunction() ? around('', this.inner(), ` ${word}(…)`) : null;
  }

  private tuple(): string | null {
    const { cursor } = this;
    const types: string[] = [];
    const count = cursor.number();
    while (count === null ? !cursor.take('Z') : types.length < count) {
      const type = types.length < MAX_ARGUMENTS ? this.inner() : null;
      if (type === null) return null;
      types.push(type);
    }
    return `tuple(${types.join(', ')})`;
  }

  private inner(): string | null {
    return this.cursor.nested(() => this.type());
  }
}

const around = (before: string, text: string | null, after: string): string | null =>
  text === null ? null : before + text + after;

/** Names the compiler gives, as the source spells them. */
function readable(name: string | null): string | null {
  if (name === '__ctor') return 'this';
  if (name === '__dtor') return '~this';
  if (name === '__postblit') return 'this(this)';
  return name !== null && /^[\w\u0080-\uffff]+$/.test(name) ? name : null;
}

import { readFileSync } from 'node:fs';

/** How a function of the kernel is called: by its type information. Documentation/bpf/btf.rst. */
export interface BtfFunction {
  readonly parameters: readonly BtfParameter[];
  /** null: it returns nothing. */
  readonly returns: BtfValue | null;
}

/** A value as C declares it. */
export interface BtfValue {
  /** E.g. "struct file *", "size_t". */
  readonly type: string;
  readonly size: number;
  readonly form: 'signed' | 'unsigned' | 'pointer' | 'text' | 'aggregate';
}

export interface BtfParameter extends BtfValue {
  readonly name: string;
}

const MAGIC = 0xeb9f;
const TYPE_BYTES = 12;
const POINTER_BYTES = 8;
const LAST_KIND = 19;
/** Chains of qualifiers and typedefs longer than this are damage. */
const MAX_CHAIN = 32;

const KIND = {
  ...{ int: 1, pointer: 2, array: 3, struct: 4, union: 5, enum: 6, forward: 7, typedef: 8 },
  ...{ volatile: 9, const: 10, restrict: 11, function: 12, prototype: 13, tag: 18, enum64: 19 },
} as const;
/** Bytes that follow a type, by kind: for each member, or once. */
const PER_MEMBER: Readonly<Record<number, number>> = { 4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12 };
const ONCE: Readonly<Record<number, number>> = { 1: 4, 3: 12, 14: 4, 17: 4 };
const INT_SIGNED = 1;

/** The declaration of a kernel function; null: the type information does not have it. */
export function readBtfFunction(
  name: string,
  path = '/sys/kernel/btf/vmlinux',
): BtfFunction | null {
  try {
    return new Btf(readFileSync(path)).functionNamed(name);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

/** Type information, walked once. Damaged bytes yield fewer types, never more. */
class Btf {
  readonly #bytes: Buffer;
  readonly #strings: number;
  readonly #stringsEnd: number;
  /** Where type `id` stands; 0 is void. */
  readonly #at: number[] = [-1];

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    const isBtf = bytes.length >= 24 && bytes.readUInt16LE(0) === MAGIC;
    const header = isBtf ? bytes.readUInt32LE(4) : 0;
    const types = isBtf ? header + bytes.readUInt32LE(8) : 0;
    const end = isBtf ? Math.min(bytes.length, types + bytes.readUInt32LE(12)) : 0;
    this.#strings = isBtf ? header + bytes.readUInt32LE(16) : 0;
    this.#stringsEnd = isBtf ? Math.min(bytes.length, this.#strings + bytes.readUInt32LE(20)) : 0;
    for (let at = types; at + TYPE_BYTES <= end; ) {
      const info = bytes.readUInt32LE(at + 4);
      const kind = (info >>> 24) & 0x1f;
      if (kind === 0 || kind > LAST_KIND) break;
      const next = at + TYPE_BYTES + (PER_MEMBER[kind] ?? 0) * (info & 0xffff) + (ONCE[kind] ?? 0);
      if (next > end) break;
      this.#at.push(at);
      at = next;
    }
  }

  functionNamed(name: string): BtfFunction | null {
    for (let id = 1; id < this.#at.length; id++) {
      if (this.#kind(id) !== KIND.function || this.#name(id) !== name) continue;
      const prototype = this.#target(id);
      if (this.#kind(prototype) !== KIND.prototype) return null;
      return {
        parameters: this.#parameters(prototype),
        returns: this.#target(prototype) === 0 ? null : this.#value(this.#target(prototype)),
      };
    }
    return null;
  }

  #parameters(prototype: number): BtfParameter[] {
    const first = this.#at[prototype]! + TYPE_BYTES;
    const count = this.#bytes.readUInt32LE(this.#at[prototype]! + 4) & 0xffff;
    return Array.from({ length: count }, (_, index) => {
      const at = first + index * 8;
      const name = this.#text(this.#bytes.readUInt32LE(at)) || `arg${index}`;
      return { name, ...this.#value(this.#bytes.readUInt32LE(at + 4)) };
    });
  }

  #value(id: number): BtfValue {
    const plain = this.#withoutNames(id);
    const type = this.#declaration(id, 0);
    switch (this.#kind(plain)) {
      case KIND.pointer:
        return { type, size: POINTER_BYTES, form: this.#isText(plain) ? 'text' : 'pointer' };
      case KIND.int: {
        const encoding = (this.#bytes.readUInt32LE(this.#at[plain]! + TYPE_BYTES) >>> 24) & 0xf;
        const form = (encoding & INT_SIGNED) !== 0 ? 'signed' : 'unsigned';
        return { type, size: this.#sizeOrTarget(plain), form };
      }
      case KIND.enum:
      case KIND.enum64:
        return { type, size: this.#sizeOrTarget(plain), form: 'signed' };
      default:
        return { type, size: this.#sizeOrTarget(plain), form: 'aggregate' };
    }
  }

  /** Whether a pointer is one to constant characters. */
  #isText(pointer: number): boolean {
    let isConst = false;
    let id = this.#target(pointer);
    for (let step = 0; step < MAX_CHAIN && this.#isName(id); step++) {
      isConst ||= this.#kind(id) === KIND.const;
      id = this.#target(id);
    }
    return isConst && this.#kind(id) === KIND.int && this.#name(id) === 'char';
  }

  #declaration(id: number, depth: number): string {
    if (id === 0 || depth > MAX_CHAIN) return 'void';
    const [kind, name] = [this.#kind(id), this.#name(id)];
    const inner = (): string => this.#declaration(this.#target(id), depth + 1);
    switch (kind) {
      case KIND.pointer: {
        const target = inner();
        return target.endsWith('*') ? `${target}*` : `${target} *`;
      }
      case KIND.const:
        return `const ${inner()}`;
      case KIND.volatile:
      case KIND.restrict:
      case KIND.tag:
        return inner();
      case KIND.struct:
      case KIND.forward:
        return `struct ${name}`;
      case KIND.union:
        return `union ${name}`;
      case KIND.enum:
      case KIND.enum64:
        return name === '' ? 'enum' : `enum ${name}`;
      case KIND.prototype:
        return 'function';
      default:
        return name;
    }
  }

  /** The type behind typedefs and qualifiers. */
  #withoutNames(id: number): number {
    let found = id;
    for (let step = 0; step < MAX_CHAIN && this.#isName(found); step++) found = this.#target(found);
    return found;
  }

  #isName(id: number): boolean {
    const kind = this.#kind(id);
    return (
      kind === KIND.typedef ||
      kind === KIND.const ||
      kind === KIND.volatile ||
      kind === KIND.restrict ||
      kind === KIND.tag
    );
  }

  #kind(id: number): number {
    const at = this.#at[id] ?? -1;
    return at < 0 ? 0 : (this.#bytes.readUInt32LE(at + 4) >>> 24) & 0x1f;
  }

  #target(id: number): number {
    return this.#sizeOrTarget(id);
  }

  #sizeOrTarget(id: number): number {
    const at = this.#at[id] ?? -1;
    return at < 0 ? 0 : this.#bytes.readUInt32LE(at + 8);
  }

  #name(id: number): string {
    const at = this.#at[id] ?? -1;
    return at < 0 ? '' : this.#text(this.#bytes.readUInt32LE(at));
  }

  #text(offset: number): string {
    const from = this.#strings + offset;
    if (from >= this.#stringsEnd) return '';
    const to = this.#bytes.indexOf(0, from);
    return to < 0 || to > this.#stringsEnd ? '' : this.#bytes.toString('latin1', from, to);
  }
}

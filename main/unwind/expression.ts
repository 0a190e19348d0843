import type { DwarfCursor } from './dwarf-cursor.ts';
import { X86_64_RSP } from './known-rules.ts';

/** What an expression computes, as far as unwinding cares. */
export const VALUE_KINDS = {
  /** Anything else. */
  other: 0,
  /** offset */
  constant: 1,
  /** register + offset */
  register: 2,
  /** *(register + offset) + addend */
  dereference: 3,
  /** cfa + offset */
  cfa: 4,
  /** rsp + 8 + ((pc & 15) >= offset ? 8 : 0) */
  plt: 5,
} as const;

/** Offsets in bytes; fields that the kind does not use are 0. */
export interface ExpressionValue {
  /** VALUE_KINDS code. */
  readonly kind: number;
  readonly register: number;
  readonly offset: number;
  readonly addend: number;
}

const OTHER: ExpressionValue = {
  kind: VALUE_KINDS.other,
  register: 0,
  offset: 0,
  addend: 0,
};
/** The CFA itself: what the stack holds when a register's rule starts (DWARF 5, 6.4.2.3). */
export const CFA_VALUE: ExpressionValue = { ...OTHER, kind: VALUE_KINDS.cfa };

/** Longer ones are computed by no rule that we know. */
const MAX_OPERATIONS = 32;

/** breg7 8, breg16 0, lit15, and, [litN], ge, lit3, shl, plus: written by GNU ld for .plt. */
const PLT_HEAD = [0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a];
const PLT_TAIL = [0x2a, 0x33, 0x24, 0x22];
const LIT0 = 0x30;
const BREG0 = 0x70;

/**
 * Evaluates a DWARF expression over unknown registers. The cursor stands at its first byte and ends
 * after it. `first` is what the stack holds at the start; null: nothing.
 */
export function evaluateExpression(
  cursor: DwarfCursor,
  length: number,
  first: ExpressionValue | null,
): ExpressionValue {
  const start = cursor.at;
  cursor.skip(length);
  if (cursor.hasFailed()) return OTHER;
  const after = cursor.at;
  const threshold = first === null ? pltThreshold(cursor.bytes, start, after) : -1;
  if (threshold >= 0) {
    return { ...OTHER, kind: VALUE_KINDS.plt, register: X86_64_RSP, offset: threshold };
  }
  const sectionEnd = cursor.end;
  cursor.seek(start, after);
  const value = evaluate(cursor, first);
  cursor.seek(after, sectionEnd);
  return value;
}

/** From which of a stub's 16 bytes on its push has run; -1: the expression is none for stubs. */
function pltThreshold(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== PLT_HEAD.length + 1 + PLT_TAIL.length) return -1;
  if (!PLT_HEAD.every((byte, at) => bytes[start + at] === byte)) return -1;
  const tailAt = start + PLT_HEAD.length + 1;
  if (!PLT_TAIL.every((byte, at) => bytes[tailAt + at] === byte)) return -1;
  const threshold = bytes[tailAt - 1]! - LIT0;
  return threshold >= 0 && threshold <= 15 ? threshold : -1;
}

function evaluate(cursor: DwarfCursor, first: ExpressionValue | null): ExpressionValue {
  const stack: ExpressionValue[] = first === null ? [] : [first];
  for (let count = 0; count < MAX_OPERATIONS && cursor.at < cursor.end; count++) {
    if (!step(cursor, stack) || cursor.hasFailed()) return OTHER;
  }
  return cursor.at === cursor.end ? (stack.at(-1) ?? OTHER) : OTHER;
}

/** One operation; false: one that is not followed. */
function step(cursor: DwarfCursor, stack: ExpressionValue[]): boolean {
  const operation = cursor.u8();
  if (operation >= BREG0 && operation < BREG0 + 32) {
    const register = operation - BREG0;
    stack.push({ kind: VALUE_KINDS.register, register, offset: cursor.sleb(), addend: 0 });
    return true;
  }
  const constant = constantOf(cursor, operation);
  if (constant !== null) {
    stack.push({ ...OTHER, kind: VALUE_KINDS.constant, offset: constant });
    return true;
  }
  const top = stack.pop();
  if (top === undefined) return operation === 0x96;
  const result = applied(cursor, operation, { top, stack });
  if (result === null) return false;
  stack.push(result);
  return true;
}

/** The number that an operation pushes; null: it pushes none (DWARF 5, 2.5.1.1). */
function constantOf(cursor: DwarfCursor, operation: number): number | null {
  if (operation >= LIT0 && operation < LIT0 + 32) return operation - LIT0;
  switch (operation) {
    case 0x08:
      return cursor.u8();
    case 0x09:
      return (cursor.u8() << 24) >> 24;
    case 0x0a:
      return cursor.u16();
    case 0x0b:
      return (cursor.u16() << 16) >> 16;
    case 0x0c:
      return cursor.u32();
    case 0x0d:
      return cursor.i32();
    case 0x0e:
      return cursor.u64();
    case 0x0f:
      return cursor.i64();
    case 0x10:
      return cursor.uleb();
    case 0x11:
      return cursor.sleb();
    default:
      return null;
  }
}

/** What an operation makes of the top of the stack; null: not followed. */
function applied(
  cursor: DwarfCursor,
  operation: number,
  { top, stack }: { top: ExpressionValue; stack: ExpressionValue[] },
): ExpressionValue | null {
  switch (operation) {
    case 0x06: // deref
      return top.kind === VALUE_KINDS.register ? { ...top, kind: VALUE_KINDS.dereference } : null;
    case 0x1c: {
      // minus
      const below = stack.pop();
      if (below === undefined || top.kind !== VALUE_KINDS.constant) return null;
      return moved(below, -top.offset);
    }
    case 0x22: {
      // plus
      const below = stack.pop();
      if (below === undefined) return null;
      if (top.kind === VALUE_KINDS.constant) return moved(below, top.offset);
      return below.kind === VALUE_KINDS.constant ? moved(top, below.offset) : null;
    }
    case 0x23: // plus_uconst
      return moved(top, cursor.uleb());
    case 0x96: // nop
      return top;
    default:
      return null;
  }
}

function moved(value: ExpressionValue, by: number): ExpressionValue {
  return value.kind === VALUE_KINDS.dereference
    ? { ...value, addend: value.addend + by }
    : { ...value, offset: value.offset + by };
}

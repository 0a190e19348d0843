import { type ExpressionValue, VALUE_KINDS } from './expression.ts';
import { X86_64_RA, X86_64_RBP, X86_64_RSP } from './known-rules.ts';
import { RULE_WORDS } from './rule-set.ts';
import { CFA_KINDS, FP_KINDS, RA_KINDS } from './unwind-table.ts';

/** How a register of the caller is found, as call frame instructions say it. */
export const COLUMN_RULES = {
  unspecified: 0,
  sameValue: 1,
  undefined: 2,
  /** *(cfa + offset) */
  atCfa: 3,
  /** *(register + offset) */
  atRegister: 4,
  /** cfa + offset */
  valueOfCfa: 5,
  other: 6,
} as const;

// Words of a state. The CFA: by register, or by expression (of which the last register form is kept).
const CFA_BY_EXPRESSION = 0;
const CFA_REGISTER = 1;
const CFA_OFFSET = 2;
const EXPRESSION_KIND = 3;
const EXPRESSION_REGISTER = 4;
const EXPRESSION_OFFSET = 5;
const EXPRESSION_ADDEND = 6;
// The columns that matter, three words each: COLUMN_RULES code, register, offset.
const FP = 7;
const RA = 10;
const SP = 13;
/** 32-bit numbers per state. */
export const STATE_WORDS = 16;

/** Where x86-64's ucontext_t holds registers, bytes from its start (asm/ucontext.h, asm/sigcontext.h). */
const UCONTEXT = { rbp: 120, rsp: 160, rip: 168 } as const;

/** First word of the column of a DWARF register; -1: no caller is ever found by that register. */
function columnOf(register: number): number {
  if (register === X86_64_RBP) return FP;
  if (register === X86_64_RA) return RA;
  return register === X86_64_RSP ? SP : -1;
}

const fits = (value: number): boolean => (value | 0) === value;

/** The row of the call frame table that instructions are building: CFA, rbp, return address, rsp. */
export class FrameState {
  readonly words = new Int32Array(STATE_WORDS);
  /** Whether anything was set since the last `toRule`. */
  changed = true;

  reset(): void {
    this.words.fill(0);
    this.changed = true;
  }

  copy(words: Int32Array): void {
    this.words.set(words);
    this.changed = true;
  }

  setCfa(register: number, offset: number): void {
    this.setCfaRegister(register);
    this.setCfaOffset(offset);
  }

  setCfaRegister(register: number): void {
    this.changed = true;
    this.words[CFA_BY_EXPRESSION] = 0;
    this.words[CFA_REGISTER] = Math.min(register, 0xffff);
  }

  /** Leaves a CFA that is an expression one (as libgcc does). */
  setCfaOffset(offset: number): void {
    this.changed = true;
    if (!fits(offset)) this.words[CFA_REGISTER] = 0xffff;
    this.words[CFA_OFFSET] = offset;
  }

  setCfaExpression(value: ExpressionValue): void {
    const { words } = this;
    const exact = fits(value.offset) && fits(value.addend);
    this.changed = true;
    words[CFA_BY_EXPRESSION] = 1;
    words[EXPRESSION_KIND] = exact ? value.kind : VALUE_KINDS.other;
    words[EXPRESSION_REGISTER] = value.register;
    words[EXPRESSION_OFFSET] = value.offset;
    words[EXPRESSION_ADDEND] = value.addend;
  }

  /** The caller's `register` is found by `rule` (a COLUMN_RULES code) with `offset`. */
  setColumn(register: number, rule: number, offset: number): void {
    const column = columnOf(register);
    if (column < 0) return;
    this.changed = true;
    this.words[column] = fits(offset) ? rule : COLUMN_RULES.other;
    this.words[column + 1] = 0;
    this.words[column + 2] = offset;
  }

  /** The caller's `register` stands at the address that an expression computed. */
  setColumnAddress(register: number, address: ExpressionValue): void {
    if (address.kind === VALUE_KINDS.cfa) {
      this.setColumn(register, COLUMN_RULES.atCfa, address.offset);
      return;
    }
    const known = address.kind === VALUE_KINDS.register;
    this.setColumn(register, known ? COLUMN_RULES.atRegister : COLUMN_RULES.other, address.offset);
    const column = columnOf(register);
    if (column >= 0) this.words[column + 1] = address.register;
  }

  /** Back to what the CIE says of `register`. */
  restoreColumn(register: number, initial: Int32Array): void {
    const column = columnOf(register);
    if (column < 0) return;
    this.changed = true;
    for (let word = column; word < column + 3; word++) this.words[word] = initial[word]!;
  }

  /** Writes the rule that this state amounts to, as RULE_WORDS numbers. */
  toRule(rule: Int32Array): void {
    this.changed = false;
    rule.fill(0, 0, RULE_WORDS);
    if (this.isSignalFrame()) {
      rule[0] = CFA_KINDS.signal;
      return;
    }
    this.cfaToRule(rule);
    if (this.words[RA] === COLUMN_RULES.undefined) {
      rule[6] = RA_KINDS.end;
    } else if (rule[0] === CFA_KINDS.unsupported || !this.raToRule(rule) || !this.spIsCfa()) {
      rule.fill(0, 0, RULE_WORDS);
      rule[0] = CFA_KINDS.unsupported;
    }
    if (rule[0] !== CFA_KINDS.unsupported) this.fpToRule(rule);
  }

  private cfaToRule(rule: Int32Array): void {
    const { words } = this;
    if (words[CFA_BY_EXPRESSION] === 0) {
      const known = words[CFA_REGISTER]! < X86_64_RA;
      rule[0] = known ? CFA_KINDS.register : CFA_KINDS.unsupported;
      if (known) {
        rule[1] = words[CFA_REGISTER]!;
        rule[2] = words[CFA_OFFSET]!;
      }
      return;
    }
    rule[0] = cfaKindOf(words[EXPRESSION_KIND]!);
    if (rule[0] === CFA_KINDS.unsupported || words[EXPRESSION_REGISTER]! >= X86_64_RA) {
      rule[0] = CFA_KINDS.unsupported;
      return;
    }
    rule[1] = words[EXPRESSION_REGISTER]!;
    rule[2] = words[EXPRESSION_OFFSET]!;
    rule[3] = words[EXPRESSION_ADDEND]!;
  }

  /** False: the return address is nowhere that a rule can say. */
  private raToRule(rule: Int32Array): boolean {
    const offset = this.offsetFromCfa(RA);
    if (offset === null) return false;
    rule[6] = RA_KINDS.atCfa;
    rule[7] = offset;
    return true;
  }

  private fpToRule(rule: Int32Array): void {
    const { words } = this;
    const how = words[FP]!;
    if (how === COLUMN_RULES.unspecified || how === COLUMN_RULES.sameValue) return;
    const offset = this.offsetFromCfa(FP);
    if (offset !== null) {
      rule[4] = FP_KINDS.atCfa;
      rule[5] = offset;
    } else if (how === COLUMN_RULES.atRegister && words[FP + 1] === X86_64_RBP) {
      rule[4] = FP_KINDS.atFp;
      rule[5] = words[FP + 2]!;
    } else {
      rule[4] = FP_KINDS.undefined;
    }
  }

  /** Where a column is saved, bytes from the CFA; null: not at a known distance from it. */
  private offsetFromCfa(column: number): number | null {
    const { words } = this;
    const offset = words[column + 2]!;
    if (words[column] === COLUMN_RULES.atCfa) return offset;
    if (words[column] !== COLUMN_RULES.atRegister || words[CFA_BY_EXPRESSION] !== 0) return null;
    const distance = offset - words[CFA_OFFSET]!;
    return words[column + 1] === words[CFA_REGISTER] && fits(distance) ? distance : null;
  }

  /** The caller's stack pointer is the CFA, as every rule takes for granted. */
  private spIsCfa(): boolean {
    const how = this.words[SP]!;
    if (how === COLUMN_RULES.unspecified) return true;
    return how === COLUMN_RULES.valueOfCfa && this.words[SP + 2] === 0;
  }

  /** What libc says of its __restore_rt: rsp, rbp and rip stand in the ucontext that rsp points to. */
  private isSignalFrame(): boolean {
    const { words } = this;
    return (
      words[CFA_BY_EXPRESSION] === 1 &&
      words[EXPRESSION_KIND] === VALUE_KINDS.dereference &&
      words[EXPRESSION_REGISTER] === X86_64_RSP &&
      words[EXPRESSION_OFFSET] === UCONTEXT.rsp &&
      words[EXPRESSION_ADDEND] === 0 &&
      this.isAtStack(RA, UCONTEXT.rip) &&
      this.isAtStack(FP, UCONTEXT.rbp)
    );
  }

  private isAtStack(column: number, offset: number): boolean {
    const { words } = this;
    return (
      words[column] === COLUMN_RULES.atRegister &&
      words[column + 1] === X86_64_RSP &&
      words[column + 2] === offset
    );
  }
}

function cfaKindOf(valueKind: number): number {
  switch (valueKind) {
    case VALUE_KINDS.register:
      return CFA_KINDS.register;
    case VALUE_KINDS.dereference:
      return CFA_KINDS.dereference;
    case VALUE_KINDS.plt:
      return CFA_KINDS.plt;
    default:
      return CFA_KINDS.unsupported;
  }
}

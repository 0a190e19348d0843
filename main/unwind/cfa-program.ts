import type { DwarfCursor } from './dwarf-cursor.ts';
import { CFA_VALUE, evaluateExpression, VALUE_KINDS } from './expression.ts';
import type { Cie, FrameSection } from './frame-entries.ts';
import { COLUMN_RULES, FrameState, STATE_WORDS } from './frame-state.ts';
import { UNSUPPORTED_INDEX } from './known-rules.ts';
import { readPointer } from './pointer-encoding.ts';
import { RULE_WORDS, type RuleSet } from './rule-set.ts';
import type { TableRows } from './table-rows.ts';

/** How deep remember_state may nest; compilers do not go beyond a few. */
const MAX_REMEMBERED = 64;

/** DW_CFA_* (DWARF 5, 7.24; LSB Core 5.0, "DWARF Extensions"), those of one byte with operands after it. */
const CFA = {
  nop: 0x00,
  setLoc: 0x01,
  advanceLoc1: 0x02,
  advanceLoc2: 0x03,
  advanceLoc4: 0x04,
  offsetExtended: 0x05,
  restoreExtended: 0x06,
  undefined: 0x07,
  sameValue: 0x08,
  register: 0x09,
  rememberState: 0x0a,
  restoreState: 0x0b,
  defCfa: 0x0c,
  defCfaRegister: 0x0d,
  defCfaOffset: 0x0e,
  defCfaExpression: 0x0f,
  expression: 0x10,
  offsetExtendedSf: 0x11,
  defCfaSf: 0x12,
  defCfaOffsetSf: 0x13,
  valOffset: 0x14,
  valOffsetSf: 0x15,
  valExpression: 0x16,
  mipsAdvanceLoc8: 0x1d,
  gnuArgsSize: 0x2e,
  gnuNegativeOffsetExtended: 0x2f,
} as const;

/** Runs call frame instructions: a function's program goes in, rows come out. */
export class CfaProgram {
  /** Instructions that are not known or that contradict the function's range. */
  failures = 0;
  private readonly cursor: DwarfCursor;
  private readonly section: FrameSection;
  private readonly rules: RuleSet;
  private readonly state = new FrameState();
  private readonly remembered = new Int32Array(MAX_REMEMBERED * STATE_WORDS);
  private depth = 0;
  private readonly rule = new Int32Array(RULE_WORDS);
  private ruleIndex = 0;
  /** Of the entry that runs. */
  private cie!: Cie;
  private initial: Int32Array = new Int32Array(STATE_WORDS);
  private rows: TableRows | null = null;
  private at = 0;
  private end = 0;

  constructor(cursor: DwarfCursor, section: FrameSection, rules: RuleSet) {
    this.cursor = cursor;
    this.section = section;
    this.rules = rules;
  }

  /** The state that a CIE's own instructions lead to; null: they cannot be followed. */
  initialState(cie: Cie): Int32Array | null {
    this.cie = cie;
    this.rows = null;
    this.state.reset();
    this.initial = new Int32Array(STATE_WORDS);
    if (!this.run(cie.programStart, cie.programEnd)) return null;
    return this.state.words.slice();
  }

  /**
   * Appends the rows of the function at [start, end) (ELF virtual addresses). Where its instructions
   * cannot be followed any more, the rest of it is unsupported; null as `initial`: all of it.
   */
  emit(
    cie: Cie,
    initial: Int32Array | null,
    range: { start: number; end: number; programStart: number; programEnd: number },
    rows: TableRows,
  ): void {
    if (initial === null) {
      this.failures++;
      rows.push(range.start, UNSUPPORTED_INDEX);
      return;
    }
    this.cie = cie;
    this.initial = initial;
    this.rows = rows;
    this.at = range.start;
    this.end = range.end;
    this.state.copy(initial);
    if (this.run(range.programStart, range.programEnd)) {
      this.emitRow();
    } else {
      this.failures++;
      if (this.at < this.end) rows.push(this.at, UNSUPPORTED_INDEX);
    }
  }

  private run(start: number, end: number): boolean {
    const { cursor, cie, state } = this;
    cursor.seek(start, end);
    this.depth = 0;
    while (cursor.at < cursor.end) {
      const opcode = cursor.u8();
      const low = opcode & 0x3f;
      switch (opcode >> 6) {
        case 1:
          if (!this.advance(low)) return true;
          break;
        case 2:
          state.setColumn(low, COLUMN_RULES.atCfa, cursor.uleb() * cie.dataAlign);
          break;
        case 3:
          state.restoreColumn(low, this.initial);
          break;
        default:
          if (isAdvance(low)) {
            if (!this.advance(this.advanceOperand(low))) return !cursor.hasFailed();
          } else if (!this.runCfa(low) && !this.runColumn(low)) return false;
      }
      if (cursor.hasFailed()) return false;
    }
    return !cursor.hasFailed();
  }

  /** Ends the row at hand and goes `delta` units on; false: what follows is behind the function. */
  private advance(delta: number): boolean {
    this.emitRow();
    this.at += delta * this.cie.codeAlign;
    return this.rows === null || this.at < this.end;
  }

  private advanceOperand(opcode: number): number {
    switch (opcode) {
      case CFA.advanceLoc1:
        return this.cursor.u8();
      case CFA.advanceLoc2:
        return this.cursor.u16();
      case CFA.advanceLoc4:
        return this.cursor.u32();
      default:
        return this.cursor.u64();
    }
  }

  private emitRow(): void {
    if (this.rows === null || this.at >= this.end) return;
    if (this.state.changed) {
      this.state.toRule(this.rule);
      this.ruleIndex = this.rules.indexOf(this.rule);
    }
    this.rows.push(this.at, this.ruleIndex);
  }

  /** Instructions about the location, the CFA and the state as a whole; false: none of them. */
  private runCfa(opcode: number): boolean {
    const { cursor, state } = this;
    const { dataAlign } = this.cie;
    switch (opcode) {
      case CFA.nop:
        return true;
      case CFA.setLoc:
        return this.setLocation();
      case CFA.rememberState:
        return this.remember();
      case CFA.restoreState:
        return this.restore();
      case CFA.defCfa:
        state.setCfa(cursor.uleb(), cursor.uleb());
        return true;
      case CFA.defCfaSf:
        state.setCfa(cursor.uleb(), cursor.sleb() * dataAlign);
        return true;
      case CFA.defCfaRegister:
        state.setCfaRegister(cursor.uleb());
        return true;
      case CFA.defCfaOffset:
        state.setCfaOffset(cursor.uleb());
        return true;
      case CFA.defCfaOffsetSf:
        state.setCfaOffset(cursor.sleb() * dataAlign);
        return true;
      case CFA.defCfaExpression:
        state.setCfaExpression(evaluateExpression(cursor, cursor.uleb(), null));
        return true;
      case CFA.gnuArgsSize:
        // Outgoing arguments; only landing pads need to know.
        cursor.uleb();
        return true;
      default:
        return false;
    }
  }

  /** Instructions about one register; false: not known. */
  private runColumn(opcode: number): boolean {
    const { cursor, state } = this;
    const { dataAlign } = this.cie;
    const register = cursor.uleb();
    switch (opcode) {
      case CFA.offsetExtended:
        state.setColumn(register, COLUMN_RULES.atCfa, cursor.uleb() * dataAlign);
        return true;
      case CFA.offsetExtendedSf:
        state.setColumn(register, COLUMN_RULES.atCfa, cursor.sleb() * dataAlign);
        return true;
      case CFA.gnuNegativeOffsetExtended:
        state.setColumn(register, COLUMN_RULES.atCfa, -(cursor.uleb() * dataAlign));
        return true;
      case CFA.valOffset:
        state.setColumn(register, COLUMN_RULES.valueOfCfa, cursor.uleb() * dataAlign);
        return true;
      case CFA.valOffsetSf:
        state.setColumn(register, COLUMN_RULES.valueOfCfa, cursor.sleb() * dataAlign);
        return true;
      case CFA.restoreExtended:
        state.restoreColumn(register, this.initial);
        return true;
      case CFA.undefined:
        state.setColumn(register, COLUMN_RULES.undefined, 0);
        return true;
      case CFA.sameValue:
        state.setColumn(register, COLUMN_RULES.sameValue, 0);
        return true;
      case CFA.register:
        cursor.uleb();
        state.setColumn(register, COLUMN_RULES.other, 0);
        return true;
      case CFA.expression:
        state.setColumnAddress(register, evaluateExpression(cursor, cursor.uleb(), CFA_VALUE));
        return true;
      case CFA.valExpression:
        this.setColumnValue(register);
        return true;
      default:
        return false;
    }
  }

  private setColumnValue(register: number): void {
    const value = evaluateExpression(this.cursor, this.cursor.uleb(), CFA_VALUE);
    const isCfa = value.kind === VALUE_KINDS.cfa;
    const rule = isCfa ? COLUMN_RULES.valueOfCfa : COLUMN_RULES.other;
    this.state.setColumn(register, rule, isCfa ? value.offset : 0);
  }

  private setLocation(): boolean {
    const bases = { section: this.section.vaddr, data: null };
    const target = readPointer(this.cursor, this.cie.pointerEncoding, bases);
    if (this.rows === null || target < this.at || target >= this.end) return false;
    this.emitRow();
    this.at = target;
    return true;
  }

  private remember(): boolean {
    if (this.depth === MAX_REMEMBERED) return false;
    this.remembered.set(this.state.words, this.depth * STATE_WORDS);
    this.depth++;
    return true;
  }

  private restore(): boolean {
    if (this.depth === 0) return false;
    this.depth--;
    const at = this.depth * STATE_WORDS;
    this.state.copy(this.remembered.subarray(at, at + STATE_WORDS));
    return true;
  }
}

function isAdvance(opcode: number): boolean {
  return (opcode >= CFA.advanceLoc1 && opcode <= CFA.advanceLoc4) || opcode === CFA.mipsAdvanceLoc8;
}

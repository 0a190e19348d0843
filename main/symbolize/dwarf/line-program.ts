import type { ByteCursor } from './byte-cursor.ts';
import { type LineHeader, readOldFile } from './line-header.ts';
import { LineRows, type LineSequence } from './line-rows.ts';

/** DW_LNS and DW_LNE: opcodes (DWARF 5, 7.22). */
const LNS_EXTENDED = 0;
const LNS_COPY = 1;
const LNS_ADVANCE_PC = 2;
const LNS_ADVANCE_LINE = 3;
const LNS_SET_FILE = 4;
const LNS_CONST_ADD_PC = 8;
const LNS_FIXED_ADVANCE_PC = 9;
const LNE_END_SEQUENCE = 1;
const LNE_SET_ADDRESS = 2;
const LNE_DEFINE_FILE = 3;
/** Rows of one table; a unit of a million lines of source has about as many. */
const MAX_ROWS = 1 << 22;
const MAX_LINE = 0xfffffffe;

/** Runs a line program to its end, or to where it is damaged; sequences in its order. */
export function runLineProgram(header: LineHeader): LineSequence[] {
  const machine = new LineMachine(header);
  machine.run();
  return machine.sequences;
}

/** The state machine of DWARF 5, 6.2.2, with the registers that say where code comes from. */
class LineMachine {
  readonly sequences: LineSequence[] = [];
  private readonly header: LineHeader;
  private readonly cursor: ByteCursor;
  private rows = new LineRows();
  private address = 0;
  private operation = 0;
  private file = 1;
  private line = 1;
  private emitted = 0;

  constructor(header: LineHeader) {
    this.header = header;
    this.cursor = header.program;
  }

  run(): void {
    const { cursor } = this;
    const { opcodeBase, lineBase, lineRange } = this.header;
    while (cursor.at < cursor.end && this.emitted < MAX_ROWS) {
      const opcode = cursor.u8();
      if (opcode >= opcodeBase) {
        const adjusted = opcode - opcodeBase;
        this.advance(Math.floor(adjusted / lineRange));
        this.line += lineBase + (adjusted % lineRange);
        this.emit();
      } else if (opcode === LNS_EXTENDED) this.extended();
      else this.standard(opcode);
    }
  }

  private standard(opcode: number): void {
    const { cursor, header } = this;
    switch (opcode) {
      case LNS_COPY:
        this.emit();
        break;
      case LNS_ADVANCE_PC:
        this.advance(cursor.uleb());
        break;
      case LNS_ADVANCE_LINE:
        this.line += cursor.sleb();
        break;
      case LNS_SET_FILE:
        this.file = cursor.uleb();
        break;
      case LNS_CONST_ADD_PC:
        this.advance(Math.floor((255 - header.opcodeBase) / header.lineRange));
        break;
      case LNS_FIXED_ADVANCE_PC:
        this.address += cursor.u16();
        this.operation = 0;
        break;
      default:
        // Columns, statement marks and what later versions add: their operands are ULEB128.
        for (let left = header.operands[opcode - 1] ?? 0; left > 0; left--) cursor.uleb();
    }
  }

  private extended(): void {
    const { cursor, header } = this;
    const length = cursor.uleb();
    const next = cursor.at + length;
    if (length === 0 || next > cursor.end) {
      cursor.skip(length === 0 ? 0 : -1);
      return;
    }
    const opcode = cursor.u8();
    if (opcode === LNE_END_SEQUENCE) this.endSequence();
    else if (opcode === LNE_SET_ADDRESS) {
      this.address = cursor.word(length - 1);
      this.operation = 0;
    } else if (opcode === LNE_DEFINE_FILE && header.version < 5)
      readOldFile(cursor, header.files, header.bodyAt);
    if (!cursor.hasFailed()) cursor.at = next;
  }

  private advance(operations: number): void {
    const { minimumInstruction, maximumOperations } = this.header;
    if (maximumOperations === 1) {
      this.address += minimumInstruction * operations;
      return;
    }
    const sum = this.operation + operations;
    this.address += minimumInstruction * Math.floor(sum / maximumOperations);
    this.operation = sum % maximumOperations;
  }

  private emit(): void {
    this.emitted++;
    const isLine = this.line >= 0 && this.line <= MAX_LINE;
    this.rows.add(this.address, this.file >>> 0, isLine ? this.line : 0);
  }

  private endSequence(): void {
    const sequence = this.rows.finish(this.address);
    if (sequence !== null) this.sequences.push(sequence);
    this.rows = new LineRows();
    this.address = 0;
    this.operation = 0;
    this.file = 1;
    this.line = 1;
  }
}

import { err, ok, type Result } from '#shared/result.ts';
import { type ElfFile, EM_X86_64, ET_DYN, ET_EXEC } from '../elf/elf-file.ts';
import { lastAtOrBelow } from './ascending.ts';
import { CfaProgram } from './cfa-program.ts';
import { DwarfCursor } from './dwarf-cursor.ts';
import type { FrameSection } from './frame-entries.ts';
import { debugFrameSection, ehFrameSections } from './frame-sections.ts';
import { FunctionList, noUnwindCounts, type UnwindCounts } from './function-list.ts';
import { NONE_INDEX } from './known-rules.ts';
import { RuleSet } from './rule-set.ts';
import { TableRows } from './table-rows.ts';
import type { UnwindTable } from './unwind-table.ts';

/** Why an image has no table; facts, never thrown. */
export type UnwindProblem =
  /** e_machine; 32-bit files of x86-64 included. */
  | { readonly kind: 'unsupported-machine'; readonly machine: number }
  /** e_type: neither a program nor a shared object. */
  | { readonly kind: 'unsupported-type'; readonly type: number }
  /** Neither .eh_frame nor .debug_frame describes a function in it. */
  | { readonly kind: 'no-unwind-information'; readonly counts: UnwindCounts };

/** A table and what went into it. */
export interface UnwindBuild {
  readonly table: UnwindTable;
  readonly counts: UnwindCounts;
}

/** Reads the unwind table of an image. Takes time and memory in proportion to the file, whatever is in it. */
export function buildUnwindTable(elf: ElfFile): Result<UnwindTable, UnwindProblem> {
  const built = buildUnwindTableCounted(elf);
  return built.ok ? ok(built.value.table) : built;
}

/** buildUnwindTable, with what was left out. */
export function buildUnwindTableCounted(elf: ElfFile): Result<UnwindBuild, UnwindProblem> {
  if (elf.machine !== EM_X86_64 || !elf.is64) {
    return err({ kind: 'unsupported-machine', machine: elf.machine });
  }
  if (elf.type !== ET_EXEC && elf.type !== ET_DYN) {
    return err({ kind: 'unsupported-type', type: elf.type });
  }
  const counts = noUnwindCounts();
  const functions = readFunctions(elf, counts);
  if (functions.count === 0) return err({ kind: 'no-unwind-information', counts });
  return ok({ table: tableOf(functions, counts), counts });
}

/** .eh_frame's functions, and .debug_frame's where that says nothing. */
function readFunctions(elf: ElfFile, counts: UnwindCounts): FunctionList {
  const functions = new FunctionList(elf.segments, counts);
  for (const section of ehFrameSections(elf)) functions.read(section, () => true);
  const fallback = debugFrameSection(elf);
  if (fallback === null) return functions;
  const order = functions.sorted();
  const starts = Float64Array.from(order, (index) => functions.starts[index]!);
  const ends = Float64Array.from(order, (index) => functions.ends[index]!);
  functions.read(fallback, (start) => {
    const last = lastAtOrBelow(starts, start);
    return last < 0 || start >= ends[last]!;
  });
  return functions;
}

/**
 * Compilers align functions to 16 bytes at most: what lies between two of them, if it is less, is padding
 * that never runs. Rows for it would be a fifth of all.
 */
const MAX_PADDING_BYTES = 15;
/** Multiple that a table's base is of, bytes: the kernel side searches in pages of this size. */
const BASE_ALIGNMENT = 65_536;

function tableOf(functions: FunctionList, counts: UnwindCounts): UnwindTable {
  const rules = new RuleSet();
  const base = Math.floor(functions.lowest() / BASE_ALIGNMENT) * BASE_ALIGNMENT;
  const rows = new TableRows(base, functions.count * 4);
  const programs = new Programs(functions, rules);
  const order = functions.sorted();
  const range = { start: 0, end: 0, programStart: 0, programEnd: 0 };
  for (let position = 0; position < order.length; position++) {
    const index = order[position]!;
    const start = functions.starts[index]!;
    if (position > 0 && start === range.start) {
      counts.overlapping++;
      continue;
    }
    const next = nextStart(functions, order, position);
    range.start = start;
    // As libgcc's search of .eh_frame_hdr: the function that starts last, at or below the address.
    if (next < functions.ends[index]!) counts.overlapping++;
    range.end = Math.min(next, functions.ends[index]!);
    range.programStart = functions.programStarts[index]!;
    range.programEnd = functions.programEnds[index]!;
    programs.emit(functions.cieIndexes[index]!, range, rows);
    if (next - range.end > MAX_PADDING_BYTES) rows.push(range.end, NONE_INDEX);
  }
  counts.unfollowed = programs.failures();
  counts.ruleOverflows = rules.overflowed;
  return rows.finish(rules.rules());
}

/** Start of the first function behind the one at `position` that starts elsewhere; Infinity: none. */
function nextStart(functions: FunctionList, order: Uint32Array, position: number): number {
  const start = functions.starts[order[position]!]!;
  for (let later = position + 1; later < order.length; later++) {
    const next = functions.starts[order[later]!]!;
    if (next > start) return next;
  }
  return Infinity;
}

/** One interpreter per section, and the state each CIE starts its functions with. */
class Programs {
  private readonly functions: FunctionList;
  private readonly rules: RuleSet;
  private readonly bySection = new Map<FrameSection, CfaProgram>();
  private readonly initial: (Int32Array | null | undefined)[] = [];

  constructor(functions: FunctionList, rules: RuleSet) {
    this.functions = functions;
    this.rules = rules;
  }

  emit(
    cieIndex: number,
    range: { start: number; end: number; programStart: number; programEnd: number },
    rows: TableRows,
  ): void {
    const { cie, section } = this.functions.cies[cieIndex]!;
    let program = this.bySection.get(section);
    if (program === undefined) {
      program = new CfaProgram(new DwarfCursor(section.bytes), section, this.rules);
      this.bySection.set(section, program);
    }
    let initial = this.initial[cieIndex];
    if (initial === undefined) {
      initial = program.initialState(cie);
      this.initial[cieIndex] = initial;
    }
    program.emit(cie, initial, range, rows);
  }

  failures(): number {
    let sum = 0;
    for (const program of this.bySection.values()) sum += program.failures;
    return sum;
  }
}

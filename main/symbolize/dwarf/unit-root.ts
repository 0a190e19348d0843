import { type AbbreviationTable, SLOT } from './abbreviations.ts';
import { ByteCursor } from './byte-cursor.ts';
import { DW_TAG } from './constants.ts';
import { DieReader } from './die-reader.ts';
import type { SectionData } from './section-data.ts';
import type { UnitHeader } from './unit-header.ts';

/** An attribute as it is written; form 0: absent. */
export interface RawValue {
  readonly form: number;
  readonly value: number;
}

/** What the first entry of a unit says. */
export interface UnitRoot {
  /** False: a unit of types, or one that is only imported by others. */
  readonly hasCode: boolean;
  /** It stands in a file of its own; its skeleton is in the program's. */
  readonly isSplit: boolean;
  /** DW_LANG; 0: not said. */
  readonly language: number;
  readonly lowPc: RawValue;
  readonly highPc: RawValue;
  readonly ranges: RawValue;
  readonly name: RawValue;
  readonly compDir: RawValue;
  /** File of the split unit. */
  readonly dwoName: RawValue;
  /** As DWARF 4 tells which split unit it is; the header says it since 5. */
  readonly dwoId: RawValue;
  /** Of the line table in .debug_line; -1: none. */
  readonly lines: number;
  /** Where the unit's part of .debug_str_offsets, .debug_addr and .debug_rnglists begins. */
  readonly strOffsetsBase: number;
  readonly addrBase: number;
  readonly rangesBase: number;
}

const FIRST_TRY_BYTES = 1 << 10;
const RETRY_BYTES = 1 << 17;

/** Reads the first entry of a unit; `tableFor` gives at least the abbreviation of that code. */
export function readRoot(
  info: SectionData,
  unit: UnitHeader,
  tableFor: (code: number) => AbbreviationTable,
): UnitRoot {
  for (const limit of [FIRST_TRY_BYTES, RETRY_BYTES]) {
    const room = Math.min(limit, unit.end - unit.firstEntry);
    const cursor = new ByteCursor(info.upTo(unit.firstEntry, room));
    const reader = new DieReader(cursor, unit, unit.firstEntry);
    const code = cursor.uleb();
    const abbreviation = code === 0 ? undefined : tableFor(code).get(code);
    if (abbreviation === undefined) break;
    reader.read(abbreviation);
    if (!cursor.hasFailed()) return rootOf(reader, unit, abbreviation.tag);
  }
  return rootOf(new DieReader(new ByteCursor(Buffer.alloc(0)), unit, 0), unit, 0);
}

function rootOf(reader: DieReader, unit: UnitHeader, tag: number): UnitRoot {
  const raw = (slot: number): RawValue => ({
    form: reader.form[slot]!,
    value: reader.value[slot]!,
  });
  const number = (slot: number, otherwise: number): number =>
    reader.form[slot] === 0 ? otherwise : reader.value[slot]!;
  // A split unit does not say them: its only tables start behind their headers (DWARF 5, 7.26-7.28).
  const tableHeader = unit.is64 ? 16 : 8;
  const isModern = unit.version >= 5;
  return {
    hasCode: tag === DW_TAG.compileUnit || tag === DW_TAG.skeletonUnit,
    isSplit: false,
    language: number(SLOT.language, 0),
    lowPc: raw(SLOT.lowPc),
    highPc: raw(SLOT.highPc),
    ranges: raw(SLOT.ranges),
    name: raw(SLOT.name),
    compDir: raw(SLOT.compDir),
    dwoName: raw(SLOT.dwoName),
    dwoId: raw(SLOT.dwoId),
    lines: number(SLOT.stmtList, -1),
    strOffsetsBase: number(SLOT.strOffsetsBase, isModern ? tableHeader : 0),
    addrBase: number(SLOT.addrBase, isModern ? tableHeader : 0),
    rangesBase: number(SLOT.rangesBase, isModern ? tableHeader + 4 : 0),
  };
}

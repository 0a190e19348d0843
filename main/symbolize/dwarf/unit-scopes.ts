import { type FlatRanges, findRange, flattenRanges, sortedOrder } from '../ranges.ts';
import { type AbbreviationTable, SLOT } from './abbreviations.ts';
import { ByteCursor } from './byte-cursor.ts';
import { DW_FORM, DW_TAG } from './constants.ts';
import { DieReader } from './die-reader.ts';
import type { DwarfFile, Unit } from './dwarf-file.ts';
import { readRanges } from './range-lists.ts';

/** Nesting deeper than any compiler's: the rest of the unit is not read. */
const MAX_DEPTH = 4096;
/** Functions and inlined calls of a unit, and ranges of their code; link-time optimized ones reach 10^5. */
const MAX_ROWS = 1 << 21;
/** Languages whose types hold no code, only declarations: C and C++ (DW_LANG, DWARF 5, 7.12). */
const C_FAMILY: ReadonlySet<number> = new Set([
  0x01, 0x02, 0x04, 0x0c, 0x19, 0x1a, 0x1d, 0x21, 0x2a, 0x2b, 0x2c, 0x3a, 0x3e,
]);
const NO_CODE_TAGS: ReadonlySet<number> = new Set([
  DW_TAG.arrayType,
  DW_TAG.enumerationType,
  DW_TAG.subroutineType,
]);
const TYPE_TAGS: ReadonlySet<number> = new Set([
  DW_TAG.classType,
  DW_TAG.structureType,
  DW_TAG.unionType,
  DW_TAG.interfaceType,
]);

/** Functions of a unit and the calls inlined into them, by virtual address. Rows are in the order of the file. */
export class UnitScopes {
  /** Per row: the row it was inlined into; -1: it is a function. */
  private readonly parents: Int32Array;
  /** Per row: offset of the entry with the name; in the alternative file: -1 - offset. */
  private readonly origins: Float64Array;
  /** Per row: index in the unit's file table and line of the call. */
  private readonly files: Uint32Array;
  private readonly lines: Uint32Array;
  private readonly ranges: FlatRanges;

  constructor(columns: ScopeColumns) {
    this.parents = new Int32Array(columns.parents);
    this.origins = new Float64Array(columns.origins);
    this.files = new Uint32Array(columns.files);
    this.lines = new Uint32Array(columns.lines);
    const start = new Float64Array(columns.starts);
    const end = new Float64Array(columns.ends);
    // What is inlined comes after its caller in the file, and covers it.
    const priority = Float64Array.from(columns.starts, (_, item) => item);
    const ranges = flattenRanges({ order: sortedOrder(start), start, end, priority });
    const item = ranges.item.map((range) => columns.owners[range]!);
    this.ranges = { ...ranges, item };
  }

  /** Memory kept, bytes. */
  get bytes(): number {
    return this.parents.length * 20 + this.ranges.length * 20;
  }

  /** The innermost row at an address; -1: none. */
  find(address: number): number {
    const range = findRange(this.ranges, address);
    return range < 0 ? -1 : this.ranges.item[range]!;
  }

  /** The row it was inlined into; -1: it is a function. */
  parentOf(row: number): number {
    return this.parents[row]!;
  }

  /** Offset of the entry with the name; in the alternative file: -1 - offset. */
  originOf(row: number): number {
    return this.origins[row]!;
  }

  /** File of the call, an index into the unit's file table. */
  callFileOf(row: number): number {
    return this.files[row]!;
  }

  /** Line of the call; 0: not told. */
  callLineOf(row: number): number {
    return this.lines[row]!;
  }
}

/** Rows of UnitScopes, and the ranges that belong to them. */
export interface ScopeColumns {
  readonly parents: number[];
  readonly origins: number[];
  readonly files: number[];
  readonly lines: number[];
  readonly starts: number[];
  readonly ends: number[];
  /** Per range its row. */
  readonly owners: number[];
}

/** Reads the entries of a unit; null: it is not there. `isCode` says whether a range can be code of this image. */
export function readScopes(
  file: DwarfFile,
  unit: Unit,
  isCode: (start: number, end: number) => boolean,
): UnitScopes | null {
  const bytes = file.sections.info?.bytes(unit.firstEntry, unit.end - unit.firstEntry) ?? null;
  if (bytes === null) return null;
  const walk = new ScopeWalk(file, unit, bytes);
  walk.run(isCode);
  return new UnitScopes(walk.columns);
}

class ScopeWalk {
  readonly columns: ScopeColumns = {
    parents: [],
    origins: [],
    files: [],
    lines: [],
    starts: [],
    ends: [],
    owners: [],
  };
  private readonly file: DwarfFile;
  private readonly unit: Unit;
  private readonly reader: DieReader;
  private readonly table: AbbreviationTable;
  private readonly hasTypesWithoutCode: boolean;

  constructor(file: DwarfFile, unit: Unit, bytes: Buffer) {
    this.file = file;
    this.unit = unit;
    this.reader = new DieReader(new ByteCursor(bytes), unit, unit.firstEntry);
    this.table = file.abbreviationsOf(unit);
    this.hasTypesWithoutCode = C_FAMILY.has(unit.root.language);
  }

  run(isCode: (start: number, end: number) => boolean): void {
    const { reader, table } = this;
    const { cursor } = reader;
    /** Per open entry the row that owns code in it. */
    const open: number[] = [];
    let owner = -1;
    while (cursor.at < cursor.end && open.length < MAX_DEPTH && !this.isFull()) {
      const code = cursor.uleb();
      if (code === 0) {
        owner = open.pop() ?? -1;
        if (open.length === 0) return;
        continue;
      }
      const abbreviation = table.get(code);
      if (abbreviation === undefined) return;
      const { tag, hasChildren } = abbreviation;
      if (hasChildren) open.push(owner);
      if (tag === DW_TAG.subprogram || tag === DW_TAG.inlinedSubroutine) {
        reader.read(abbreviation);
        const row = this.addRow(tag === DW_TAG.subprogram ? -1 : owner, isCode);
        if (hasChildren) owner = row < 0 && tag === DW_TAG.inlinedSubroutine ? owner : row;
      } else if (hasChildren && this.isWithoutCode(tag)) {
        reader.read(abbreviation);
        if (this.skipChildren()) open.pop();
      } else reader.skip(abbreviation);
      if (cursor.hasFailed()) return;
    }
  }

  private isFull(): boolean {
    const { parents, owners } = this.columns;
    return parents.length >= MAX_ROWS || owners.length >= MAX_ROWS;
  }

  private isWithoutCode(tag: number): boolean {
    return NO_CODE_TAGS.has(tag) || (this.hasTypesWithoutCode && TYPE_TAGS.has(tag));
  }

  /** Goes on with the entry's sibling, if it says where that is. */
  private skipChildren(): boolean {
    const { cursor, form, value } = this.reader;
    if (form[SLOT.sibling] === 0) return false;
    const to = value[SLOT.sibling]! - this.unit.firstEntry;
    if (!(to > cursor.at && to <= cursor.end)) return false;
    cursor.at = to;
    return true;
  }

  /** The row of the entry just read; -1: it has no code of its own. */
  private addRow(parent: number, isCode: (start: number, end: number) => boolean): number {
    const { columns, reader } = this;
    const { form, value } = reader;
    const raw = (slot: number): { form: number; value: number } => ({
      form: form[slot]!,
      value: value[slot]!,
    });
    const isPlaced = form[SLOT.ranges] !== 0 || form[SLOT.lowPc] !== 0;
    if (!isPlaced && parent < 0) return -1;
    const place = {
      lowPc: raw(SLOT.lowPc),
      highPc: raw(SLOT.highPc),
      ranges: raw(SLOT.ranges),
    };
    const row = columns.parents.length;
    const before = columns.owners.length;
    readRanges(this.file, this.unit, place, (start, end) => {
      if (!isCode(start, end)) return;
      columns.starts.push(start);
      columns.ends.push(end);
      columns.owners.push(row);
    });
    // A call in several places has empty ones before DWARF 3, and what was inlined further is still inside it.
    if (parent < 0 && columns.owners.length === before) return -1;
    columns.parents.push(parent);
    columns.origins.push(this.originAt(reader));
    columns.files.push(form[SLOT.callFile] === 0 ? 0 : value[SLOT.callFile]!);
    columns.lines.push(form[SLOT.callLine] === 0 ? 0 : value[SLOT.callLine]!);
    return row;
  }

  /** -0.5: it has none, and so no name. */
  private originAt({ form, value }: DieReader): number {
    const at = form[SLOT.origin]!;
    if (at === 0) return -0.5;
    const isAlt = at === DW_FORM.gnuRefAlt || at === DW_FORM.refSup4 || at === DW_FORM.refSup8;
    return isAlt ? -1 - value[SLOT.origin]! : value[SLOT.origin]!;
  }
}

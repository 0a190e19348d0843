import type { ByteCursor } from './byte-cursor.ts';
import { DW_AT, DW_FORM } from './constants.ts';

/** Places in DieReader's columns for the attributes that are read; 0 is for all others. */
export const SLOT = {
  sibling: 1,
  name: 2,
  stmtList: 3,
  lowPc: 4,
  highPc: 5,
  language: 6,
  compDir: 7,
  origin: 8,
  specification: 9,
  ranges: 10,
  callFile: 11,
  callLine: 12,
  linkageName: 13,
  strOffsetsBase: 14,
  addrBase: 15,
  rangesBase: 16,
  dwoName: 17,
  dwoId: 18,
} as const;
/** Number of places. */
export const SLOTS = 19;

const SLOT_OF: ReadonlyMap<number, number> = new Map<number, number>([
  [DW_AT.sibling, SLOT.sibling],
  [DW_AT.name, SLOT.name],
  [DW_AT.stmtList, SLOT.stmtList],
  [DW_AT.lowPc, SLOT.lowPc],
  [DW_AT.highPc, SLOT.highPc],
  [DW_AT.language, SLOT.language],
  [DW_AT.compDir, SLOT.compDir],
  [DW_AT.abstractOrigin, SLOT.origin],
  [DW_AT.specification, SLOT.specification],
  [DW_AT.ranges, SLOT.ranges],
  [DW_AT.callFile, SLOT.callFile],
  [DW_AT.callLine, SLOT.callLine],
  [DW_AT.linkageName, SLOT.linkageName],
  [DW_AT.mipsLinkageName, SLOT.linkageName],
  [DW_AT.strOffsetsBase, SLOT.strOffsetsBase],
  [DW_AT.addrBase, SLOT.addrBase],
  [DW_AT.gnuAddrBase, SLOT.addrBase],
  [DW_AT.rnglistsBase, SLOT.rangesBase],
  [DW_AT.gnuRangesBase, SLOT.rangesBase],
  [DW_AT.dwoName, SLOT.dwoName],
  [DW_AT.gnuDwoName, SLOT.dwoName],
  [DW_AT.gnuDwoId, SLOT.dwoId],
]);

/** How one kind of entry is written (DWARF 5, 7.5.3). */
export interface Abbreviation {
  readonly code: number;
  readonly tag: number;
  readonly hasChildren: boolean;
  /** Three numbers per attribute: place in the columns (SLOT), form, value of an implicit constant. */
  readonly specs: readonly number[];
  /** Width if every attribute has one: bytes, and how many addresses and section offsets; bytes -1: it has none. */
  readonly fixedBytes: number;
  readonly addresses: number;
  readonly offsets: number;
}

/** Abbreviations of a unit by their code. */
export class AbbreviationTable {
  /** Compilers number them from 1 without gaps. */
  private readonly inOrder: Abbreviation[] = [];
  private readonly others = new Map<number, Abbreviation>();

  /** Memory kept, bytes. */
  keptBytes = 100;

  get(code: number): Abbreviation | undefined {
    return this.inOrder[code - 1] ?? this.others.get(code);
  }

  /** The first of a code counts. */
  add(abbreviation: Abbreviation): void {
    const { code, specs } = abbreviation;
    this.keptBytes += 120 + 4 * specs.length;
    if (code === this.inOrder.length + 1) this.inOrder.push(abbreviation);
    else if (!this.others.has(code)) this.others.set(code, abbreviation);
  }
}

/** Reads one abbreviation; null: the table ends here, or is damaged (the cursor says which). */
export function readAbbreviation(cursor: ByteCursor): Abbreviation | null {
  const code = cursor.uleb();
  if (code === 0) return null;
  const tag = cursor.uleb();
  const hasChildren = cursor.u8() !== 0;
  const specs: number[] = [];
  for (;;) {
    const attribute = cursor.uleb();
    const form = cursor.uleb();
    const constant = form === DW_FORM.implicitConst ? cursor.sleb() : 0;
    if (cursor.hasFailed()) return null;
    if (attribute === 0 && form === 0) break;
    specs.push(SLOT_OF.get(attribute) ?? 0, form, constant);
  }
  return { code, tag, hasChildren, specs, ...fixedWidth(specs) };
}

type Width = Pick<Abbreviation, 'fixedBytes' | 'addresses' | 'offsets'>;
const VARIABLE: Width = { fixedBytes: -1, addresses: 0, offsets: 0 };

/** Forms whose width does not depend on the value or the unit, bytes. */
const WIDTH: ReadonlyMap<number, number> = new Map<number, number>([
  [DW_FORM.data1, 1],
  [DW_FORM.data2, 2],
  [DW_FORM.data4, 4],
  [DW_FORM.data8, 8],
  [DW_FORM.data16, 16],
  [DW_FORM.flag, 1],
  [DW_FORM.flagPresent, 0],
  [DW_FORM.implicitConst, 0],
  [DW_FORM.ref1, 1],
  [DW_FORM.ref2, 2],
  [DW_FORM.ref4, 4],
  [DW_FORM.ref8, 8],
  [DW_FORM.refSig8, 8],
  [DW_FORM.refSup4, 4],
  [DW_FORM.refSup8, 8],
  [DW_FORM.strx1, 1],
  [DW_FORM.strx2, 2],
  [DW_FORM.strx3, 3],
  [DW_FORM.strx4, 4],
  [DW_FORM.addrx1, 1],
  [DW_FORM.addrx2, 2],
  [DW_FORM.addrx3, 3],
  [DW_FORM.addrx4, 4],
]);
const OFFSETS: ReadonlySet<number> = new Set<number>([
  DW_FORM.strp,
  DW_FORM.lineStrp,
  DW_FORM.secOffset,
  DW_FORM.strpSup,
  DW_FORM.gnuStrpAlt,
  DW_FORM.gnuRefAlt,
]);

function fixedWidth(specs: readonly number[]): Width {
  let fixedBytes = 0;
  let addresses = 0;
  let offsets = 0;
  for (let at = 1; at < specs.length; at += 3) {
    const form = specs[at]!;
    const width = WIDTH.get(form);
    if (width !== undefined) fixedBytes += width;
    else if (form === DW_FORM.addr) addresses++;
    else if (OFFSETS.has(form)) offsets++;
    else return VARIABLE;
  }
  return { fixedBytes, addresses, offsets };
}

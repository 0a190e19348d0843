import { ByteCursor } from './byte-cursor.ts';
import { DW_UT } from './constants.ts';
import type { SectionData } from './section-data.ts';

/** The longest header of a unit: 64-bit DWARF 5, type unit. */
const MAX_HEADER_BYTES = 48;

/** Where a unit is and how its entries are written (DWARF 5, 7.5.1). Offsets in .debug_info, bytes. */
export interface UnitHeader {
  readonly offset: number;
  readonly end: number;
  /** Section offsets have 8 bytes. */
  readonly is64: boolean;
  readonly version: number;
  readonly addressBytes: number;
  /** DW_UT; 1 in versions that do not say. */
  readonly type: number;
  readonly abbreviations: number;
  /** Of the first entry. */
  readonly firstEntry: number;
  /** Which split unit belongs to it, "high:low" of its id; empty: the header does not say. */
  readonly dwoId: string;
}

/**
 * The header at `offset`. A number instead: no header we can read; what follows starts there, and at the
 * section's end nothing does.
 */
export function readUnitHeader(info: SectionData, offset: number): UnitHeader | number {
  const cursor = new ByteCursor(info.upTo(offset, MAX_HEADER_BYTES));
  const first = cursor.u32();
  const is64 = first === 0xffffffff;
  const length = is64 ? cursor.u64() : first;
  const end = offset + cursor.at + length;
  // 0xfffffff0 to 0xfffffffe are reserved (7.2.2).
  if (cursor.hasFailed() || (!is64 && first >= 0xfffffff0) || !(end <= info.size)) return info.size;
  const version = cursor.u16();
  const rest = version >= 5 ? modernRest(cursor, is64) : oldRest(cursor, is64);
  const isKnown = version >= 2 && version <= 5;
  const hasWidth = rest.addressBytes === 4 || rest.addressBytes === 8;
  const firstEntry = offset + cursor.at;
  if (cursor.hasFailed() || !isKnown || !hasWidth || firstEntry > end) return end;
  return { offset, end, is64, version, firstEntry, ...rest };
}

type Rest = Pick<UnitHeader, 'type' | 'addressBytes' | 'abbreviations' | 'dwoId'>;

function oldRest(cursor: ByteCursor, is64: boolean): Rest {
  const abbreviations = cursor.offset(is64);
  return { type: DW_UT.compile, addressBytes: cursor.u8(), abbreviations, dwoId: '' };
}

function modernRest(cursor: ByteCursor, is64: boolean): Rest {
  const type = cursor.u8();
  const addressBytes = cursor.u8();
  const abbreviations = cursor.offset(is64);
  let dwoId = '';
  if (type === DW_UT.skeleton || type === DW_UT.splitCompile) dwoId = idText(cursor);
  if (type === DW_UT.type || type === DW_UT.splitType) {
    cursor.skip(8);
    cursor.offset(is64);
  }
  return { type, addressBytes, abbreviations, dwoId };
}

function idText(cursor: ByteCursor): string {
  const low = cursor.u32();
  return `${cursor.u32()}:${low}`;
}

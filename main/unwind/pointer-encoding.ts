import type { DwarfCursor } from './dwarf-cursor.ts';

/** DW_EH_PE_*: how .eh_frame writes a pointer (LSB Core 5.0, "DWARF Exception Header Encoding"). */
export const POINTER_ENCODINGS = {
  absolute: 0x00,
  pcRelative: 0x10,
  dataRelative: 0x30,
  indirect: 0x80,
  omit: 0xff,
} as const;

/** Low four bits of an encoding: the number's format. */
const FORMAT_MASK = 0x0f;
/** The three bits above: what it is relative to. */
const RELATION_MASK = 0x70;

/** A number in the format of `encoding`, relative to nothing yet. Fails the cursor if it is none. */
export function readEncodedNumber(cursor: DwarfCursor, encoding: number): number {
  switch (encoding & FORMAT_MASK) {
    case 0x00:
    case 0x04:
      return cursor.u64();
    case 0x01:
      return cursor.uleb();
    case 0x02:
      return cursor.u16();
    case 0x03:
      return cursor.u32();
    case 0x09:
      return cursor.sleb();
    case 0x0a:
      return (cursor.u16() << 16) >> 16;
    case 0x0b:
      return cursor.i32();
    case 0x0c:
      return cursor.i64();
    default:
      cursor.skip(-1);
      return 0;
  }
}

/** Addresses, bytes, that encoded pointers count from. */
export interface PointerBases {
  /** ELF virtual address of byte 0 of what the cursor reads. */
  readonly section: number;
  /** What data-relative pointers count from; null: not known, and such a pointer fails. */
  readonly data: number | null;
}

/**
 * The address a pointer stands for. One that is indirect, or relative to something unknown, fails the
 * cursor: no compiler writes the address of code so.
 */
export function readPointer(cursor: DwarfCursor, encoding: number, bases: PointerBases): number {
  const at = cursor.at;
  const value = readEncodedNumber(cursor, encoding);
  switch (encoding & (RELATION_MASK | POINTER_ENCODINGS.indirect)) {
    case POINTER_ENCODINGS.absolute:
      return value;
    case POINTER_ENCODINGS.pcRelative:
      return bases.section + at + value;
    case POINTER_ENCODINGS.dataRelative:
      if (bases.data !== null) return bases.data + value;
      break;
    default:
  }
  cursor.skip(-1);
  return 0;
}

/** Steps over a pointer whose value does not matter: a personality routine's. */
export function skipPointer(cursor: DwarfCursor, encoding: number): void {
  if (encoding === POINTER_ENCODINGS.omit) return;
  if ((encoding & RELATION_MASK) === 0x50) cursor.skip(((8 - (cursor.at % 8)) % 8) + 8);
  else readEncodedNumber(cursor, encoding);
}

import { type Abbreviation, SLOTS } from './abbreviations.ts';
import type { ByteCursor } from './byte-cursor.ts';
import { DW_FORM } from './constants.ts';
import type { UnitHeader } from './unit-header.ts';

/**
 * Reads the attributes of one debugging entry after another into the same columns. What a value means
 * depends on its form: an address, an index, an offset of a section. References within the unit are made
 * offsets of .debug_info, and so is the place of an inline string.
 */
export class DieReader {
  readonly cursor: ByteCursor;
  /** By SLOT: the form of the value; 0: the entry does not have the attribute. */
  readonly form = new Uint32Array(SLOTS);
  /** By SLOT. */
  readonly value = new Float64Array(SLOTS);
  private readonly unit: UnitHeader;
  private readonly base: number;
  private readonly addressBytes: number;
  private readonly offsetBytes: number;
  /** Form of the value read last: not the one announced if that was DW_FORM_indirect. */
  private actualForm = 0;

  /** `base`: offset in .debug_info of the cursor's first byte. */
  constructor(cursor: ByteCursor, unit: UnitHeader, base: number) {
    this.cursor = cursor;
    this.unit = unit;
    this.base = base;
    this.addressBytes = unit.addressBytes;
    this.offsetBytes = unit.is64 ? 8 : 4;
  }

  /** Takes the attributes of the entry whose code was read. */
  read({ specs }: Abbreviation): void {
    this.form.fill(0);
    for (let at = 0; at < specs.length; at += 3) {
      const value = this.readValue(specs[at + 1]!, specs[at + 2]!);
      const slot = specs[at]!;
      if (slot === 0) continue;
      this.form[slot] = this.actualForm;
      this.value[slot] = value;
    }
    if (this.cursor.hasFailed()) this.form.fill(0);
  }

  /** Steps over the attributes. */
  skip({ specs, fixedBytes, addresses, offsets }: Abbreviation): void {
    if (fixedBytes >= 0) {
      this.cursor.skip(fixedBytes + addresses * this.addressBytes + offsets * this.offsetBytes);
      return;
    }
    for (let at = 0; at < specs.length; at += 3) this.readValue(specs[at + 1]!, 0);
  }

  private readValue(form: number, constant: number): number {
    this.actualForm = form;
    const { cursor } = this;
    switch (form) {
      case DW_FORM.data1:
      case DW_FORM.flag:
      case DW_FORM.strx1:
      case DW_FORM.addrx1:
        return cursor.u8();
      case DW_FORM.data2:
      case DW_FORM.strx2:
      case DW_FORM.addrx2:
        return cursor.u16();
      case DW_FORM.strx3:
      case DW_FORM.addrx3:
        return cursor.u24();
      case DW_FORM.data4:
      case DW_FORM.strx4:
      case DW_FORM.addrx4:
      case DW_FORM.refSup4:
        return cursor.u32();
      case DW_FORM.data8:
      case DW_FORM.refSup8:
        return cursor.u64();
      case DW_FORM.addr:
        return cursor.word(this.addressBytes);
      case DW_FORM.strp:
      case DW_FORM.lineStrp:
      case DW_FORM.secOffset:
      case DW_FORM.strpSup:
      case DW_FORM.gnuStrpAlt:
      case DW_FORM.gnuRefAlt:
        return cursor.offset(this.unit.is64);
      case DW_FORM.udata:
      case DW_FORM.strx:
      case DW_FORM.addrx:
      case DW_FORM.rnglistx:
      case DW_FORM.loclistx:
      case DW_FORM.gnuAddrIndex:
      case DW_FORM.gnuStrIndex:
        return cursor.uleb();
      case DW_FORM.sdata:
        return cursor.sleb();
      case DW_FORM.flagPresent:
        return 1;
      case DW_FORM.implicitConst:
        return constant;
      default:
        return this.readRareValue(form);
    }
  }

  private readRareValue(form: number): number {
    const { cursor, unit } = this;
    switch (form) {
      case DW_FORM.ref1:
        return unit.offset + cursor.u8();
      case DW_FORM.ref2:
        return unit.offset + cursor.u16();
      case DW_FORM.ref4:
        return unit.offset + cursor.u32();
      case DW_FORM.ref8:
        return unit.offset + cursor.u64();
      case DW_FORM.refUdata:
        return unit.offset + cursor.uleb();
      case DW_FORM.refAddr:
        // An address in DWARF 2, an offset since.
        return unit.version === 2 ? cursor.word(this.addressBytes) : cursor.offset(unit.is64);
      case DW_FORM.string: {
        const at = this.base + cursor.at;
        cursor.skipString();
        return at;
      }
      case DW_FORM.indirect: {
        const actual = cursor.uleb();
        if (actual === DW_FORM.indirect || actual === DW_FORM.implicitConst) cursor.skip(-1);
        return cursor.hasFailed() ? 0 : this.readValue(actual, 0);
      }
      default:
        return this.skipBytes(form);
    }
  }

  /** Values that are never asked for; an unknown form makes the rest of the unit unreadable. */
  private skipBytes(form: number): number {
    const { cursor } = this;
    if (form === DW_FORM.exprloc || form === DW_FORM.block) cursor.skip(cursor.uleb());
    else if (form === DW_FORM.block1) cursor.skip(cursor.u8());
    else if (form === DW_FORM.block2) cursor.skip(cursor.u16());
    else if (form === DW_FORM.block4) cursor.skip(cursor.u32());
    else if (form === DW_FORM.data16) cursor.skip(16);
    else cursor.skip(form === DW_FORM.refSig8 ? 8 : -1);
    return 0;
  }
}

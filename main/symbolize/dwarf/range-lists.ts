import { ByteCursor } from './byte-cursor.ts';
import { DW_FORM } from './constants.ts';
import type { DwarfFile, Unit } from './dwarf-file.ts';
import type { SectionData } from './section-data.ts';
import type { RawValue } from './unit-root.ts';

/** DW_RLE: kinds of entries of .debug_rnglists (DWARF 5, 7.25). */
const RLE_END = 0;
const RLE_BASE_ADDRESSX = 1;
const RLE_STARTX_ENDX = 2;
const RLE_STARTX_LENGTH = 3;
const RLE_OFFSET_PAIR = 4;
const RLE_BASE_ADDRESS = 5;
const RLE_START_END = 6;
const RLE_START_LENGTH = 7;

const FIRST_TRY_BYTES = 1 << 9;
const MAX_LIST_BYTES = 1 << 25;
/** Numbers in one list: a million ranges. */
const MAX_FOUND = 1 << 21;

/** Takes one half-open range of virtual addresses. */
export type RangeSink = (start: number, end: number) => void;
/** The attributes that say where an entry's code is. */
export interface PlaceValues {
  readonly lowPc: RawValue;
  readonly highPc: RawValue;
  readonly ranges: RawValue;
}

/** The code of an entry (DWARF 5, 2.17): its ranges, else low and high. Damaged lists end early. */
export function readRanges(file: DwarfFile, unit: Unit, place: PlaceValues, sink: RangeSink): void {
  if (place.ranges.form !== 0) {
    readList(file, unit, place.ranges, sink);
    return;
  }
  const { lowPc, highPc } = place;
  if (lowPc.form === 0 || highPc.form === 0) return;
  const start = file.address(lowPc.form, lowPc.value, unit);
  if (start === null) return;
  // An address, or since DWARF 4 the length (2.17.2).
  const end = file.address(highPc.form, highPc.value, unit) ?? start + highPc.value;
  if (end > start) sink(start, end);
}

function readList(file: DwarfFile, unit: Unit, { form, value }: RawValue, sink: RangeSink): void {
  const isModern = unit.version >= 5;
  const section = isModern ? file.sections.rnglists : file.sections.ranges;
  const at = section === undefined ? null : listOffset(section, unit, { form, value });
  if (section === undefined || at === null || file.rangeBudget.isUsedUp) return;
  for (let limit = FIRST_TRY_BYTES; limit <= MAX_LIST_BYTES; limit *= 16) {
    const bytes = section.upTo(at, limit);
    const cursor = new ByteCursor(bytes);
    const list = new ListReader(file, unit, cursor);
    if (isModern) list.readModern();
    else list.readOld();
    if (!file.rangeBudget.spend(cursor.at)) return;
    if (cursor.hasFailed() && bytes.length === limit) continue;
    const { found } = list;
    for (let k = 0; k < found.length; k += 2) sink(found[k]!, found[k + 1]!);
    return;
  }
}

/** null: it stands outside the section. */
function listOffset(section: SectionData, unit: Unit, { form, value }: RawValue): number | null {
  const { rangesBase } = unit.root;
  if (form === DW_FORM.rnglistx) {
    const width = unit.is64 ? 8 : 4;
    const offset = section.word(rangesBase + value * width, width);
    return offset === null ? null : rangesBase + offset;
  }
  // Split DWARF 4 counts from the base that its skeleton names; the skeleton itself does not.
  return unit.version < 5 && unit.root.isSplit ? rangesBase + value : value;
}

class ListReader {
  /** Start and end of each range in turn. */
  readonly found: number[] = [];
  private readonly file: DwarfFile;
  private readonly unit: Unit;
  private readonly cursor: ByteCursor;
  private base: number;

  constructor(file: DwarfFile, unit: Unit, cursor: ByteCursor) {
    this.file = file;
    this.unit = unit;
    this.cursor = cursor;
    const { form, value } = unit.root.lowPc;
    this.base = form === 0 ? 0 : (file.address(form, value, unit) ?? 0);
  }

  /** Pairs of addresses up to (0, 0); the largest address announces a new base (DWARF 4, 2.17.3). */
  readOld(): void {
    const { cursor } = this;
    const width = this.unit.addressBytes;
    const largest = width === 4 ? 0xffffffff : 0xffffffff * 2 ** 32 + 0xffffffff;
    for (;;) {
      const start = cursor.word(width);
      const end = cursor.word(width);
      if (cursor.hasFailed() || (start === 0 && end === 0)) return;
      if (start === largest) this.base = end;
      else this.add(this.base + start, this.base + end);
    }
  }

  readModern(): void {
    const { cursor } = this;
    for (;;) {
      const kind = cursor.u8();
      if (kind === RLE_END || cursor.hasFailed()) return;
      if (!this.readEntry(kind)) {
        cursor.skip(-1);
        return;
      }
    }
  }

  /** False: a kind we do not know. */
  private readEntry(kind: number): boolean {
    const { cursor } = this;
    const width = this.unit.addressBytes;
    if (kind === RLE_BASE_ADDRESSX) this.base = this.indexed();
    else if (kind === RLE_BASE_ADDRESS) this.base = cursor.word(width);
    else if (kind === RLE_STARTX_ENDX) this.add(this.indexed(), this.indexed());
    else if (kind === RLE_START_END) this.add(cursor.word(width), cursor.word(width));
    else if (kind === RLE_OFFSET_PAIR) {
      this.add(this.base + cursor.uleb(), this.base + cursor.uleb());
    } else if (kind === RLE_STARTX_LENGTH || kind === RLE_START_LENGTH) {
      const start = kind === RLE_STARTX_LENGTH ? this.indexed() : cursor.word(width);
      this.add(start, start + cursor.uleb());
    } else return false;
    return true;
  }

  private indexed(): number {
    return this.file.indexedAddress(this.cursor.uleb(), this.unit) ?? Number.NaN;
  }

  private add(start: number, end: number): void {
    if (!(end > start) || this.cursor.hasFailed()) return;
    if (this.found.length < MAX_FOUND) this.found.push(start, end);
  }
}

import type { ElfFile, ElfSection } from '../../elf/elf-file.ts';
import { AbbreviationTable, readAbbreviation } from './abbreviations.ts';
import { ByteCursor } from './byte-cursor.ts';
import { DW_FORM } from './constants.ts';
import { SectionData } from './section-data.ts';
import { readUnitHeader, type UnitHeader } from './unit-header.ts';
import { readRoot, type UnitRoot } from './unit-root.ts';
import { WorkBudget } from './work-budget.ts';

/** A hostile file can have a unit every 12 bytes. */
const MAX_UNITS = 1 << 17;
/** Memory of one, about. */
const UNIT_BYTES = 900;
const FIRST_TRY_BYTES = 1 << 12;
/** All compressed sections of a file, unpacked, bytes. */
const MAX_UNPACKED_BYTES = 512 << 20;
const MAX_TABLE_BYTES = 1 << 21;

/** A unit and what its first entry says. */
export interface Unit extends UnitHeader {
  readonly root: UnitRoot;
}

const NAMES = [
  'info',
  'abbrev',
  'line',
  'str',
  'line_str',
  'str_offsets',
  'addr',
  'ranges',
  'rnglists',
  'aranges',
] as const;
/** Debug sections by the middle of their name: "info" is .debug_info. */
export type SectionName = (typeof NAMES)[number];
/** Sections of one file. */
export type Sections = Readonly<Partial<Record<SectionName, SectionData>>>;

/** The debug information of one ELF file: its sections, units, abbreviations, strings and addresses. */
export class DwarfFile {
  readonly sections: Sections;
  /** Ascending by offset. */
  readonly units: readonly Unit[];
  /** Work that range lists may cost. */
  readonly rangeBudget: WorkBudget;
  /** Work that line programs may cost. */
  readonly lineBudget: WorkBudget;
  private readonly abbreviationBudget: WorkBudget;
  private readonly tables = new Map<number, AbbreviationTable>();
  private readonly findAlt: () => DwarfFile | null;
  private tableBytes = 0;
  private altFile: DwarfFile | null | undefined;

  /** `findAlt` opens what .gnu_debugaltlink names, when the first reference to it is met. */
  constructor(
    sections: Sections,
    findAlt: () => DwarfFile | null = () => null,
    units: readonly Unit[] | null = null,
  ) {
    this.sections = sections;
    this.findAlt = findAlt;
    const { ranges, rnglists, line, abbrev } = sections;
    this.rangeBudget = new WorkBudget((ranges?.size ?? 0) + (rnglists?.size ?? 0));
    this.lineBudget = new WorkBudget(line?.size ?? 0);
    this.abbreviationBudget = new WorkBudget(abbrev?.size ?? 0);
    this.units = units ?? this.readUnits();
  }

  /** The same file, its units with what was learned of them. */
  withUnits(units: readonly Unit[]): DwarfFile {
    return new DwarfFile(this.sections, this.findAlt, units);
  }

  /** The file that dwz moved common entries and strings to; null: none, or it is not here. */
  get alt(): DwarfFile | null {
    if (this.altFile === undefined) this.altFile = this.findAlt();
    return this.altFile;
  }

  /** Memory kept, bytes, without what its units became. */
  get keptBytes(): number {
    let bytes = this.units.length * UNIT_BYTES + this.tableBytes;
    for (const section of Object.values(this.sections)) bytes += section.keptBytes;
    return bytes;
  }

  /** The part of it that release() lets go, bytes. */
  get releasableBytes(): number {
    return this.tableBytes;
  }

  /** Lets go of what can be read again. */
  release(): void {
    this.tables.clear();
    this.tableBytes = 0;
    for (const budget of [this.rangeBudget, this.lineBudget, this.abbreviationBudget])
      budget.reset();
  }

  /** The unit that holds an offset of .debug_info. */
  unitAt(offset: number): Unit | undefined {
    const { units } = this;
    let low = 0;
    let high = units.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (units[middle]!.offset <= offset) low = middle + 1;
      else high = middle - 1;
    }
    const unit = units[high];
    return unit !== undefined && offset < unit.end ? unit : undefined;
  }

  /** All abbreviations of a unit; what is damaged is missing. */
  abbreviationsOf(unit: UnitHeader): AbbreviationTable {
    const known = this.tables.get(unit.abbreviations);
    if (known !== undefined) return known;
    const table = this.readTable(unit.abbreviations, -1);
    this.tables.set(unit.abbreviations, table);
    this.tableBytes += table.keptBytes;
    return table;
  }

  /** The text of a string attribute; empty: none, or not here. `inline`: section of DW_FORM_string. */
  text(form: number, value: number, from: { unit: Unit; inline?: SectionName }): string {
    const { sections } = this;
    switch (form) {
      case DW_FORM.string:
        return sections[from.inline ?? 'info']?.text(value) ?? '';
      case DW_FORM.strp:
        return sections.str?.text(value) ?? '';
      case DW_FORM.lineStrp:
        return sections.line_str?.text(value) ?? '';
      case DW_FORM.gnuStrpAlt:
      case DW_FORM.strpSup:
        return this.alt?.sections.str?.text(value) ?? '';
      case DW_FORM.strx:
      case DW_FORM.strx1:
      case DW_FORM.strx2:
      case DW_FORM.strx3:
      case DW_FORM.strx4:
      case DW_FORM.gnuStrIndex:
        return this.indexedText(value, from.unit);
      default:
        return '';
    }
  }

  /** The address of an attribute; null: it has another form, or the address is not here. */
  address(form: number, value: number, unit: Unit): number | null {
    switch (form) {
      case DW_FORM.addr:
        return value;
      case DW_FORM.addrx:
      case DW_FORM.addrx1:
      case DW_FORM.addrx2:
      case DW_FORM.addrx3:
      case DW_FORM.addrx4:
      case DW_FORM.gnuAddrIndex:
        return this.indexedAddress(value, unit);
      default:
        return null;
    }
  }

  /** Entry `index` of the unit's part of .debug_addr. */
  indexedAddress(index: number, unit: Unit): number | null {
    const at = unit.root.addrBase + index * unit.addressBytes;
    return this.sections.addr?.word(at, unit.addressBytes) ?? null;
  }

  private indexedText(index: number, unit: Unit): string {
    const width = unit.is64 ? 8 : 4;
    const at = this.sections.str_offsets?.word(unit.root.strOffsetsBase + index * width, width);
    return at === undefined || at === null ? '' : (this.sections.str?.text(at) ?? '');
  }

  private readUnits(): Unit[] {
    const units: Unit[] = [];
    const { info } = this.sections;
    if (info === undefined) return units;
    for (let at = 0; at < info.size && units.length < MAX_UNITS; ) {
      const header = readUnitHeader(info, at);
      if (typeof header === 'number') {
        at = header;
        continue;
      }
      const abbreviations = (code: number): AbbreviationTable =>
        this.readTable(header.abbreviations, code);
      units.push({ ...header, root: readRoot(info, header, abbreviations) });
      at = header.end;
    }
    return units;
  }

  /** Reads the table, up to the code `last` if that is not -1. */
  private readTable(offset: number, last: number): AbbreviationTable {
    const { abbrev } = this.sections;
    for (let limit = FIRST_TRY_BYTES; limit <= MAX_TABLE_BYTES; limit *= 8) {
      if (this.abbreviationBudget.isUsedUp) break;
      const bytes = abbrev?.upTo(offset, limit);
      if (bytes === undefined) break;
      const cursor = new ByteCursor(bytes);
      const table = new AbbreviationTable();
      for (let next = readAbbreviation(cursor); next !== null; next = readAbbreviation(cursor)) {
        table.add(next);
        if (next.code === last) break;
      }
      if (!this.abbreviationBudget.spend(cursor.at)) break;
      if (!cursor.hasFailed() || bytes.length < limit) return table;
    }
    return new AbbreviationTable();
  }
}

/** Compressed debug sections of a file and what they unpack to, bytes. */
export const packedDebugSections = (
  elf: ElfFile,
): readonly { readonly section: ElfSection; readonly bytes: number }[] =>
  NAMES.flatMap((name) => elf.sectionNamed(`.debug_${name}`) ?? [])
    .map((section) => ({ section, bytes: elf.unpackedSize(section) }))
    .filter(({ bytes }) => bytes > 0);

/**
 * The debug sections of a file; `suffix` is ".dwo" for the split ones, `ahead` has sections unpacked already,
 * by name. null: it has no .debug_info.
 */
export function debugSections(
  elf: ElfFile,
  suffix: '' | '.dwo',
  ahead?: ReadonlyMap<string, Buffer>,
): Sections | null {
  const sections: Partial<Record<SectionName, SectionData>> = {};
  const room = { bytes: MAX_UNPACKED_BYTES };
  for (const name of NAMES) {
    const section =
      elf.sectionNamed(`.debug_${name}${suffix}`) ?? elf.sectionNamed(`.zdebug_${name}${suffix}`);
    if (section !== undefined && section.bytes > 0)
      sections[name] = new SectionData(elf, section, room, ahead?.get(section.name));
  }
  return sections.info === undefined ? null : sections;
}

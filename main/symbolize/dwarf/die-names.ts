import { SLOT } from './abbreviations.ts';
import { ByteCursor } from './byte-cursor.ts';
import { DW_FORM, DW_TAG } from './constants.ts';
import { DieReader } from './die-reader.ts';
import type { DwarfFile, Unit } from './dwarf-file.ts';
import { UnitContainers } from './unit-containers.ts';

/** From an inlined call to its abstract function to its declaration: two steps; more may be a ring. */
const MAX_STEPS = 8;
/** Namespaces, types and functions around one function. */
const MAX_CONTAINERS = 32;
const FIRST_TRY_BYTES = 1 << 10;
const RETRY_BYTES = 1 << 17;
const DW_LANG_D = 0x13;
/** Languages in which a function's name is all there is: C, assembly, Go (its names are whole), OpenCL. */
const FLAT: ReadonlySet<number> = new Set([0x01, 0x02, 0x0c, 0x15, 0x16, 0x1d, 0x2c, 0x3e, 0x8001]);

/** An entry, and what was read of it. */
interface Entry {
  readonly file: DwarfFile;
  readonly unit: Unit;
  readonly reader: DieReader;
  readonly tag: number;
}

/** Names of functions by where their entries are: the linker's name, else the name with what it stands in. */
export class DieNames {
  private readonly file: DwarfFile;
  /** By offset; negative: -1 - offset in the alternative file. */
  private readonly names = new Map<number, string>();
  private readonly containers = new Map<Unit, UnitContainers>();
  private bytes = 0;

  constructor(file: DwarfFile) {
    this.file = file;
  }

  /** Memory kept, bytes. */
  get keptBytes(): number {
    return this.bytes;
  }

  /** Lets all go. */
  clear(): void {
    this.names.clear();
    this.containers.clear();
    this.bytes = 0;
  }

  /** The raw name of the entry at an offset; negative: -1 - offset in the alternative file. Empty: none. */
  nameAt(place: number): string {
    const known = this.names.get(place);
    if (known !== undefined) return known;
    const name = Number.isInteger(place) ? this.resolve(place) : '';
    this.names.set(place, name);
    this.bytes += 80 + 2 * name.length;
    return name;
  }

  private resolve(place: number): string {
    let file: DwarfFile | null = place < 0 ? this.file.alt : this.file;
    let offset = place < 0 ? -1 - place : place;
    let plain = '';
    let last: Entry | null = null;
    for (let step = 0; step < MAX_STEPS && file !== null; step++) {
      const entry = readEntry(file, offset);
      if (entry === null) break;
      const linkage = textOf(entry, SLOT.linkageName);
      if (linkage !== '') return linkage;
      if (plain === '') plain = textOf(entry, SLOT.name);
      last = entry;
      const { form, value } = entry.reader;
      const slot = form[SLOT.specification] === 0 ? SLOT.origin : SLOT.specification;
      if (form[slot] === 0) break;
      if (isAltReference(form[slot]!)) file = file.alt;
      offset = value[slot]!;
    }
    return plain === '' || last === null ? plain : this.qualified(plain, last);
  }

  /** With the namespaces and types that the last entry, the declaration, stands in. */
  private qualified(name: string, { file, unit, reader, tag }: Entry): string {
    const { language } = unit.root;
    if (FLAT.has(language) || tag !== DW_TAG.subprogram) return name;
    let containers = this.containers.get(unit);
    if (containers === undefined) {
      containers = UnitContainers.read(file, unit);
      this.containers.set(unit, containers);
      this.bytes += containers.bytes;
    }
    const parts = [name];
    let offset = reader.value[0]!;
    while (parts.length < MAX_CONTAINERS) {
      offset = containers.around(offset);
      if (offset < 0) break;
      const entry = readEntry(file, offset);
      if (entry === null) break;
      parts.push(this.containerName(entry, parts.at(-1)!));
    }
    return parts.reverse().join(language === DW_LANG_D ? '.' : '::');
  }

  private containerName(entry: Entry, inner: string): string {
    const name = plainName(entry);
    if (name !== '') return name;
    if (entry.tag === DW_TAG.namespace) return '(anonymous namespace)';
    return inner.startsWith('operator()') ? '{lambda}' : '(anonymous class)';
  }
}

/** Its own name, or the one of what it defines or is an instance of, in the same file. */
function plainName({ file, ...first }: Entry): string {
  let { unit, reader } = first;
  for (let step = 0; step < MAX_STEPS; step++) {
    const name = file.text(reader.form[SLOT.name]!, reader.value[SLOT.name]!, { unit });
    if (name !== '') return name;
    const slot = reader.form[SLOT.specification] === 0 ? SLOT.origin : SLOT.specification;
    const form = reader.form[slot]!;
    const next = form === 0 || isAltReference(form) ? null : readEntry(file, reader.value[slot]!);
    if (next === null) break;
    ({ unit, reader } = next);
  }
  return '';
}

function textOf({ file, unit, reader }: Entry, slot: number): string {
  return file.text(reader.form[slot]!, reader.value[slot]!, { unit });
}

const isAltReference = (form: number): boolean =>
  form === DW_FORM.gnuRefAlt || form === DW_FORM.refSup4 || form === DW_FORM.refSup8;

/** null: nothing readable is there. The offset itself is left in the reader's column 0. */
function readEntry(file: DwarfFile, offset: number): Entry | null {
  const { info } = file.sections;
  const unit = file.unitAt(offset);
  if (info === undefined || unit === undefined || offset < unit.firstEntry) return null;
  const table = file.abbreviationsOf(unit);
  for (const limit of [FIRST_TRY_BYTES, RETRY_BYTES]) {
    const cursor = new ByteCursor(info.upTo(offset, Math.min(limit, unit.end - offset)));
    const reader = new DieReader(cursor, unit, offset);
    const abbreviation = table.get(cursor.uleb());
    if (abbreviation === undefined) return null;
    reader.read(abbreviation);
    reader.value[0] = offset;
    if (!cursor.hasFailed()) return { file, unit, reader, tag: abbreviation.tag };
  }
  return null;
}

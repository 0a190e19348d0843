import { MAX_INLINE_DEPTH } from '#shared/model/symbols.ts';
import { type ElfFile, PF_X, PT_LOAD } from '../../elf/elf-file.ts';
import { DieNames } from './die-names.ts';
import { DwarfFile, debugSections, type Unit } from './dwarf-file.ts';
import { LineTable } from './line-table.ts';
import type { RelatedFiles } from './related-files.ts';
import { openSplitUnit } from './split-unit.ts';
import { UnitIndex } from './unit-index.ts';
import { readScopes, type UnitScopes } from './unit-scopes.ts';

/** A place in a source file as the debug information has it. */
export interface DebugLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** A call whose code was copied into its caller. */
export interface DebugCall {
  /** As the linker would name it, else with its namespaces; empty: it has no name. */
  readonly rawName: string;
  readonly source: DebugLine | null;
}

/** Where a virtual address comes from. */
export interface DebugPlace {
  /** In the function that owns the code: the line, or the call of the first of `inlined`. */
  readonly source: DebugLine | null;
  /** Outermost first. */
  readonly inlined: readonly DebugCall[];
}

/** Whether DebugInfo.open() is worth trying. */
export function hasDebugInfo(elf: ElfFile): boolean {
  return debugSections(elf, '') !== null;
}

/** Parsed units are let go when they take more, bytes. */
const DEFAULT_KEEP_BYTES = 96 << 20;
/** How often that may happen: only a program of gigabytes, or a hostile file, needs it more often. */
const MAX_CLEARS = 64;

/** A unit that was read because one of its addresses was asked for. */
interface ParsedUnit {
  readonly lines: LineTable | null;
  readonly scopes: UnitScopes | null;
  readonly names: DieNames;
}

/**
 * Source lines and inlined calls of an ELF file by virtual address, from DWARF 2 to 5. Units are read when
 * one of their addresses is asked for. Damage costs answers, never a throw.
 */
export class DebugInfo {
  private readonly file: DwarfFile;
  private readonly related: RelatedFiles | null;
  private readonly isCode: (start: number, end: number) => boolean;
  private readonly keepBytes: number;
  private readonly names: DieNames;
  private readonly units = new Map<number, ParsedUnit>();
  private splitFiles: DwarfFile[] = [];
  private splitNames: DieNames[] = [];
  private index: UnitIndex | null = null;
  private unitBytes = 0;
  private clears = 0;

  private constructor(
    elf: ElfFile,
    file: DwarfFile,
    { related, keepBytes }: { related: RelatedFiles | null; keepBytes: number },
  ) {
    this.file = file;
    this.related = related;
    this.keepBytes = keepBytes;
    this.isCode = codeTest(elf);
    this.names = new DieNames(file);
  }

  /** null: the file has no debug information. Its source must outlive the DebugInfo. */
  static open(
    elf: ElfFile,
    options: {
      readonly related?: RelatedFiles;
      readonly keepBytes?: number;
      /** Sections unpacked already, by name. */
      readonly ahead?: ReadonlyMap<string, Buffer>;
    } = {},
  ): DebugInfo | null {
    const sections = debugSections(elf, '', options.ahead);
    if (sections === null) return null;
    const { related = null, keepBytes = DEFAULT_KEEP_BYTES } = options;
    const file = new DwarfFile(sections, () => altOf(related));
    return new DebugInfo(elf, file, { related, keepBytes });
  }

  /** Memory kept, bytes. */
  get keptBytes(): number {
    const { file, index, releasableBytes } = this;
    return file.keptBytes - file.releasableBytes + (index?.bytes ?? 0) + releasableBytes;
  }

  /** Where the instruction at a virtual address comes from; null: nothing is told. */
  locate(vaddr: number): DebugPlace | null {
    this.index ??= UnitIndex.build(this.file, this.isCode);
    const at = this.index.find(vaddr);
    const unit = at < 0 ? null : this.parsed(at);
    if (unit === null) return null;
    const { lines, scopes, names } = unit;
    const row = lines?.find(vaddr) ?? -1;
    let source =
      row < 0 || lines === null ? null : lineAt(lines, lines.fileOf(row), lines.lineOf(row));
    let scope = scopes?.find(vaddr) ?? -1;
    if (source === null && scope < 0) return null;
    const inlined: DebugCall[] = [];
    while (scopes !== null && scope >= 0 && inlined.length < MAX_INLINE_DEPTH) {
      const parent = scopes.parentOf(scope);
      if (parent < 0) break;
      inlined.push({ rawName: names.nameAt(scopes.originOf(scope)), source });
      source =
        lines === null ? null : lineAt(lines, scopes.callFileOf(scope), scopes.callLineOf(scope));
      scope = parent;
    }
    return { source, inlined: inlined.reverse() };
  }

  private get releasableBytes(): number {
    let bytes = this.unitBytes + this.file.releasableBytes + this.names.keptBytes;
    for (const names of this.splitNames) bytes += names.keptBytes;
    for (const file of this.splitFiles) bytes += file.keptBytes;
    return bytes;
  }

  private parsed(at: number): ParsedUnit | null {
    const known = this.units.get(at);
    if (known !== undefined) return known;
    if (this.releasableBytes > this.keepBytes && this.units.size > 0 && !this.clear()) return null;
    const unit = this.parse(this.file.units[at]!);
    this.units.set(at, unit);
    this.unitBytes += 200 + (unit.lines?.bytes ?? 0) + (unit.scopes?.bytes ?? 0);
    return unit;
  }

  private parse(unit: Unit): ParsedUnit {
    const lines = LineTable.read(this.file, unit, this.isCode);
    const split = this.related === null ? null : openSplitUnit(this.file, unit, this.related);
    if (split === null) {
      return { lines, scopes: readScopes(this.file, unit, this.isCode), names: this.names };
    }
    const names = new DieNames(split.file);
    this.splitFiles.push(split.file);
    this.splitNames.push(names);
    return { lines, scopes: readScopes(split.file, split.unit, this.isCode), names };
  }

  /** Lets parsed units go; false: it happened too often. */
  private clear(): boolean {
    if (++this.clears > MAX_CLEARS) return false;
    this.units.clear();
    this.unitBytes = 0;
    this.splitFiles = [];
    this.splitNames = [];
    this.names.clear();
    this.file.release();
    return true;
  }
}

function lineAt(lines: LineTable, file: number, line: number): DebugLine | null {
  if (line === 0) return null;
  const path = lines.files.pathOf(file);
  return path === '' ? null : { file: path, line };
}

function altOf(related: RelatedFiles | null): DwarfFile | null {
  const elf = related?.alt() ?? null;
  const sections = elf === null ? null : debugSections(elf, '');
  return sections === null ? null : new DwarfFile(sections);
}

/**
 * Whether a range can be code of the image. Functions that the linker threw away keep their entries,
 * at address 0 (GNU ld), 1 or the largest addresses (lld).
 */
function codeTest(elf: ElfFile): (start: number, end: number) => boolean {
  const loaded = elf.segments.filter(({ type }) => type === PT_LOAD);
  const code = loaded.filter(({ flags }) => (flags & PF_X) !== 0);
  const lowest = code.reduce((least, { vaddr }) => Math.min(least, vaddr), Infinity);
  const first = loaded.length === 0 ? 0 : Math.max(2, lowest === Infinity ? 0 : lowest);
  return (start, end) => start >= first && end > start && end <= Number.MAX_SAFE_INTEGER;
}

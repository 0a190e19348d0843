import { ByteCursor } from './byte-cursor.ts';
import { DW_FORM } from './constants.ts';
import type { DwarfFile, Unit } from './dwarf-file.ts';
import { LineFiles, MAX_FILES } from './line-files.ts';

/** DW_LNCT: what is told of a file (DWARF 5, 7.22). */
const LNCT_PATH = 1;
const LNCT_DIRECTORY = 2;

const MAX_PROGRAM_BYTES = 64 << 20;
const MAX_FORMATS = 64;

/** How to run a line program (DWARF 5, 6.2.4), and the program. */
export interface LineHeader {
  readonly version: number;
  readonly minimumInstruction: number;
  readonly maximumOperations: number;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  /** Operands of standard opcodes; [0] is of opcode 1. */
  readonly operands: Uint8Array;
  readonly files: LineFiles;
  /** Offset in .debug_line of the program's bytes. */
  readonly bodyAt: number;
  /** Stands at the first opcode, ends behind the last. */
  readonly program: ByteCursor;
}

/** The line table at an offset of .debug_line; null: none there that we can read. */
export function readLineHeader(file: DwarfFile, unit: Unit, offset: number): LineHeader | null {
  const section = file.sections.line;
  if (section === undefined) return null;
  const start = new ByteCursor(section.upTo(offset, 12));
  const first = start.u32();
  const is64 = first === 0xffffffff;
  const length = is64 ? start.u64() : first;
  if (start.hasFailed() || length > MAX_PROGRAM_BYTES) return null;
  const bodyAt = offset + start.at;
  if (!file.lineBudget.spend(length)) return null;
  const bytes = section.bytes(bodyAt, length);
  if (bytes === null) return null;
  const cursor = new ByteCursor(bytes);
  const version = cursor.u16();
  if (version < 2 || version > 5) return null;
  const addressBytes = version >= 5 ? cursor.u8() : unit.addressBytes;
  if (version >= 5) cursor.skip(1);
  const headerLength = cursor.offset(is64);
  const programAt = cursor.at + headerLength;
  const minimumInstruction = cursor.u8();
  const maximumOperations = version >= 4 ? cursor.u8() : 1;
  cursor.skip(1);
  const base = cursor.u8();
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  const operands = Uint8Array.from({ length: Math.max(0, opcodeBase - 1) }, () => cursor.u8());
  const files = new LineFiles({ file, unit, version });
  const tables = new FileTables(cursor, files, { is64, base: bodyAt });
  if (version >= 5) tables.readModern();
  else tables.readOld();
  if (lineRange === 0 || !(programAt <= bytes.length) || addressBytes > 8) return null;
  return {
    version,
    minimumInstruction,
    maximumOperations: Math.max(1, maximumOperations),
    lineBase: (base << 24) >> 24,
    lineRange,
    opcodeBase,
    operands,
    files,
    bodyAt,
    program: new ByteCursor(bytes, programAt),
  };
}

/** Reads the folders and files of a header; what is damaged is missing. */
class FileTables {
  private readonly cursor: ByteCursor;
  private readonly files: LineFiles;
  private readonly is64: boolean;
  /** Offset in .debug_line of the cursor's first byte. */
  private readonly base: number;

  constructor(
    cursor: ByteCursor,
    files: LineFiles,
    { is64, base }: { is64: boolean; base: number },
  ) {
    this.cursor = cursor;
    this.files = files;
    this.is64 = is64;
    this.base = base;
  }

  /** Strings up to an empty one, twice; a file has three numbers behind it (DWARF 4, 6.2.4). */
  readOld(): void {
    const { cursor, files, base } = this;
    while (isString(cursor)) {
      files.addFolder(DW_FORM.string, base + cursor.at);
      cursor.skipString();
    }
    cursor.skip(1);
    while (isString(cursor)) readOldFile(cursor, files, base);
  }

  readModern(): void {
    const { files } = this;
    this.readEntries((form, value) => files.addFolder(form, value));
    this.readEntries((form, value, folder) => files.addFile({ form, value, folder }));
  }

  /** Formats, then as many entries of them. */
  private readEntries(add: (form: number, value: number, folder: number) => void): void {
    const { cursor } = this;
    const formats: number[] = [];
    const kinds = cursor.u8();
    if (kinds > MAX_FORMATS) cursor.skip(-1);
    for (let k = 0; k < kinds; k++) formats.push(cursor.uleb(), cursor.uleb());
    const count = cursor.uleb();
    // Entries of no bytes could be counted without end.
    if (kinds === 0 || count > MAX_FILES || count > cursor.end - cursor.at) return;
    for (let k = 0; k < count && !cursor.hasFailed(); k++) {
      let pathForm = 0;
      let path = 0;
      let folder = 0;
      for (let at = 0; at < formats.length; at += 2) {
        const form = formats[at + 1]!;
        const value = this.readValue(form);
        if (formats[at] === LNCT_PATH) {
          pathForm = form;
          path = value;
        } else if (formats[at] === LNCT_DIRECTORY) folder = value;
      }
      if (!cursor.hasFailed()) add(pathForm, path, folder);
    }
  }

  /** The forms that 6.2.4.1 allows. */
  private readValue(form: number): number {
    const { cursor } = this;
    const at = this.base + cursor.at;
    if (form === DW_FORM.string) {
      cursor.skipString();
      return at;
    }
    if (form === DW_FORM.lineStrp || form === DW_FORM.strp || form === DW_FORM.strpSup)
      return cursor.offset(this.is64);
    if (form === DW_FORM.data1 || form === DW_FORM.strx1) return cursor.u8();
    if (form === DW_FORM.data2 || form === DW_FORM.strx2) return cursor.u16();
    if (form === DW_FORM.strx3) return cursor.u24();
    if (form === DW_FORM.data4 || form === DW_FORM.strx4) return cursor.u32();
    if (form === DW_FORM.data8) return cursor.u64();
    if (form === DW_FORM.udata || form === DW_FORM.strx) return cursor.uleb();
    if (form === DW_FORM.block) cursor.skip(cursor.uleb());
    else if (form === DW_FORM.data16) cursor.skip(16);
    else cursor.skip(-1);
    return 0;
  }
}

const isString = (cursor: ByteCursor): boolean =>
  !cursor.hasFailed() && cursor.at < cursor.end && cursor.bytes[cursor.at] !== 0;

/** A file as DWARF 2 to 4 write it: name, folder, time, length. `base`: offset of the cursor's bytes. */
export function readOldFile(cursor: ByteCursor, files: LineFiles, base: number): void {
  const value = base + cursor.at;
  cursor.skipString();
  const folder = cursor.uleb();
  cursor.uleb();
  cursor.uleb();
  if (!cursor.hasFailed()) files.addFile({ form: DW_FORM.string, value, folder });
}

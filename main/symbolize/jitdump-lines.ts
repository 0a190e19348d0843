/** Part of JitLines that belongs to one piece of code. */
export interface CodeLines {
  /** First row. */
  readonly from: number;
  /** Row behind the last. */
  readonly to: number;
  /** bytes; to be added to an offset in the code before it is looked up. */
  readonly shift: number;
}

/** Rows kept over all code of one process: 16 bytes each. */
const MAX_ROWS = 4 << 20;
/** Entry: address u64, line u32, discriminator u32, then the file's name ended by a zero. */
const ENTRY_BYTES = 16;
const MAX_PATH_BYTES = 4096;
/** A name of this byte alone stands for the file of the entry before. */
const SAME_FILE = 0xff;
const TWO_TO_32 = 2 ** 32;
/**
 * V8 counts addresses of lines as perf's inject command wants them: in an ELF file it makes, whose header
 * of this size stands before the code.
 */
const ELF_HEADER_BYTES = 0x40;
/** Names that V8 gives to code with lines. */
const V8_NAME = /^(?:JS|LazyCompile|Function|Eval|Script|InterpretedFunction):/;
/** No compiled function is larger; entries beyond are garbage (Node.js 20 writes such). */
const MAX_CODE_BYTES = 2 ** 30;
/** Not to be found in a path that a compiler writes. */
const isGarbage = (path: string): boolean => /[\x00-\x1f\ufffd]/.test(path) || path === '';

/** Source lines of generated code as jitdump tells them: by offset from the start of a piece of code. */
export class JitLines {
  private readonly files: string[] = [];
  private readonly fileRows = new Map<string, number>();
  private offset = new Float64Array(1024);
  private line = new Uint32Array(1024);
  private file = new Uint32Array(1024);
  private length = 0;

  /**
   * Reads `count` entries of a debug record of code at `address`; null: they make no sense, or the
   * budget is used up. One entry that makes none spoils the record: names have no length, so what
   * follows a broken one is read at a wrong place.
   */
  add(entries: Buffer, count: number, address: number): CodeLines | null {
    const most = Math.floor(entries.length / (ENTRY_BYTES + 1));
    if (count > most || this.length + count > MAX_ROWS) return null;
    const rows: { offset: number; line: number; file: number }[] = [];
    let at = 0;
    let file = -1;
    for (let entry = 0; entry < count; entry++) {
      if (at + ENTRY_BYTES >= entries.length) return null;
      const place = entries.readUInt32LE(at + 4) * TWO_TO_32 + entries.readUInt32LE(at);
      const line = entries.readUInt32LE(at + 8);
      at += ENTRY_BYTES;
      const end = entries.indexOf(0, at);
      if (end < 0 || end - at > MAX_PATH_BYTES) return null;
      const isSame = end - at === 1 && entries[at] === SAME_FILE;
      const path = isSame ? null : entries.toString('utf8', at, end);
      const offset = place - address;
      if (path === null ? file < 0 : isGarbage(path)) return null;
      if (!(offset >= 0 && offset < MAX_CODE_BYTES)) return null;
      if (path !== null) file = this.fileRow(path);
      at = end + 1;
      if (line >= 1) rows.push({ offset, line, file });
    }
    return this.keep(rows);
  }

  /** The lines as they belong to this piece of code; null: they reach beyond it. */
  fit(lines: CodeLines, code: { readonly name: string; readonly size: number }): CodeLines | null {
    if (lines.from === lines.to) return null;
    const first = this.offset[lines.from]!;
    const last = this.offset[lines.to - 1]!;
    // An entry may stand behind the last instruction.
    const isShifted = first >= ELF_HEADER_BYTES && (last > code.size || V8_NAME.test(code.name));
    const shift = isShifted ? ELF_HEADER_BYTES : 0;
    return last - shift > code.size ? null : { ...lines, shift };
  }

  /** The line at `offset` bytes from the start of the code; null: none is told. */
  find({ from, to, shift }: CodeLines, offset: number): { file: string; line: number } | null {
    const wanted = offset + shift;
    let low = from;
    let high = to - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (this.offset[middle]! <= wanted) low = middle + 1;
      else high = middle - 1;
    }
    if (high < from) return null;
    return { file: this.files[this.file[high]!]!, line: this.line[high]! };
  }

  clear(): void {
    this.files.length = 0;
    this.fileRows.clear();
    this.length = 0;
  }

  private keep(rows: { offset: number; line: number; file: number }[]): CodeLines {
    rows.sort((a, b) => a.offset - b.offset);
    const from = this.length;
    for (const { offset, line, file } of rows) {
      if (this.length === this.offset.length) this.grow();
      this.offset[this.length] = offset;
      this.line[this.length] = line;
      this.file[this.length++] = file;
    }
    return { from, to: this.length, shift: 0 };
  }

  private fileRow(path: string): number {
    const known = this.fileRows.get(path);
    if (known !== undefined) return known;
    const row = this.files.push(path) - 1;
    this.fileRows.set(path, row);
    return row;
  }

  private grow(): void {
    const { offset, line, file } = this;
    (this.offset = new Float64Array(offset.length * 2)).set(offset);
    (this.line = new Uint32Array(line.length * 2)).set(line);
    (this.file = new Uint32Array(file.length * 2)).set(file);
  }
}

import type { DwarfFile, Unit } from './dwarf-file.ts';
import type { LineFiles } from './line-files.ts';
import { readLineHeader } from './line-header.ts';
import { runLineProgram } from './line-program.ts';
import type { LineSequence } from './line-rows.ts';

/** Line of rows at which a sequence ends: no code is there. */
const END = 0xffffffff;

/** The line table of a unit by virtual address: rows hold up to the next one. */
export class LineTable {
  readonly files: LineFiles;
  private readonly addresses: Float64Array;
  private readonly fileColumn: Uint32Array;
  private readonly lineColumn: Uint32Array;

  private constructor(files: LineFiles, sequences: readonly LineSequence[]) {
    this.files = files;
    const kept = disjoint(sequences);
    const count = kept.reduce((sum, { addresses }) => sum + addresses.length + 1, 0);
    this.addresses = new Float64Array(count);
    this.fileColumn = new Uint32Array(count);
    this.lineColumn = new Uint32Array(count);
    let at = 0;
    for (const { addresses, files: fileIndexes, lines, end } of kept) {
      this.addresses.set(addresses, at);
      this.fileColumn.set(fileIndexes, at);
      this.lineColumn.set(lines, at);
      at += addresses.length;
      this.addresses[at] = end;
      this.lineColumn[at++] = END;
    }
  }

  /** The table at an offset of .debug_line; null: none. `isCode` as in readScopes(). */
  static read(
    file: DwarfFile,
    unit: Unit,
    isCode: (start: number, end: number) => boolean,
  ): LineTable | null {
    const { lines } = unit.root;
    const header = lines < 0 ? null : readLineHeader(file, unit, lines);
    if (header === null) return null;
    const sequences = runLineProgram(header).filter(({ start, end }) => isCode(start, end));
    return new LineTable(header.files, sequences);
  }

  /** Memory kept, bytes. */
  get bytes(): number {
    return this.addresses.length * 16 + this.files.bytes;
  }

  /** The row that holds at an address; -1: none. */
  find(address: number): number {
    const { addresses } = this;
    let low = 0;
    let high = addresses.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (addresses[middle]! <= address) low = middle + 1;
      else high = middle - 1;
    }
    return high < 0 || this.lineColumn[high] === END ? -1 : high;
  }

  /** Index in `files`. */
  fileOf(row: number): number {
    return this.fileColumn[row]!;
  }

  /** 0: the code is of no line. */
  lineOf(row: number): number {
    return this.lineColumn[row]!;
  }
}

/** By address; of sequences that overlap the first: the linker has folded functions, or the file lies. */
function disjoint(sequences: readonly LineSequence[]): LineSequence[] {
  const kept: LineSequence[] = [];
  let end = 0;
  for (const sequence of [...sequences].sort((a, b) => a.start - b.start)) {
    if (sequence.start < end) continue;
    kept.push(sequence);
    end = sequence.end;
  }
  return kept;
}

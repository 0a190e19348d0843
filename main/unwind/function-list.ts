import { type ElfSegment, PF_X, PT_LOAD } from '../elf/elf-file.ts';
import { DwarfCursor } from './dwarf-cursor.ts';
import {
  type Cie,
  type EntryHeader,
  type Fde,
  type FrameSection,
  readCie,
  readEntryHeader,
  readFde,
} from './frame-entries.ts';

/** What was left out of a table, or had to be decided; each counts FDEs unless it says otherwise. */
export interface UnwindCounts {
  /** FDEs read, those left out included. */
  fdes: number;
  /** Of no length. */
  empty: number;
  /** Not inside the image's executable segments: of code that the linker removed, or nonsense. */
  outside: number;
  /** Unreadable, or of a CIE that is; an unreadable length, which ends its section, counts once. */
  damaged: number;
  /** Cut short, or left out, because another one starts inside or at the same address. */
  overlapping: number;
  /** With instructions that could not be followed to the end: unsupported from there on. */
  unfollowed: number;
  /** Rows whose rule did not fit into the table: unsupported. */
  ruleOverflows: number;
}

/** Nothing counted yet. */
export const noUnwindCounts = (): UnwindCounts => ({
  ...{ fdes: 0, empty: 0, outside: 0, damaged: 0, overlapping: 0, unfollowed: 0 },
  ruleOverflows: 0,
});

/** More than any program has. A start and an index below it fit one exact double. */
const MAX_FUNCTIONS = 2 ** 20;
/** Functions further apart than a row's 32 bits, bytes, are not of one image. */
const MAX_SPAN_BYTES = 2 ** 32 - 2 ** 17;

/** A CIE and the section it is in. */
export interface CieOfSection {
  readonly cie: Cie;
  readonly section: FrameSection;
}

/** The functions of an image as columns: reading them makes no object for each. */
export class FunctionList {
  count = 0;
  readonly cies: CieOfSection[] = [];
  /** ELF virtual addresses. */
  starts = new Float64Array(1024);
  ends = new Float64Array(1024);
  /** Offsets into the section of their instructions. */
  programStarts = new Uint32Array(1024);
  programEnds = new Uint32Array(1024);
  /** Index into `cies`. */
  cieIndexes = new Uint32Array(1024);
  private readonly code: readonly ElfSegment[];
  private readonly counts: UnwindCounts;

  constructor(segments: readonly ElfSegment[], counts: UnwindCounts) {
    this.code = segments.filter(({ type, flags }) => type === PT_LOAD && (flags & PF_X) !== 0);
    this.counts = counts;
  }

  /** Appends the functions of a section for which `isWanted(start)` holds. */
  read(section: FrameSection, isWanted: (start: number) => boolean): void {
    const cursor = new DwarfCursor(section.bytes);
    const header: EntryHeader = { start: 0, idAt: 0, body: 0, end: 0, isCie: false, cieAt: 0 };
    const fde: Fde = { start: 0, end: 0, programStart: 0, programEnd: 0 };
    // Every producer writes a CIE before its FDEs. One that is not the start of an entry is no CIE:
    // believing it would let a hostile file have the same bytes read over and over.
    const cieIndexes = new Map<number, number>();
    for (let at = 0; at + 4 <= section.bytes.length; at = header.end) {
      if (!readEntryHeader(cursor, section, at, header)) {
        this.counts.damaged++;
        return;
      }
      if (header.end === header.body) {
        if (section.endsAtZero) return;
        continue;
      }
      if (header.isCie) {
        const cie = readCie(cursor, header, section);
        if (cie === null) continue;
        cieIndexes.set(at, this.cies.length);
        this.cies.push({ cie, section });
        continue;
      }
      this.counts.fdes++;
      const index = cieIndexes.get(header.cieAt);
      const known = index === undefined ? undefined : this.cies[index];
      if (known === undefined || !readFde(cursor, header, known, fde)) this.counts.damaged++;
      else if (this.isUsable(fde) && isWanted(fde.start)) this.append(fde, index!);
    }
  }

  /** Indexes of the functions, ascending by start; those with one start in the order they were read. */
  sorted(): Uint32Array {
    const base = this.lowest();
    const keys = new Float64Array(this.count);
    for (let index = 0; index < this.count; index++) {
      keys[index] = (this.starts[index]! - base) * MAX_FUNCTIONS + index;
    }
    keys.sort();
    return Uint32Array.from(keys, (key) => key % MAX_FUNCTIONS);
  }

  /** Lowest start; 0: there is no function. */
  lowest(): number {
    let lowest = Infinity;
    for (let index = 0; index < this.count; index++) {
      lowest = Math.min(lowest, this.starts[index]!);
    }
    return lowest === Infinity ? 0 : lowest;
  }

  private isUsable(fde: Fde): boolean {
    if (fde.end === fde.start) {
      this.counts.empty++;
      return false;
    }
    for (const { vaddr, memoryBytes } of this.code) {
      if (fde.start < vaddr || fde.end > vaddr + memoryBytes || fde.end < fde.start) continue;
      const nearEnough = fde.end - this.code[0]!.vaddr < MAX_SPAN_BYTES;
      if (nearEnough && fde.start >= this.code[0]!.vaddr && this.count < MAX_FUNCTIONS) return true;
    }
    this.counts.outside++;
    return false;
  }

  private append(fde: Fde, cieIndex: number): void {
    const at = this.count;
    if (at === this.starts.length) this.grow();
    this.starts[at] = fde.start;
    this.ends[at] = fde.end;
    this.programStarts[at] = fde.programStart;
    this.programEnds[at] = fde.programEnd;
    this.cieIndexes[at] = cieIndex;
    this.count++;
  }

  private grow(): void {
    const size = this.starts.length * 2;
    this.starts = copied(new Float64Array(size), this.starts);
    this.ends = copied(new Float64Array(size), this.ends);
    this.programStarts = copied(new Uint32Array(size), this.programStarts);
    this.programEnds = copied(new Uint32Array(size), this.programEnds);
    this.cieIndexes = copied(new Uint32Array(size), this.cieIndexes);
  }
}

function copied<T extends Float64Array | Uint32Array>(larger: T, values: T): T {
  larger.set(values);
  return larger;
}

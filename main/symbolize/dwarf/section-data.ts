import type { ElfFile, ElfSection } from '../../elf/elf-file.ts';
import { isCompressed } from '../../elf/elf-file.ts';

/** What is read at once of a section in a file, bytes. */
const PAGE_BYTES = 1 << 14;
/** Pages kept per section: 1 MiB. */
const MAX_PAGES = 64;
/** Longest string taken; C++ names of 5 KiB were seen. */
const MAX_STRING_BYTES = 1 << 16;
const FIRST_TRY_BYTES = 256;
const EMPTY = Buffer.alloc(0);

/**
 * One debug section. A plain one stays in its file and is read page by page; a compressed one is unpacked
 * into memory when it is first used. Whatever lies outside is empty.
 */
export class SectionData {
  private readonly elf: ElfFile;
  private readonly section: ElfSection;
  private readonly room: { bytes: number };
  private readonly isPacked: boolean;
  private unpacked: Buffer | null = null;
  private readonly pages = new Map<number, Buffer>();
  private pageBytes = 0;

  /**
   * `room`: what the compressed sections of the file may still take together; what does not fit is empty.
   * `ahead`: the section, unpacked already.
   */
  constructor(elf: ElfFile, section: ElfSection, room: { bytes: number }, ahead?: Buffer) {
    this.elf = elf;
    this.room = room;
    this.section = section;
    this.isPacked = isCompressed(section) || section.name.startsWith('.zdebug_');
    if (ahead !== undefined) this.keep(ahead);
  }

  /** bytes, unpacked */
  get size(): number {
    return this.isPacked ? this.whole().length : this.section.bytes;
  }

  /** Memory kept, bytes. */
  get keptBytes(): number {
    return (this.unpacked?.length ?? 0) + this.pageBytes;
  }

  /** Lets go of what is kept of a section that is not needed again. */
  release(): void {
    this.room.bytes += this.unpacked?.length ?? 0;
    this.unpacked = null;
    this.dropPages();
  }

  /** Exactly `length` bytes; null: not there. Large pieces are not kept. */
  bytes(offset: number, length: number): Buffer | null {
    if (!Number.isSafeInteger(offset) || !(offset >= 0) || !(length >= 0)) return null;
    if (offset + length > this.size) return null;
    if (this.isPacked) return this.whole().subarray(offset, offset + length);
    const page = Math.floor(offset / PAGE_BYTES);
    const within = offset - page * PAGE_BYTES;
    if (within + length > PAGE_BYTES) return this.elf.sectionSlice(this.section, offset, length);
    const bytes = this.page(page);
    return within + length <= bytes.length ? bytes.subarray(within, within + length) : null;
  }

  /** From `offset` on, as much as there is up to `limit` bytes; empty: outside. */
  upTo(offset: number, limit: number): Buffer {
    if (!(offset >= 0)) return EMPTY;
    return this.bytes(offset, Math.min(limit, Math.max(0, this.size - offset))) ?? EMPTY;
  }

  /** An unsigned number of 4 or 8 bytes; null: outside. */
  word(offset: number, width: number): number | null {
    const bytes = this.bytes(offset, width);
    if (bytes === null) return null;
    const low = bytes.readUInt32LE(0);
    return width === 8 ? low + bytes.readUInt32LE(4) * 2 ** 32 : low;
  }

  /** The zero-terminated string at `offset`; one without an end, or outside, is empty. */
  text(offset: number): string {
    for (let limit = FIRST_TRY_BYTES; limit <= MAX_STRING_BYTES; limit *= 16) {
      const bytes = this.upTo(offset, limit);
      const end = bytes.indexOf(0);
      if (end >= 0) return bytes.toString('utf8', 0, end);
      if (bytes.length < limit) return '';
    }
    return '';
  }

  private page(index: number): Buffer {
    const known = this.pages.get(index);
    if (known !== undefined) return known;
    const from = index * PAGE_BYTES;
    const length = Math.min(PAGE_BYTES, this.section.bytes - from);
    const bytes = this.elf.sectionSlice(this.section, from, length) ?? EMPTY;
    if (this.pages.size >= MAX_PAGES) this.dropPages();
    this.pages.set(index, bytes);
    this.pageBytes += bytes.length;
    return bytes;
  }

  private dropPages(): void {
    this.pages.clear();
    this.pageBytes = 0;
  }

  private whole(): Buffer {
    if (this.unpacked !== null) return this.unpacked;
    return this.keep(this.elf.unpackedBytes(this.section) ?? EMPTY);
  }

  private keep(bytes: Buffer): Buffer {
    this.unpacked = bytes.length <= this.room.bytes ? bytes : EMPTY;
    this.room.bytes -= this.unpacked.length;
    return this.unpacked;
  }
}

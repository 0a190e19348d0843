import { err, ok, type Result } from '#shared/result.ts';
import { type ByteSource, inBounds } from './byte-source.ts';
import {
  inflateOldSection,
  inflateSection,
  inflateSectionLater,
  unpackedBytesOf,
} from './section-inflate.ts';

/** A program header: which bytes of the file are mapped where. All in bytes, as the file says it. */
export interface ElfSegment {
  /** PT_LOAD 1, PT_NOTE 4, … */
  readonly type: number;
  /** PF_X 1, PF_W 2, PF_R 4. */
  readonly flags: number;
  readonly offset: number;
  readonly vaddr: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
}

/** A section header. */
export interface ElfSection {
  /** At most 255 bytes of it. */
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly vaddr: number;
  readonly offset: number;
  readonly bytes: number;
  /** Index of the section it refers to: of a symbol table its strings. */
  readonly link: number;
}

export const ET_EXEC = 2;
export const ET_DYN = 3;
export const EM_X86_64 = 62;
export const PT_LOAD = 1;
export const PT_NOTE = 4;
/** Where .eh_frame_hdr is (LSB Core 5.0, "PT_GNU_EH_FRAME"). */
export const PT_GNU_EH_FRAME = 0x6474e550;
export const PF_X = 1;
export const SHT_SYMTAB = 2;
export const SHT_NOTE = 7;
export const SHT_DYNSYM = 11;
export const SHF_EXECINSTR = 4;
const SHT_NOBITS = 8;
const SHF_COMPRESSED = 0x800;
/** More are found in no program; bounds what a hostile file can make us keep. */
const MAX_SECTIONS = 1 << 18;
/** Elf64_Chdr. */
const COMPRESSION_HEADER_BYTES = 24;
/** Largest section read into memory, bytes. */
const MAX_SECTION_BYTES = 2 ** 30;

/** Where the fields stand in the headers of the two classes, bytes. */
interface Layout {
  readonly header: number;
  readonly programHeader: number;
  readonly sectionHeader: number;
  readonly programHeadersAt: number;
  readonly sectionHeadersAt: number;
  /** e_phentsize; the three other counts follow it, 2 bytes each. */
  readonly counts: number;
}
const LAYOUT_64: Layout = {
  header: 64,
  programHeader: 56,
  sectionHeader: 64,
  programHeadersAt: 32,
  sectionHeadersAt: 40,
  counts: 54,
};
const LAYOUT_32: Layout = {
  header: 52,
  programHeader: 32,
  sectionHeader: 40,
  programHeadersAt: 28,
  sectionHeadersAt: 32,
  counts: 42,
};

/**
 * The headers of an ELF file, little endian, 32 or 64 bit. Reads no more than it needs and believes
 * nothing: whatever a header points to outside the file is absent, and nothing larger than the file
 * is ever allocated.
 */
export class ElfFile {
  private readonly source: ByteSource;
  readonly is64: boolean;
  /** e_type: ET_EXEC, ET_DYN, … (gABI, "ELF Header"). */
  readonly type: number;
  /** e_machine: EM_X86_64, … */
  readonly machine: number;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];

  private constructor(
    source: ByteSource,
    header: { is64: boolean; type: number; machine: number },
    tables: { segments: readonly ElfSegment[]; sections: readonly ElfSection[] },
  ) {
    this.source = source;
    this.is64 = header.is64;
    this.type = header.type;
    this.machine = header.machine;
    this.segments = tables.segments;
    this.sections = tables.sections;
  }

  /** The error says in words what is wrong with the file. The source must outlive the ElfFile. */
  static parse(source: ByteSource): Result<ElfFile, string> {
    const ident = source.read(0, 16);
    if (ident?.readUInt32BE(0) !== 0x7f454c46) return err('no ELF magic');
    const is64 = ident[4] === 2;
    if (!is64 && ident[4] !== 1) return err(`ELF class ${ident[4]!}`);
    if (ident[5] !== 1) return err('not little endian');
    const layout = is64 ? LAYOUT_64 : LAYOUT_32;
    const header = source.read(0, layout.header);
    if (header === null) return err('ELF header cut short');
    const segments = readSegments(source, header, is64);
    if (segments === null) return err('program headers outside the file');
    // Damaged or removed section headers cost the symbols, not the segments and notes.
    const sections = readSections(source, header, is64);
    const kind = { is64, type: header.readUInt16LE(16), machine: header.readUInt16LE(18) };
    return ok(new ElfFile(source, kind, { segments, sections }));
  }

  /** Content of a section; null: it has none here (NOBITS), is compressed, or lies outside the file. */
  sectionBytes(section: ElfSection): Buffer | null {
    if (section.type === SHT_NOBITS || isCompressed(section)) return null;
    if (section.bytes > MAX_SECTION_BYTES) return null;
    return this.source.read(section.offset, section.bytes);
  }

  /** As sectionBytes(), and unpacked if it is compressed (zlib; zstd where Node has it). */
  unpackedBytes(section: ElfSection): Buffer | null {
    const isOld = section.name.startsWith('.zdebug_');
    if (!isOld && !isCompressed(section)) return this.sectionBytes(section);
    if (section.type === SHT_NOBITS || section.bytes > MAX_SECTION_BYTES) return null;
    const packed = this.source.read(section.offset, section.bytes);
    if (packed === null) return null;
    return isOld ? inflateOldSection(packed) : inflateSection(packed, this.is64);
  }

  /** What a compressed section unpacks to, by its own account, bytes; 0: it is not compressed, or in an old way. */
  unpackedSize(section: ElfSection): number {
    if (!isCompressed(section) || section.bytes > MAX_SECTION_BYTES) return 0;
    const start = this.source.read(
      section.offset,
      Math.min(section.bytes, COMPRESSION_HEADER_BYTES),
    );
    return start === null ? 0 : unpackedBytesOf(start, this.is64);
  }

  /** unpackedBytes() of a compressed section, unpacked beside. */
  async unpackedLater(section: ElfSection): Promise<Buffer | null> {
    if (section.type === SHT_NOBITS || section.bytes > MAX_SECTION_BYTES) return null;
    const packed = this.source.read(section.offset, section.bytes);
    return packed === null ? null : inflateSectionLater(packed, this.is64);
  }

  /** `length` bytes of an uncompressed section from `offset` in it; null: outside it or the file. */
  sectionSlice(section: ElfSection, offset: number, length: number): Buffer | null {
    if (section.type === SHT_NOBITS || !inBounds(offset, length, section.bytes)) return null;
    return this.source.read(section.offset + offset, length);
  }

  /** Content of a segment in the file, at most `limit` bytes of it; null: outside the file. */
  segmentBytes(segment: ElfSegment, limit: number): Buffer | null {
    return this.source.read(segment.offset, Math.min(limit, segment.fileBytes));
  }

  /** First section of that name. */
  sectionNamed(name: string): ElfSection | undefined {
    return this.sections.find((section) => section.name === name);
  }
}

/** Whether the file has the section's content in packed form: read it by unpackedBytes(). */
export function isCompressed(section: ElfSection): boolean {
  return (section.flags & SHF_COMPRESSED) !== 0;
}

/** The loaded segment that holds a byte of the file, one with code first; null: none does. */
export function segmentAtOffset(
  segments: readonly ElfSegment[],
  offset: number,
): ElfSegment | null {
  let found: ElfSegment | null = null;
  for (const segment of segments) {
    if (segment.type !== PT_LOAD) continue;
    if (offset < segment.offset || offset >= segment.offset + segment.fileBytes) continue;
    if ((segment.flags & PF_X) !== 0) return segment;
    found ??= segment;
  }
  return found;
}

function readSegments(source: ByteSource, header: Buffer, is64: boolean): ElfSegment[] | null {
  const layout = is64 ? LAYOUT_64 : LAYOUT_32;
  const at = word(header, layout.programHeadersAt, is64);
  const count = header.readUInt16LE(layout.counts + 2);
  if (count === 0) return [];
  if (header.readUInt16LE(layout.counts) !== layout.programHeader) return null;
  const bytes = source.read(at, count * layout.programHeader);
  if (bytes === null) return null;
  const segments: ElfSegment[] = [];
  for (let base = 0; base < bytes.length; base += layout.programHeader) {
    const w = is64 ? 8 : 4;
    // 64 bit: type, flags, offset, vaddr, paddr, filesz, memsz. 32 bit: the flags come after memsz.
    const first = base + w;
    segments.push({
      type: bytes.readUInt32LE(base),
      flags: bytes.readUInt32LE(base + (is64 ? 4 : 24)),
      offset: word(bytes, first, is64),
      vaddr: word(bytes, first + w, is64),
      fileBytes: word(bytes, first + 3 * w, is64),
      memoryBytes: word(bytes, first + 4 * w, is64),
    });
  }
  return segments;
}

function readSections(source: ByteSource, header: Buffer, is64: boolean): ElfSection[] {
  const layout = is64 ? LAYOUT_64 : LAYOUT_32;
  const size = layout.sectionHeader;
  const at = word(header, layout.sectionHeadersAt, is64);
  if (at === 0 || header.readUInt16LE(layout.counts + 4) !== size) return [];
  const first = source.read(at, size);
  if (first === null) return [];
  // Counts that do not fit 16 bits stand in section 0: sh_size and sh_link (gABI, "Sections").
  const count = header.readUInt16LE(layout.counts + 6) || word(first, is64 ? 32 : 20, is64);
  const shortIndex = header.readUInt16LE(layout.counts + 8);
  const namesIndex = shortIndex === 0xffff ? first.readUInt32LE(is64 ? 40 : 24) : shortIndex;
  if (count > MAX_SECTIONS || !inBounds(at, count * size, source.size)) return [];
  const bytes = source.read(at, count * size);
  if (bytes === null) return [];
  const raw: RawSection[] = [];
  for (let base = 0; base < bytes.length; base += size) raw.push(rawSection(bytes, base, is64));
  const names = raw[namesIndex];
  const strings =
    names !== undefined && names.bytes <= MAX_SECTION_BYTES
      ? source.read(names.offset, names.bytes)
      : null;
  return raw.map(({ nameOffset, ...rest }) => ({
    name: strings === null ? '' : cString(strings, nameOffset, 255),
    ...rest,
  }));
}

type RawSection = Omit<ElfSection, 'name'> & { readonly nameOffset: number };

function rawSection(bytes: Buffer, base: number, is64: boolean): RawSection {
  const w = is64 ? 8 : 4;
  const flagsAt = base + 8;
  return {
    nameOffset: bytes.readUInt32LE(base),
    type: bytes.readUInt32LE(base + 4),
    flags: bytes.readUInt32LE(flagsAt),
    vaddr: word(bytes, flagsAt + w, is64),
    offset: word(bytes, flagsAt + 2 * w, is64),
    bytes: word(bytes, flagsAt + 3 * w, is64),
    link: bytes.readUInt32LE(flagsAt + 4 * w),
  };
}

/** An address-sized field. Above 2^53 it is inexact, and then too large to pass any bounds check. */
function word(bytes: Buffer, at: number, is64: boolean): number {
  const low = bytes.readUInt32LE(at);
  return is64 ? low + bytes.readUInt32LE(at + 4) * 2 ** 32 : low;
}

/** The string that starts at `at`, without its terminator; cut at `limit` bytes or the table's end. */
export function cString(bytes: Buffer, at: number, limit: number): string {
  if (at >= bytes.length) return '';
  const end = bytes.indexOf(0, at);
  const stop = Math.min(end < 0 ? bytes.length : end, at + limit);
  return bytes.toString('utf8', at, stop);
}

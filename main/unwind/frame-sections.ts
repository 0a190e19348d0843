import { inflateSync } from 'node:zlib';
import {
  type ElfFile,
  type ElfSection,
  type ElfSegment,
  PT_GNU_EH_FRAME,
  PT_LOAD,
} from '../elf/elf-file.ts';
import { DwarfCursor } from './dwarf-cursor.ts';
import type { FrameSection } from './frame-entries.ts';
import { readPointer } from './pointer-encoding.ts';

/** Largest section read, bytes: ten times what the largest programs have. */
const MAX_FRAME_BYTES = 128 * 2 ** 20;
const SHF_COMPRESSED = 0x800;
/** Elf64_Chdr (gABI, "Compression Header"), bytes. */
const COMPRESSION_HEADER_BYTES = 24;
const ELFCOMPRESS_ZLIB = 1;

/** Where .eh_frame is: by section header, or by program header where those were stripped. */
export function ehFrameSections(elf: ElfFile): FrameSection[] {
  const found: FrameSection[] = [];
  for (const section of elf.sections) {
    if (section.name !== '.eh_frame' || section.bytes > MAX_FRAME_BYTES) continue;
    const bytes = elf.sectionBytes(section);
    if (bytes === null || bytes.length === 0) continue;
    found.push({ bytes, vaddr: section.vaddr, isDebugFrame: false, endsAtZero: false });
  }
  if (found.length > 0) return found;
  const byHeader = ehFrameByProgramHeader(elf);
  return byHeader === null ? [] : [byHeader];
}

/** .debug_frame: written beside or, by assembler sources, in place of .eh_frame. */
export function debugFrameSection(elf: ElfFile): FrameSection | null {
  const section = elf.sectionNamed('.debug_frame');
  if (section === undefined || section.bytes > MAX_FRAME_BYTES) return null;
  const compressed = (section.flags & SHF_COMPRESSED) !== 0;
  const bytes = compressed ? inflated(elf, section) : elf.sectionBytes(section);
  if (bytes === null || bytes.length === 0) return null;
  return { bytes, vaddr: 0, isDebugFrame: true, endsAtZero: false };
}

/** Content of a section compressed with zlib; null: damaged, too large, or in another format. */
function inflated(elf: ElfFile, section: ElfSection): Buffer | null {
  const stored = elf.sectionBytes({ ...section, flags: section.flags & ~SHF_COMPRESSED });
  if (stored === null || stored.length < COMPRESSION_HEADER_BYTES) return null;
  if (stored.readUInt32LE(0) !== ELFCOMPRESS_ZLIB) return null;
  try {
    const data = stored.subarray(COMPRESSION_HEADER_BYTES);
    return inflateSync(data, { maxOutputLength: MAX_FRAME_BYTES });
  } catch (error) {
    // zlib's own refusals (Z_DATA_ERROR, ERR_BUFFER_TOO_LARGE) have a code; anything else is a bug.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

/** .eh_frame_hdr: version, three encodings, then where .eh_frame starts (LSB Core 5.0, "The .eh_frame_hdr"). */
function ehFrameByProgramHeader(elf: ElfFile): FrameSection | null {
  const segment = elf.segments.find(({ type }) => type === PT_GNU_EH_FRAME);
  const header = segment === undefined ? null : elf.segmentBytes(segment, 64);
  if (segment === undefined || header === null || header.length < 4 || header[0] !== 1) return null;
  const cursor = new DwarfCursor(header);
  cursor.seek(4, header.length);
  const bases = { section: segment.vaddr, data: segment.vaddr };
  const vaddr = readPointer(cursor, header[1]!, bases);
  if (cursor.hasFailed()) return null;
  const bytes = loadedBytesFrom(elf, vaddr);
  return bytes === null ? null : { bytes, vaddr, isDebugFrame: false, endsAtZero: true };
}

/** Everything from an address to the end of its segment in the file. */
function loadedBytesFrom(elf: ElfFile, vaddr: number): Buffer | null {
  for (const segment of elf.segments) {
    const skipped = vaddr - segment.vaddr;
    if (segment.type !== PT_LOAD || skipped < 0 || skipped >= segment.fileBytes) continue;
    const rest: ElfSegment = {
      ...segment,
      offset: segment.offset + skipped,
      fileBytes: segment.fileBytes - skipped,
    };
    return elf.segmentBytes(rest, MAX_FRAME_BYTES);
  }
  return null;
}

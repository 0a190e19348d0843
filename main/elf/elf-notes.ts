import { type ElfFile, PT_NOTE, SHT_NOTE } from './elf-file.ts';

const NT_GNU_BUILD_ID = 3;
/** Notes are small; core files are not what we read. */
const MAX_NOTE_BYTES = 1 << 20;
/** SHA-512; the usual 20 bytes are SHA-1. */
const MAX_BUILD_ID_BYTES = 64;

/** The GNU build id, lower-case hex; empty: the file has none. */
export function buildIdOf(elf: ElfFile): string {
  for (const section of elf.sections) {
    if (section.type !== SHT_NOTE || section.bytes > MAX_NOTE_BYTES) continue;
    const bytes = elf.sectionBytes(section);
    const found = bytes === null ? '' : buildIdInNotes(bytes);
    if (found !== '') return found;
  }
  for (const segment of elf.segments) {
    if (segment.type !== PT_NOTE) continue;
    const bytes = elf.segmentBytes(segment, MAX_NOTE_BYTES);
    const found = bytes === null ? '' : buildIdInNotes(bytes);
    if (found !== '') return found;
  }
  return '';
}

/** Notes: u32 name size, u32 content size, u32 type, name, content, both padded to 4 bytes. */
function buildIdInNotes(notes: Buffer): string {
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameBytes = notes.readUInt32LE(at);
    const contentBytes = notes.readUInt32LE(at + 4);
    const content = at + 12 + roundUp4(nameBytes);
    if (content + contentBytes > notes.length) return '';
    const isGnu = nameBytes === 4 && notes.toString('latin1', at + 12, at + 16) === 'GNU\0';
    if (isGnu && notes.readUInt32LE(at + 8) === NT_GNU_BUILD_ID) {
      if (contentBytes === 0 || contentBytes > MAX_BUILD_ID_BYTES) return '';
      return notes.toString('hex', content, content + contentBytes);
    }
    at = content + roundUp4(contentBytes);
  }
  return '';
}

/** What .gnu_debuglink says: the base name of the debug file and the CRC-32 of its content. */
export interface DebugLink {
  readonly name: string;
  readonly crc32: number;
}

/** null: none, damaged, or a name that would lead out of its folder. */
export function debugLinkOf(elf: ElfFile): DebugLink | null {
  const section = elf.sectionNamed('.gnu_debuglink');
  if (section === undefined || section.bytes > 4096) return null;
  const bytes = elf.sectionBytes(section);
  const end = bytes?.indexOf(0) ?? -1;
  if (bytes === null || end <= 0) return null;
  const crcAt = roundUp4(end + 1);
  const name = bytes.toString('utf8', 0, end);
  if (crcAt + 4 > bytes.length || name.includes('/') || name === '..') return null;
  return { name, crc32: bytes.readUInt32LE(crcAt) };
}

/** What .gnu_debugaltlink says: where dwz put what several debug files share, and its build id. */
export interface AltLink {
  /** As written: absolute, or relative to the debug file. */
  readonly path: string;
  /** Lower-case hex. */
  readonly buildId: string;
}

/** null: none, or damaged. */
export function altLinkOf(elf: ElfFile): AltLink | null {
  const section = elf.sectionNamed('.gnu_debugaltlink');
  if (section === undefined || section.bytes > 8192) return null;
  const bytes = elf.unpackedBytes(section);
  const end = bytes?.indexOf(0) ?? -1;
  if (bytes === null || end <= 0 || bytes.length - end - 1 > MAX_BUILD_ID_BYTES) return null;
  return { path: bytes.toString('utf8', 0, end), buildId: bytes.toString('hex', end + 1) };
}

const roundUp4 = (value: number): number => Math.ceil(value / 4) * 4;

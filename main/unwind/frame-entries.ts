import type { DwarfCursor } from './dwarf-cursor.ts';
import { X86_64_RA } from './known-rules.ts';
import {
  POINTER_ENCODINGS,
  readEncodedNumber,
  readPointer,
  skipPointer,
} from './pointer-encoding.ts';

/** Bytes that hold call frame information, and how to read them. */
export interface FrameSection {
  readonly bytes: Uint8Array;
  /** ELF virtual address of the first byte; 0 for .debug_frame, which is not loaded. */
  readonly vaddr: number;
  /** .debug_frame counts CIE pointers from its start and marks CIEs with all ones. */
  readonly isDebugFrame: boolean;
  /** An entry of length 0 ends it: its size is not known otherwise. */
  readonly endsAtZero: boolean;
}

/** A common information entry: what many functions share. */
export interface Cie {
  readonly codeAlign: number;
  readonly dataAlign: number;
  /** DW_EH_PE_* of the addresses in its FDEs. */
  readonly pointerEncoding: number;
  /** Augmentation 'z': FDEs have a length of further data. */
  readonly hasAugmentationData: boolean;
  /** Its instructions: offsets into the section, bytes. */
  readonly programStart: number;
  readonly programEnd: number;
}

/** Where one entry stands; written anew for each. */
export interface EntryHeader {
  /** Offset of its first byte. */
  start: number;
  /** Offset of the id field. */
  idAt: number;
  /** Offset behind the id field. */
  body: number;
  end: number;
  isCie: boolean;
  /** Offset of an FDE's CIE; anything at all in a damaged file. */
  cieAt: number;
}

/**
 * Reads the header of the entry at `at`. False: nothing readable there, and no way to find the next one.
 * An entry of length 0 has no id: its `end` is its `body`.
 */
export function readEntryHeader(
  cursor: DwarfCursor,
  section: FrameSection,
  at: number,
  header: EntryHeader,
): boolean {
  cursor.seek(at, section.bytes.length);
  let length = cursor.u32();
  const is64 = length === 0xffff_ffff;
  if (is64) length = cursor.u64();
  header.start = at;
  header.idAt = cursor.at;
  header.end = cursor.at + length;
  if (cursor.hasFailed() || header.end > section.bytes.length) return false;
  header.body = cursor.at;
  if (length === 0) return true;
  const wide = is64 && section.isDebugFrame;
  cursor.end = header.end;
  const id = wide ? cursor.u64() : cursor.u32();
  header.body = cursor.at;
  if (cursor.hasFailed()) return false;
  if (section.isDebugFrame) {
    // All ones, which as a double is 2^64 in the wide form.
    header.isCie = wide ? id >= 2 ** 63 : id === 0xffff_ffff;
    header.cieAt = id;
  } else {
    header.isCie = id === 0;
    header.cieAt = header.idAt - id;
  }
  return true;
}

/** Reads the CIE with that header; null: in a form that is not known, or damaged. */
export function readCie(
  cursor: DwarfCursor,
  header: EntryHeader,
  section: FrameSection,
): Cie | null {
  cursor.seek(header.body, header.end);
  const version = cursor.u8();
  if (version !== 1 && version !== 3 && version !== 4) return null;
  const augmentation = readAugmentation(cursor);
  // Before 'z' came into use (g++ 2), with "eh": nothing of that age runs.
  if (augmentation !== '' && !augmentation.startsWith('z')) return null;
  // address_size and segment_selector_size (DWARF 5, 6.4.1).
  if (version === 4 && (cursor.u8() !== 8 || cursor.u8() !== 0)) return null;
  const codeAlign = cursor.uleb();
  const dataAlign = cursor.sleb();
  const raRegister = version === 1 ? cursor.u8() : cursor.uleb();
  if (cursor.hasFailed() || raRegister !== X86_64_RA) return null;
  const data = readAugmentationData(cursor, augmentation);
  if (data === null || cursor.hasFailed()) return null;
  return {
    codeAlign,
    dataAlign,
    pointerEncoding: section.isDebugFrame ? POINTER_ENCODINGS.absolute : data.pointerEncoding,
    hasAugmentationData: augmentation !== '',
    programStart: cursor.at,
    programEnd: header.end,
  };
}

/** Longer ones mean damage. */
const MAX_AUGMENTATION_BYTES = 16;

function readAugmentation(cursor: DwarfCursor): string {
  let text = '';
  for (let count = 0; count < MAX_AUGMENTATION_BYTES; count++) {
    const byte = cursor.u8();
    if (byte === 0) return text;
    text += String.fromCharCode(byte);
  }
  cursor.skip(-1);
  return text;
}

/** The data that augmentation letters announce; the cursor ends behind it. null: an unknown letter. */
function readAugmentationData(
  cursor: DwarfCursor,
  augmentation: string,
): { pointerEncoding: number } | null {
  let pointerEncoding: number = POINTER_ENCODINGS.absolute;
  if (augmentation === '') return { pointerEncoding };
  const length = cursor.uleb();
  const end = cursor.at + length;
  for (const letter of augmentation.slice(1)) {
    if (letter === 'R') pointerEncoding = cursor.u8();
    else if (letter === 'P') skipPointer(cursor, cursor.u8());
    else if (letter === 'L') cursor.u8();
    // S: signal frame. B: return addresses signed with key B (aarch64). G: tagged stack (aarch64).
    else if (!'SBG'.includes(letter)) return null;
  }
  if (cursor.at > end) return null;
  cursor.skip(end - cursor.at);
  return { pointerEncoding };
}

/** A frame description entry: one function's range, and the instructions for it. */
export interface Fde {
  /** ELF virtual addresses; `end` is the first behind it. */
  start: number;
  end: number;
  programStart: number;
  programEnd: number;
}

/** Reads the FDE with that header into `fde`; false: damaged. */
export function readFde(
  cursor: DwarfCursor,
  header: EntryHeader,
  { cie, section }: { cie: Cie; section: FrameSection },
  fde: Fde,
): boolean {
  cursor.seek(header.body, header.end);
  fde.start = readPointer(cursor, cie.pointerEncoding, { section: section.vaddr, data: null });
  fde.end = fde.start + readEncodedNumber(cursor, cie.pointerEncoding & 0x0f);
  if (cie.hasAugmentationData) cursor.skip(cursor.uleb());
  fde.programStart = cursor.at;
  fde.programEnd = header.end;
  return !cursor.hasFailed();
}

import { cString, type ElfFile, type ElfSegment, PF_X, PT_LOAD, SHT_NOTE } from './elf-file.ts';

const NT_STAPSDT = 3;
/** A program with 10,000 probes has less than 1 MiB of notes. */
const MAX_NOTE_BYTES = 16 << 20;
const MAX_PROBES = 65_536;
const MAX_NAME_BYTES = 1024;

/** A statically defined probe (USDT): systemtap wiki, "UserSpaceProbeImplementation". */
export interface SdtProbe {
  readonly provider: string;
  readonly name: string;
  /** Where its instruction stands in the file, bytes. */
  readonly offset: number;
  /** Where in the file the counter stands that switches the probe on, bytes; 0: it is always on. */
  readonly semaphoreOffset: number;
  /** Where its arguments are, as the compiler wrote it, e.g. "-4@%edi 8@%rsi". */
  readonly arguments: string;
}

/** The probes of a 64-bit program or library. One name may stand at several places. */
export function sdtProbesOf(elf: ElfFile): SdtProbe[] {
  const section = elf.sectionNamed('.note.stapsdt');
  if (section === undefined || section.type !== SHT_NOTE || !elf.is64) return [];
  if (section.bytes > MAX_NOTE_BYTES) return [];
  const notes = elf.sectionBytes(section);
  if (notes === null) return [];
  const base = elf.sectionNamed('.stapsdt.base')?.vaddr ?? 0;
  const probes: SdtProbe[] = [];
  for (const content of notesOf(notes)) {
    const probe = probeIn(content, elf.segments, base);
    if (probe !== null) probes.push(probe);
    if (probes.length >= MAX_PROBES) break;
  }
  return probes;
}

/** Notes: u32 name size, u32 content size, u32 type, name, content, both padded to 4 bytes. */
function* notesOf(notes: Buffer): Generator<Buffer> {
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameBytes = notes.readUInt32LE(at);
    const contentBytes = notes.readUInt32LE(at + 4);
    const content = at + 12 + roundUp4(nameBytes);
    if (content + contentBytes > notes.length) return;
    const isSdt = notes.readUInt32LE(at + 8) === NT_STAPSDT && nameBytes === 8;
    if (isSdt && notes.toString('latin1', at + 12, at + 19) === 'stapsdt') {
      yield notes.subarray(content, content + contentBytes);
    }
    at = content + roundUp4(contentBytes);
  }
}

/** Three addresses (instruction, .stapsdt.base at link time, semaphore), then three strings. */
function probeIn(content: Buffer, segments: readonly ElfSegment[], base: number): SdtProbe | null {
  if (content.length < 27) return null;
  const [pc, linked, semaphore] = [0, 8, 16].map((at) => Number(content.readBigUInt64LE(at)));
  // prelink moves the section and corrects no notes.
  const moved = base === 0 ? 0 : base - linked!;
  const strings = content.subarray(24);
  const provider = cString(strings, 0, MAX_NAME_BYTES);
  const nameAt = strings.indexOf(0) + 1;
  const name = cString(strings, nameAt, MAX_NAME_BYTES);
  const argumentsAt = strings.indexOf(0, nameAt) + 1;
  const offset = fileOffset(segments, pc! + moved, PF_X);
  if (nameAt === 0 || argumentsAt === 0 || name === '' || offset === null) return null;
  const counter = semaphore === 0 ? 0 : fileOffset(segments, semaphore! + moved, 0);
  if (counter === null) return null;
  return {
    ...{ provider, name, offset, semaphoreOffset: counter },
    arguments: cString(strings, argumentsAt, MAX_NAME_BYTES),
  };
}

function fileOffset(segments: readonly ElfSegment[], vaddr: number, flags: number): number | null {
  const segment = segments.find(
    (candidate) =>
      candidate.type === PT_LOAD &&
      (candidate.flags & flags) === flags &&
      vaddr >= candidate.vaddr &&
      vaddr < candidate.vaddr + candidate.memoryBytes,
  );
  return segment === undefined ? null : vaddr - segment.vaddr + segment.offset;
}

const roundUp4 = (value: number): number => Math.ceil(value / 4) * 4;

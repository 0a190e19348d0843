// Puts together .eh_frame sections and the ELF files around them, byte by byte.

const TEXT_BYTES = 0x1_0000;
/** ELF virtual address of the code that assembled functions are in. */
export const TEXT = 0x1_2340_0000;
/** ELF virtual address of .eh_frame. */
export const EH_FRAME = TEXT + TEXT_BYTES;

/** Little-endian bytes of a 32-bit number, signed or not. */
export const u32 = (value: number): number[] => [
  value & 255,
  (value >> 8) & 255,
  (value >> 16) & 255,
  (value >>> 24) & 255,
];
export const u64 = (value: number): number[] => [
  ...u32(value),
  ...u32(Math.floor(value / 2 ** 32)),
];

/** cfa = rsp + 8, return address at cfa - 8: how every x86-64 CIE starts. */
export const USUAL_CIE_PROGRAM = [0x0c, 7, 8, 0x90, 1];

/** A section in the making; offsets are of entries in it. */
export class FrameAssembler {
  readonly bytes: number[] = [];
  private cieAt = 0;

  /** A CIE; its encoding must be 0x1b (pcrel, sdata4), or none for absolute addresses of 8 bytes. */
  cie(program: number[] = USUAL_CIE_PROGRAM, augmentation = 'zR', data: number[] = [0x1b]): this {
    this.cieAt = this.bytes.length;
    const text = Buffer.from(augmentation, 'latin1');
    const length = augmentation === '' ? [] : [data.length];
    return this.entry([...u32(0), 1, ...text, 0, 1, 0x78, 16, ...length, ...data, ...program]);
  }

  /** An FDE of the last CIE, with pc-relative addresses. */
  fde(start: number, length: number, program: number[] = []): this {
    const at = this.bytes.length;
    const relative = start - (EH_FRAME + at + 8);
    return this.entry([
      ...u32(at + 4 - this.cieAt),
      ...u32(relative),
      ...u32(length),
      0,
      ...program,
    ]);
  }

  /** Any entry, with its length in front and padded with nops. */
  entry(body: number[]): this {
    const padding = new Array<number>((4 - (body.length % 4)) % 4).fill(0);
    this.bytes.push(...u32(body.length + padding.length), ...body, ...padding);
    return this;
  }

  zero(): this {
    this.bytes.push(...u32(0));
    return this;
  }
}

/** What an assembled file is, where it is not the usual. */
export interface FileOptions {
  readonly machine?: number;
  readonly type?: number;
  /** Name of the section that holds the frames; null: no section headers, but .eh_frame_hdr. */
  readonly section?: '.eh_frame' | '.debug_frame' | null;
  /** SHF_* of it. */
  readonly sectionFlags?: number;
}

const FRAMES_AT = 0x200;
const HEADER_AT = 0x180;

/** An ELF file: code at TEXT, the frames at EH_FRAME. */
export function elfWithFrames(frames: readonly number[], options: FileOptions = {}): Buffer {
  const { machine = 62, type = 3, section = '.eh_frame', sectionFlags = 2 } = options;
  const names = `\0${section ?? ''}\0.names\0`;
  const namesAt = FRAMES_AT + frames.length;
  const sectionsAt = section === null ? 0 : namesAt + names.length;
  const bytes = Buffer.alloc(namesAt + names.length + 3 * 64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(type, 16);
  bytes.writeUInt16LE(machine, 18);
  bytes.set(u64(64), 32);
  bytes.set(u64(sectionsAt), 40);
  for (const [at, value] of [
    [52, 64],
    [54, 56],
    [56, 3],
    [58, 64],
    [60, 3],
    [62, 2],
  ] as const) {
    bytes.writeUInt16LE(value, at);
  }
  const segment = (at: number, fields: number[]): void => {
    bytes.writeUInt32LE(fields[0]!, at);
    bytes.writeUInt32LE(fields[1]!, at + 4);
    fields.slice(2).forEach((value, index) => bytes.set(u64(value), at + 8 + index * 8));
  };
  segment(64, [1, 5, 0, TEXT, TEXT, FRAMES_AT, TEXT_BYTES, 4096]);
  segment(120, [1, 4, FRAMES_AT, EH_FRAME, EH_FRAME, frames.length, frames.length, 4096]);
  segment(176, [0x6474e550, 4, HEADER_AT, EH_FRAME - 64, EH_FRAME - 64, 12, 12, 4]);
  // .eh_frame_hdr: version 1, pointer pcrel sdata4, no table.
  bytes.set([1, 0x1b, 0xff, 0xff, ...u32(64 - 4)], HEADER_AT);
  bytes.set(frames, FRAMES_AT);
  bytes.write(names, namesAt, 'latin1');
  if (section === null) return bytes;
  const header = (at: number, fields: number[]): void => {
    bytes.writeUInt32LE(fields[0]!, at);
    bytes.writeUInt32LE(fields[1]!, at + 4);
    fields.slice(2).forEach((value, index) => bytes.set(u64(value), at + 8 + index * 8));
  };
  header(sectionsAt + 64, [1, 1, sectionFlags, EH_FRAME, FRAMES_AT, frames.length]);
  header(sectionsAt + 128, [section.length + 2, 3, 0, 0, namesAt, names.length]);
  return bytes;
}

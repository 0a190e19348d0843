import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bufferSource } from '../../../main/elf/byte-source.ts';
import { ElfFile } from '../../../main/elf/elf-file.ts';
import { buildUnwindTableCounted, type UnwindBuild } from '../../../main/unwind/build-table.ts';
import { NONE_RULE, SIGNAL_RULE, UNSUPPORTED_RULE } from '../../../main/unwind/known-rules.ts';
import type { UnwindRule } from '../../../main/unwind/unwind-table.ts';
import {
  EH_FRAME,
  elfWithFrames,
  type FileOptions,
  FrameAssembler,
  TEXT,
  USUAL_CIE_PROGRAM,
  u32,
  u64,
} from '../../support/frame-assembler.ts';
import { ruleAt } from '../../support/readelf-frames.ts';

const parsed = (file: Buffer): ElfFile => {
  const elf = ElfFile.parse(bufferSource(file));
  if (!elf.ok) throw new Error(elf.error);
  return elf.value;
};

function built(frames: FrameAssembler, options: FileOptions = {}): UnwindBuild {
  const result = buildUnwindTableCounted(parsed(elfWithFrames(frames.bytes, options)));
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

const rule = (fields: Partial<UnwindRule>): UnwindRule => ({
  ...NONE_RULE,
  cfaKind: 1,
  cfaRegister: 7,
  cfaOffset: 8,
  raOffset: -8,
  ...fields,
});

/** Offsets from TEXT and rules of all rows. */
const rowsOf = ({ table }: UnwindBuild): [number, UnwindRule][] =>
  [...table.addresses].map((address, row) => [
    address + table.base - TEXT,
    table.rules[table.ruleIndexes[row]!]!,
  ]);

/** The rule that one function's instructions lead to. */
function ruleAfter(program: number[]): UnwindRule {
  const { table } = built(new FrameAssembler().cie().fde(TEXT + 64, 64, [...program, 0x41]));
  return ruleAt(table, TEXT + 64)!;
}

/** An expression as the operand of an instruction. */
const block = (...operations: number[]): number[] => [operations.length, ...operations];
const DEREF = 0x06;
const PLT_START = [0x77, 8, 0x80, 0, 0x3f, 0x1a];
const PLT_END = [0x2a, 0x33, 0x24, 0x22];

describe('buildUnwindTable: instructions', () => {
  it.each<[string, number[], Partial<UnwindRule>]>([
    ['nothing', [], {}],
    ['nop and GNU_args_size', [0, 0x2e, 0x90, 1], {}],
    ['def_cfa', [0x0c, 6, 16], { cfaRegister: 6, cfaOffset: 16 }],
    ['def_cfa of r10', [0x0c, 10, 0], { cfaRegister: 10, cfaOffset: 0 }],
    ['def_cfa_sf', [0x12, 6, 0x7e], { cfaRegister: 6, cfaOffset: 16 }],
    ['def_cfa_register', [0x0d, 6], { cfaRegister: 6 }],
    ['def_cfa_offset of two bytes', [0x0e, 0x90, 2], { cfaOffset: 272 }],
    ['def_cfa_offset_sf', [0x13, 0x7d], { cfaOffset: 24 }],
    ['offset', [0x86, 2], { fpKind: 1, fpOffset: -16 }],
    ['offset_extended', [0x05, 6, 3], { fpKind: 1, fpOffset: -24 }],
    ['offset_extended_sf', [0x11, 6, 0x7f], { fpKind: 1, fpOffset: 8 }],
    ['GNU_negative_offset_extended', [0x2f, 6, 2], { fpKind: 1, fpOffset: 16 }],
    ['offset of the return address', [0x90, 3], { raOffset: -24 }],
    ['offset of another register', [0x83, 2], {}],
    ['restore', [0x86, 2, 0xc6], {}],
    ['restore_extended', [0x86, 2, 0x06, 6], {}],
    ['restore of the return address', [0x90, 3, 0xd0], {}],
    ['same_value', [0x86, 2, 0x08, 6], {}],
    ['undefined', [0x07, 6], { fpKind: 3 }],
    ['register', [0x09, 6, 3], { fpKind: 3 }],
    ['val_offset', [0x14, 6, 2], { fpKind: 3 }],
    ['val_offset_sf', [0x15, 6, 2], { fpKind: 3 }],
    ['val_offset 0 of rsp', [0x14, 7, 0], {}],
    ['val_expression of rsp that is the CFA', [0x16, 7, ...block(0x96)], {}],
    ['remember and restore_state', [0x0a, 0x86, 2, 0x0e, 16, 0x0b], {}],
    ['undefined return address', [0x07, 16], { raKind: 1, raOffset: 0 }],
    ['expression rbp at *(rbp)', [0x10, 6, ...block(0x76, 0)], { fpKind: 2 }],
    [
      'expression rbp at *(rbp - 16)',
      [0x10, 6, ...block(0x76, 0x70)],
      { fpKind: 2, fpOffset: -16 },
    ],
    ['expression rbp at *(rsp - 8)', [0x10, 6, ...block(0x77, 0x78)], { fpKind: 1, fpOffset: -16 }],
    ['expression rbp at cfa - 24', [0x10, 6, ...block(0x48, 0x1c)], { fpKind: 1, fpOffset: -24 }],
    ['expression rbp, aligned', [0x10, 6, ...block(0x38, 0x1c, 0x09, 0xc0, 0x1a)], { fpKind: 3 }],
    [
      'realigned stack (DRAP)',
      [0x0f, ...block(0x76, 0x78, DEREF), 0x10, 6, ...block(0x76, 0)],
      { cfaKind: 2, cfaRegister: 6, cfaOffset: -8, fpKind: 2 },
    ],
    [
      'expression *(rsp + 40) + 8',
      [0x0f, ...block(0x77, 40, DEREF, 0x23, 8)],
      { cfaKind: 2, cfaOffset: 40, cfaAddend: 8 },
    ],
    [
      'expression *(rsp + 40) + lit8',
      [0x0f, ...block(0x77, 40, DEREF, 0x38, 0x22)],
      { cfaKind: 2, cfaOffset: 40, cfaAddend: 8 },
    ],
    [
      'expression *(rsp + const1u 200) - 16',
      [0x0f, ...block(0x77, 0, 0x08, 200, 0x22, DEREF, 0x40, 0x1c)],
      { cfaKind: 2, cfaOffset: 200, cfaAddend: -16 },
    ],
    ['expression 8 + rbp', [0x0f, ...block(0x38, 0x76, 0, 0x22)], { cfaRegister: 6 }],
    ['.plt', [0x0f, ...block(...PLT_START, 0x3b, ...PLT_END)], { cfaKind: 3, cfaOffset: 11 }],
    [
      '.plt with IBT',
      [0x0f, ...block(...PLT_START, 0x3a, ...PLT_END)],
      { cfaKind: 3, cfaOffset: 10 },
    ],
    [
      'def_cfa after an expression',
      [0x0f, ...block(0x77, 40, DEREF, 0x23, 8), 0x0c, 7, 16],
      { cfaOffset: 16 },
    ],
  ])('follows %s', (_name, program, expected) => {
    expect(ruleAfter(program)).toEqual(rule(expected));
  });

  it.each<[string, number[]]>([
    [
      '*(rsp + 8 + r9 * 8) + 8',
      [0x0f, ...block(0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, DEREF, 0x23, 8)],
    ],
    ['an empty expression', [0x0f, 0]],
    ['a constant', [0x0f, ...block(0x38)]],
    ['an operand cut off by the end of its expression', [0x0f, ...block(0x77)]],
    ['operations on an empty stack', [0x0f, ...block(DEREF)]],
    ['a stub of another size', [0x0f, ...block(...PLT_START, 0x4f, ...PLT_END)]],
    ['a CFA by a vector register', [0x0c, 17, 8]],
    ['an offset of more than 32 bits', [0x0e, 0x80, 0x80, 0x80, 0x80, 0x80, 1]],
    ['a return address in a register', [0x09, 16, 1]],
    ['a return address that is the same', [0x08, 16]],
    ['a stack pointer saved elsewhere', [0x87, 2]],
    ['a frame register too far off', [0x0d, 0x80, 0x80, 0x80, 0x80, 0x10]],
  ])('calls %s unsupported', (_name, program) => {
    expect(ruleAfter(program)).toEqual(UNSUPPORTED_RULE);
  });

  it('recognises the frame of a signal by where all three registers are', () => {
    const at = (register: number, offset: number): number[] => [
      ...[0x10, register],
      ...block(0x77, (offset & 0x7f) | 0x80, offset >> 7),
    ];
    const cfa = [0x0f, ...block(0x77, 0xa0, 1, DEREF)];
    const registers = [...at(6, 120), ...at(7, 160), ...at(16, 168)];
    expect(ruleAfter([...cfa, ...registers])).toEqual(SIGNAL_RULE);
    expect(ruleAfter([...cfa, ...at(6, 120), ...at(7, 160), ...at(16, 176)])).toEqual(
      UNSUPPORTED_RULE,
    );
  });

  it.each<[string, number[]]>([
    ['1', [0x02, 32]],
    ['2', [0x03, 32, 0]],
    ['4', [0x04, 32, 0, 0, 0]],
    ['8', [0x1d, 32, 0, 0, 0, 0, 0, 0, 0]],
    ['6 bits', [0x40 | 32]],
  ])('advances by operands of %s', (_name, advance) => {
    const rows = rowsOf(built(new FrameAssembler().cie().fde(TEXT, 64, [...advance, 0x0e, 16])));
    expect(rows).toEqual([
      [0, rule({})],
      [32, rule({ cfaOffset: 16 })],
      [64, NONE_RULE],
    ]);
  });

  it('keeps the last of two rows at one address, and none behind the end', () => {
    const program = [0x44, 0x0e, 16, 0x40, 0x0e, 24, 0x7f, 0x0e, 32];
    expect(rowsOf(built(new FrameAssembler().cie().fde(TEXT, 16, program)))).toEqual([
      [0, rule({})],
      [4, rule({ cfaOffset: 24 })],
      [16, NONE_RULE],
    ]);
  });

  it.each<[string, number[]]>([
    ['an unknown instruction', [0x3f]],
    ['restore_state without a state', [0x0b]],
    ['states remembered without end', new Array<number>(65).fill(0x0a)],
    ['a location before the one at hand', [0x01, ...u32(-0x10_0000)]],
    ['an operand cut off', [0x04, 1, 2]],
    ['a number longer than 64 bits', [0x0e, ...new Array<number>(12).fill(0x80)]],
  ])('gives up a function at %s, and counts it', (_name, program) => {
    // 0x44 first: what came before it stands.
    const body = [0x44, ...program];
    const padded = [...body, ...new Array<number>((4 - ((body.length + 1) % 4)) % 4).fill(0)];
    // Instructions end where the entry ends; nops in between would be operands.
    const whole = _name === 'an operand cut off' ? [0, 0, 0x44, 0x04, 1, 2, 3] : padded;
    const result = built(
      new FrameAssembler()
        .cie()
        .fde(TEXT, 64, whole)
        .fde(TEXT + 64, 64),
    );
    expect(rowsOf(result)).toEqual([
      [0, rule({})],
      [4, UNSUPPORTED_RULE],
      [64, rule({})],
      [128, NONE_RULE],
    ]);
    expect(result.counts).toMatchObject({ fdes: 2, unfollowed: 1 });
  });
});

describe('buildUnwindTable: functions', () => {
  it('takes what is too short to be a function between two of them for padding', () => {
    const frames = new FrameAssembler()
      .cie()
      .fde(TEXT, 17)
      .fde(TEXT + 32, 16)
      .fde(TEXT + 64, 32);
    expect(rowsOf(built(frames))).toEqual([
      [0, rule({})],
      [48, NONE_RULE],
      [64, rule({})],
      [96, NONE_RULE],
    ]);
  });

  it('merges neighbours that say the same and fills gaps', () => {
    const frames = new FrameAssembler().cie().fde(TEXT + 0x80, 16);
    const result = built(frames.fde(TEXT, 16).fde(TEXT + 16, 16));
    expect(rowsOf(result)).toEqual([
      [0, rule({})],
      [32, NONE_RULE],
      [0x80, rule({})],
      [0x90, NONE_RULE],
    ]);
    expect(result.table.base % 65_536).toBe(0);
    expect(result.table.rules.slice(0, 2)).toEqual([NONE_RULE, UNSUPPORTED_RULE]);
  });

  it('lets the function that starts last have an address, and the first read of two at one', () => {
    const frames = new FrameAssembler()
      .cie()
      .fde(TEXT, 64)
      .fde(TEXT + 32, 16, [0x0e, 16])
      .fde(TEXT + 32, 64, [0x0e, 24]);
    const result = built(frames);
    expect(rowsOf(result)).toEqual([
      [0, rule({})],
      [32, rule({ cfaOffset: 16 })],
      [48, NONE_RULE],
    ]);
    expect(result.counts.overlapping).toBe(2);
  });

  it('leaves out what is empty, outside the code, or without a CIE, and counts it', () => {
    const frames = new FrameAssembler()
      .cie()
      .fde(TEXT, 16)
      .fde(TEXT + 32, 0)
      .fde(TEXT - 16, 8)
      .fde(EH_FRAME - 8, 16)
      .entry([...u32(0x1000), ...u32(0), ...u32(16)]);
    const result = built(frames);
    expect(rowsOf(result)).toHaveLength(2);
    expect(result.counts).toEqual({
      ...{ fdes: 5, empty: 1, outside: 2, damaged: 1, overlapping: 0, unfollowed: 0 },
      ruleOverflows: 0,
    });
  });

  it('believes only CIEs that are entries', () => {
    const frames = new FrameAssembler().cie().fde(TEXT, 16);
    const at = frames.bytes.length;
    // Points into the middle of the CIE.
    frames.entry([...u32(at + 4 - 4), ...u32(TEXT + 32 - (EH_FRAME + at + 8)), ...u32(16), 0]);
    expect(built(frames).counts).toMatchObject({ fdes: 2, damaged: 1 });
  });

  it('takes restore in a CIE for "as it was before", as libgcc does and LLVM BOLT means it', () => {
    const program = [...USUAL_CIE_PROGRAM, 0x0c, 6, 16, 0x86, 2, 0x0c, 7, 8, 0xc6];
    expect(rowsOf(built(new FrameAssembler().cie(program).fde(TEXT, 16)))[0]).toEqual([
      ...[0, rule({})],
    ]);
  });

  it('reads on behind an entry of length 0, and stops at a length that leads out', () => {
    const frames = new FrameAssembler()
      .cie()
      .fde(TEXT, 16)
      .zero()
      .fde(TEXT + 16, 16);
    frames.bytes.push(...u32(0x7fff_0000), 1, 2, 3, 4);
    const result = built(frames);
    expect(rowsOf(result).map(([at]) => at)).toEqual([0, 32]);
    expect(result.counts).toMatchObject({ fdes: 2, damaged: 1 });
  });

  it('reads entries with 64-bit lengths', () => {
    const frames = new FrameAssembler().cie();
    const at = frames.bytes.length;
    const body = [...u32(at + 12), ...u32(TEXT - (EH_FRAME + at + 16)), ...u32(16), 0, 0, 0, 0];
    frames.bytes.push(...u32(0xffff_ffff), ...u64(body.length), ...body);
    expect(rowsOf(built(frames)).map(([offset]) => offset)).toEqual([0, 16]);
  });

  it('steps over personality, LSDA and signal augmentations', () => {
    const data = [0x9b, ...u32(77), 0x1b, 0x1b];
    const frames = new FrameAssembler().cie(USUAL_CIE_PROGRAM, 'zPLRS', data).fde(TEXT, 16);
    expect(rowsOf(built(frames)).map(([offset]) => offset)).toEqual([0, 16]);
  });

  it.each<[string, FrameAssembler]>([
    ['an unknown augmentation', new FrameAssembler().cie(USUAL_CIE_PROGRAM, 'zQR', [0x1b])],
    ['an indirect address', new FrameAssembler().cie(USUAL_CIE_PROGRAM, 'zR', [0x9b])],
    [
      'an address relative to nothing known',
      new FrameAssembler().cie(USUAL_CIE_PROGRAM, 'zR', [0x3b]),
    ],
  ])('leaves out functions with %s', (_name, frames) => {
    const result = buildUnwindTableCounted(parsed(elfWithFrames(frames.fde(TEXT, 16).bytes)));
    expect(result).toMatchObject({
      ok: false,
      error: { kind: 'no-unwind-information', counts: { fdes: 1, damaged: 1 } },
    });
  });

  it('finds .eh_frame by its program header when section headers are gone', () => {
    const frames = new FrameAssembler()
      .cie()
      .fde(TEXT, 16)
      .fde(TEXT + 16, 8, [0x0e, 16])
      .zero();
    const stripped = built(frames, { section: null });
    expect(stripped.table).toEqual(built(frames).table);
  });

  it('takes .debug_frame where there is no .eh_frame, compressed or not', () => {
    const body = [0xff, 0xff, 0xff, 0xff, 1, 0, 1, 0x78, 16, ...USUAL_CIE_PROGRAM];
    const frames = new FrameAssembler()
      .entry(body)
      .entry([...u32(0), ...u64(TEXT), ...u64(16), 0x44, 0x0e, 16]);
    const plain = built(frames, { section: '.debug_frame', sectionFlags: 0 });
    expect(rowsOf(plain)).toEqual([
      [0, rule({})],
      [4, rule({ cfaOffset: 16 })],
      [16, NONE_RULE],
    ]);
    const packed = new FrameAssembler();
    packed.bytes.push(...u32(1), ...u32(0), ...u64(frames.bytes.length), ...u64(1));
    packed.bytes.push(...deflateSync(Buffer.from(frames.bytes)));
    const options = { section: '.debug_frame', sectionFlags: 0x800 } as const;
    expect(built(packed, options).table).toEqual(plain.table);
    packed.bytes.splice(30, 4, 9, 9, 9, 9);
    expect(buildUnwindTableCounted(parsed(elfWithFrames(packed.bytes, options))).ok).toBe(false);
  });

  it('calls what does not fit into 65,535 rules unsupported, and counts it', () => {
    const frames = new FrameAssembler().cie();
    const program: number[] = [];
    for (let offset = 0; offset < 65_535; offset++) {
      program.push(0x0e, (offset & 0x7f) | 0x80, ((offset >> 7) & 0x7f) | 0x80, offset >> 14, 0x41);
    }
    // In pieces: an array of that length cannot be spread as arguments.
    const at = frames.bytes.length;
    const head = [...u32(at + 4), ...u32(TEXT - (EH_FRAME + at + 8)), ...u32(0x1_0000), 0];
    const padding = (4 - ((head.length + program.length) % 4)) % 4;
    let bytes = frames.bytes.concat(u32(head.length + program.length + padding), head, program);
    bytes = bytes.concat(new Array<number>(padding).fill(0));
    const result = buildUnwindTableCounted(parsed(elfWithFrames(bytes)));
    if (!result.ok) throw new Error(result.error.kind);
    const { table, counts } = result.value;
    expect(table.rules).toHaveLength(65_535);
    expect(ruleAt(table, TEXT + 65_532)).toEqual(rule({ cfaOffset: 65_532 }));
    expect(ruleAt(table, TEXT + 65_534)).toEqual(UNSUPPORTED_RULE);
    expect(counts.ruleOverflows).toBe(2);
  });

  it.each<[FileOptions, object]>([
    [{ machine: 183 }, { kind: 'unsupported-machine', machine: 183 }],
    [{ type: 1 }, { kind: 'unsupported-type', type: 1 }],
  ])('refuses %j', (options, problem) => {
    const file = elfWithFrames(new FrameAssembler().cie().fde(TEXT, 16).bytes, options);
    expect(buildUnwindTableCounted(parsed(file))).toEqual({ ok: false, error: problem });
  });

  it('answers whatever one damaged byte does to a file', () => {
    const frames = new FrameAssembler().cie().fde(TEXT, 32, [0x44, 0x0e, 16, 0x86, 2]);
    const file = elfWithFrames(frames.fde(TEXT + 32, 16, [0x0f, ...block(0x77, 8, DEREF)]).bytes);
    for (let at = 16; at < file.length; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const damaged = Buffer.from(file);
        damaged[at] = value;
        const elf = ElfFile.parse(bufferSource(damaged));
        if (!elf.ok) continue;
        const result = buildUnwindTableCounted(elf.value);
        if (!result.ok) continue;
        const { addresses, ruleIndexes, rules } = result.value.table;
        const sound = addresses.every((address, row) => row === 0 || address > addresses[row - 1]!);
        expect([at, sound, ruleIndexes.every((index) => index < rules.length)]).toEqual([
          ...[at, true, true],
        ]);
      }
    }
  });
});

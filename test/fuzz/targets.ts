import { crc32 } from 'node:zlib';
import {
  decodeJson,
  encodeFrame,
  encodeJsonFrame,
  FrameDecoder,
} from '../../main/capture/wire/framing.ts';
import {
  byeSchema,
  errorSchema,
  factsSchema,
  helloSchema,
  startedSchema,
  startSchema,
  statsSchema,
} from '../../main/capture/wire/helper-protocol.ts';
import { MAX_FRAMES, RawSampleReader, STACK_SAMPLE } from '../../main/capture/wire/records.ts';
import { type ByteSource, bufferSource } from '../../main/elf/byte-source.ts';
import { ElfFile, segmentAtOffset } from '../../main/elf/elf-file.ts';
import { buildIdOf, debugLinkOf } from '../../main/elf/elf-notes.ts';
import { MAX_INLINE_DEPTH } from '../../main/shared/model/symbols.ts';
import { demangleRustLegacy } from '../../main/symbolize/demangle-rust-legacy.ts';
import { demangleRustV0 } from '../../main/symbolize/demangle-rust-v0.ts';
import { DebugInfo, hasDebugInfo } from '../../main/symbolize/dwarf/debug-info.ts';
import { readDynsym, readMiniDebug, readSymtab } from '../../main/symbolize/elf-symbols.ts';
import { readGoFunctions } from '../../main/symbolize/go-functions.ts';
import { JitDump } from '../../main/symbolize/jitdump.ts';
import { PerfMap } from '../../main/symbolize/perf-map.ts';
import { SymbolTable } from '../../main/symbolize/symbol-table.ts';
import { buildUnwindTable } from '../../main/unwind/build-table.ts';
import { decodeUnwindTable, encodeUnwindTable } from '../../main/unwind/table-codec.ts';
import type { UnwindTable } from '../../main/unwind/unwind-table.ts';
import { jitdumpSeeds } from './jitdump-seeds.ts';
import type { Seed } from './mutate.ts';
import { aimedAt, elfSeeds, perfMapSeeds, rustNameSeeds } from './seeds.ts';

/** A parser of hostile input. */
export interface FuzzTarget {
  readonly name: string;
  readonly seeds: () => readonly Seed[];
  /** Throws when the parser breaks a promise; a throw of the parser itself is one. */
  readonly run: (bytes: Buffer) => void;
}

function promise(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`broken promise: ${what}`);
}

/** Nothing larger than the file may ever be read. */
function watched(bytes: Buffer): ByteSource {
  const inner = bufferSource(bytes);
  return {
    size: inner.size,
    read(offset, length) {
      const got = inner.read(offset, length);
      promise((got?.length ?? 0) <= bytes.length, 'a read larger than the file');
      return got;
    },
  };
}

const ADDRESSES = [0, 1, 0x1000, 0x1139, 0x2000, 2 ** 32, 2 ** 47, 2 ** 53];

function runElf(bytes: Buffer): void {
  const elf = ElfFile.parse(watched(bytes));
  if (!elf.ok) {
    promise(elf.error !== '', 'an error without words');
    return;
  }
  promise(buildIdOf(elf.value).length <= 128, 'a build id of at most 64 bytes');
  debugLinkOf(elf.value);
  for (const address of ADDRESSES) segmentAtOffset(elf.value.segments, address);
  readMiniDebug(elf.value, () => (packed) => packed);
  const found = [readSymtab(elf.value), readDynsym(elf.value), readGoFunctions(elf.value)];
  for (const columns of found) {
    if (columns === null) continue;
    const table = new SymbolTable(columns);
    for (const address of ADDRESSES) {
      const entry = table.find(address);
      if (entry < 0) continue;
      promise(table.startOf(entry) <= address, 'a symbol that starts behind the address');
      table.nameOf(entry);
    }
  }
}

/** A table that the BPF programs would be given: rows ascending, every rule there. */
function checkTable(table: UnwindTable, bytes: Buffer): void {
  const { addresses, ruleIndexes, rules, base } = table;
  promise(Number.isSafeInteger(base) && base >= 0 && base % 65_536 === 0, 'a base of 64 KiB steps');
  promise(addresses.length === ruleIndexes.length, 'a rule for every row');
  promise(addresses.length <= 8 * bytes.length, 'rows in proportion to the input');
  promise(rules.length <= 65_536, 'rules that an index reaches');
  for (let row = 0; row < addresses.length; row++) {
    promise(ruleIndexes[row]! < rules.length, 'a rule that is there');
    if (row > 0) promise(addresses[row]! > addresses[row - 1]!, 'rows in ascending order');
  }
  for (const rule of rules) {
    for (const value of Object.values(rule) as readonly number[]) {
      promise(Number.isInteger(value) && Math.abs(value) <= 2 ** 31, 'offsets of 32 bits');
    }
  }
}

function runEhFrame(bytes: Buffer): void {
  const elf = ElfFile.parse(watched(bytes));
  if (!elf.ok) return;
  const table = buildUnwindTable(elf.value);
  if (table.ok) checkTable(table.value, bytes);
}

/** Where a stored table has the CRC-32 of its bytes (table-codec.ts). */
const CHECKSUM_AT = 24;

function runUnwindCache(bytes: Buffer): void {
  decodeUnwindTable(bytes);
  if (bytes.length < CHECKSUM_AT + 4) return;
  // Damage that its author has signed: what is behind the checksum is looked at as well.
  bytes.writeUInt32LE(0, CHECKSUM_AT);
  bytes.writeUInt32LE(crc32(bytes), CHECKSUM_AT);
  const stored = decodeUnwindTable(bytes);
  if (!stored.ok) return;
  checkTable(stored.value.table, bytes);
  const again = decodeUnwindTable(encodeUnwindTable(stored.value));
  promise(again.ok, 'a decoded table that can be stored');
}

function unwindCacheSeeds(elfs: readonly Seed[]): readonly Seed[] {
  return elfs.flatMap(({ name, bytes }): Seed[] => {
    const elf = ElfFile.parse(bufferSource(bytes));
    const table = elf.ok ? buildUnwindTable(elf.value) : elf;
    if (!table.ok) return [];
    const stored = encodeUnwindTable({ buildId: '0123456789abcdef', table: table.value });
    return [{ name, bytes: stored, hot: [[0, 96]] }];
  });
}

/** Addresses in the code of the seeds, which the linker puts near 4 KiB, or at 4 MiB without PIE. */
const CODE = Array.from({ length: 24 }, (_, i) => (i % 2 === 0 ? 0x1000 : 0x401000) + i * 13);
/** Memory that the debug information of a small file may keep, bytes. */
const MAX_DEBUG_BYTES = 32 << 20;

function runDwarf(bytes: Buffer): void {
  const elf = ElfFile.parse(watched(bytes));
  if (!elf.ok) return;
  const info = DebugInfo.open(elf.value);
  if (info === null) return;
  for (const address of [...CODE, ...ADDRESSES]) {
    const place = info.locate(address);
    if (place === null) continue;
    promise(place.inlined.length <= MAX_INLINE_DEPTH, 'a bounded chain of inlined calls');
    for (const { source } of [place, ...place.inlined]) {
      promise(source === null || source.line >= 1, 'lines from 1');
    }
  }
  promise(info.keptBytes <= MAX_DEBUG_BYTES, `${info.keptBytes} bytes kept`);
}

/** What reads files of runtimes as they grow. */
interface JitReader {
  readonly length: number;
  readonly malformed: number;
  add(bytes: Uint8Array): void;
  find(address: number): { readonly name: string; readonly start: number } | null;
}

const JIT_ADDRESSES = [0, 0x7f3a40001000, 0x7f3a40001010, 0x7f3a40001100, 0x7f3a40001410, 2 ** 53];

/** However the file is cut into pieces, it says the same. */
function runJitReader(bytes: Buffer, create: () => JitReader): void {
  const whole = create();
  whole.add(bytes);
  const pieces = create();
  const step = 1 + ((bytes[bytes.length >> 1] ?? 0) % 61) * 5;
  for (let at = 0; at < bytes.length; at += step) pieces.add(bytes.subarray(at, at + step));
  promise(whole.length <= bytes.length, 'more entries than bytes');
  promise(whole.length === pieces.length, `as many entries in pieces of ${step}`);
  for (const address of JIT_ADDRESSES) {
    const found = whole.find(address);
    if (found !== null) promise(found.start <= address, 'an entry that starts behind the address');
    promise(
      JSON.stringify(found) === JSON.stringify(pieces.find(address)),
      `the same at ${address.toString(16)} in pieces of ${step}`,
    );
  }
}

/** Rust's two manglings. C++ goes to the system's own demangler. */
function runRustNames(bytes: Buffer): void {
  const name = bytes.toString('latin1');
  for (const text of [demangleRustV0(name), demangleRustLegacy(name)]) {
    if (text !== null) promise(text.length <= 1 << 20, 'a name that can be shown');
  }
}

const SCHEMAS = {
  hello: helloSchema,
  start: startSchema,
  started: startedSchema,
  facts: factsSchema,
  stats: statsSchema,
  error: errorSchema,
  bye: byeSchema,
};

/** The engine's side of the pipe: what a broken helper could send, cut at any place. */
function runHelperFrames(bytes: Buffer): void {
  const decoder = new FrameDecoder();
  const step = Math.max(1, (bytes[0] ?? 1) * 7);
  for (let at = 0; at < bytes.length; at += step) {
    const frames = decoder.push(bytes.subarray(at, at + step));
    if (!frames.ok) return;
    for (const { type, payload } of frames.value) {
      if (type === 'data') readSamples(payload);
      else if (type in SCHEMAS)
        SCHEMAS[type as keyof typeof SCHEMAS].safeParse(decodeJson(payload));
    }
  }
}

function readSamples(payload: Uint8Array): void {
  const reader = new RawSampleReader(payload);
  for (let records = 0; reader.next(); records++) {
    promise(records * STACK_SAMPLE.size <= payload.length, 'more records than bytes');
    promise(reader.kernelFrames <= MAX_FRAMES, 'a deeper stack than allowed');
    for (let i = 0; i < reader.kernelFrames + reader.userFrames; i++) {
      promise(Number.isInteger(reader.addressLow(i)), 'an address outside the payload');
      promise(Number.isInteger(reader.addressHigh(i)), 'an address outside the payload');
    }
  }
}

function helperSeeds(): readonly Seed[] {
  const sample = Buffer.alloc(STACK_SAMPLE.size + 5 * 8, 0x41);
  sample.writeUInt16LE(2, STACK_SAMPLE.fields.kernel_frames);
  sample.writeUInt16LE(3, STACK_SAMPLE.fields.user_frames);
  const hello = { product: 'emberscope-helper', version: '1.0', protocol: 1, pid: 1 };
  const facts = [
    {
      kind: 'mapping',
      pid: 1,
      time: 0,
      start: '1000',
      end: '2000',
      fileOffset: 0,
      path: '/bin/a',
      buildId: '',
      inode: '',
    },
    { kind: 'exec', pid: 1, time: 5, comm: 'a', exe: '/bin/a' },
    { kind: 'fork', pid: 2, tid: 2, parentPid: 1, parentTid: 1, time: 6 },
  ];
  const stream = [
    encodeJsonFrame('hello', hello),
    encodeJsonFrame('facts', facts),
    encodeFrame('data', Buffer.concat([sample, sample, sample])),
    encodeFrame('kallsyms', Buffer.from('ffffffff81000000 T _text\n')),
    encodeFrame('data', sample),
  ];
  return [
    { name: 'stream', bytes: Buffer.concat(stream), hot: [] },
    {
      name: 'data',
      bytes: Buffer.from(encodeFrame('data', Buffer.concat(Array<Buffer>(20).fill(sample)))),
      hot: [[0, 64]],
    },
  ];
}

function withDebug(elfs: readonly Seed[]): readonly Seed[] {
  return elfs.filter(({ bytes }) => {
    const elf = ElfFile.parse(bufferSource(bytes));
    return elf.ok && hasDebugInfo(elf.value);
  });
}

/** Every parser of input that others write. `fixtures`: where the sources of the ELF seeds are. */
export function fuzzTargets(fixtures: string): readonly FuzzTarget[] {
  let compiled: readonly Seed[] | null = null;
  const elfs = (): readonly Seed[] => (compiled ??= elfSeeds(fixtures));
  return [
    {
      name: 'elf',
      seeds: () =>
        aimedAt(elfs(), /^\.(?:symtab|strtab|dynsym|dynstr|note.*|gnu_debuglink|shstrtab)$/, true),
      run: runElf,
    },
    {
      name: 'eh-frame',
      seeds: () => aimedAt(elfs(), /^\.(?:eh_frame|eh_frame_hdr|debug_frame)$/, false),
      run: runEhFrame,
    },
    { name: 'unwind-cache', seeds: () => unwindCacheSeeds(elfs()), run: runUnwindCache },
    {
      name: 'dwarf',
      seeds: () => aimedAt(withDebug(elfs()), /^\.debug_/, false),
      run: runDwarf,
    },
    {
      name: 'perf-map',
      seeds: perfMapSeeds,
      run: (bytes) => runJitReader(bytes, () => new PerfMap('fuzz')),
    },
    {
      name: 'jitdump',
      seeds: jitdumpSeeds,
      run: (bytes) => runJitReader(bytes, () => new JitDump('fuzz')),
    },
    { name: 'rust-names', seeds: rustNameSeeds, run: runRustNames },
    { name: 'helper-frames', seeds: helperSeeds, run: runHelperFrames },
  ];
}

import { AppendedFile, type AppendReader } from './appended-file.ts';
import { CodeRanges } from './code-ranges.ts';
import { type CodeLines, JitLines } from './jitdump-lines.ts';
import type { JitSymbol } from './perf-map.ts';

// The jitdump format, version 1: Documentation/jitdump-specification.txt of the kernel's tools/perf.
// All fields are in the byte order of the writer; ours, or the file is not of this machine.
const MAGIC = 0x4a69_5444; // "JiTD"
const HEADER_BYTES = 40;
const HEADER_SIZE_AT = 8;
const HEADER_PID_AT = 20;
/** Record: id u32, total size u32, timestamp u64 (CLOCK_MONOTONIC, ns). */
const PREFIX_BYTES = 16;
const JIT_CODE_LOAD = 0;
const JIT_CODE_MOVE = 1;
const JIT_CODE_DEBUG_INFO = 2;
const JIT_CODE_CLOSE = 3;
/** Behind the prefix: pid u32, tid u32, vma u64, code address u64, code size u64, code index u64. */
const LOAD_BYTES = PREFIX_BYTES + 40;
/** Behind the prefix: pid u32, tid u32, vma u64, old u64, new address u64, size u64, index u64. */
const MOVE_BYTES = PREFIX_BYTES + 48;
/** Behind the prefix: code address u64, number of entries u64; the entries follow. */
const DEBUG_BYTES = PREFIX_BYTES + 16;

/** No runtime calls a function longer. */
const MAX_NAME_BYTES = 1 << 16;
/** Line tables of one piece of code; a larger one is passed over, the name stays. */
const MAX_DEBUG_BYTES = 16 << 20;
/** Code bytes make these files large; they are passed over. */
const MAX_FILE_BYTES = 4 * 2 ** 30;
/** Pieces of code kept; further ones are counted as malformed. */
const MAX_PIECES = 8 << 20;
const TWO_TO_32 = 2 ** 32;

/**
 * A jit-PID.dump: names, and lines where the runtime tells them, of code that was generated, moved and
 * generated again; see CodeRanges for overlaps. Read in any pieces; hostile: bounded in memory and time.
 */
export class JitDump implements AppendReader {
  private readonly file: AppendedFile;
  private readonly names: string[] = [];
  private readonly code = new CodeRanges();
  private readonly lines = new JitLines();
  /** Line tables by piece, where there is one. */
  private readonly linesOf = new Map<number, CodeLines>();
  /** Code index → its newest piece: what a move refers to. */
  private readonly byIndex = new Map<number, number>();
  /** Of the load that must follow. */
  private pending: { readonly address: number; readonly lines: CodeLines } | null = null;
  private rest = Buffer.alloc(0);
  /** Bytes of the current record still to be passed over. */
  private skip = 0;
  private state: 'header' | 'records' | 'unusable' = 'header';
  private malformedRecords = 0;
  private writerPid = 0;
  private isClosed = false;

  /** `places`: as AppendedFile. */
  constructor(...places: readonly string[]) {
    this.file = new AppendedFile(places, MAX_FILE_BYTES);
  }

  /** Pieces of code read. */
  get length(): number {
    return this.names.length;
  }

  /** Records that made no sense, and 1 for a file that is no jitdump or turned into garbage. */
  get malformed(): number {
    return this.malformedRecords;
  }

  /** The process that wrote it, as it calls itself (its own PID namespace); 0: not read yet. */
  get pid(): number {
    return this.writerPid;
  }

  /** The runtime said that nothing follows. */
  get closed(): boolean {
    return this.isClosed;
  }

  /** Reads what is new; null: done, else the errno name that says why the file cannot be read. */
  refresh(): string | null {
    return this.file.refresh(this);
  }

  restart(): void {
    this.names.length = 0;
    this.code.clear();
    this.lines.clear();
    this.linesOf.clear();
    this.byIndex.clear();
    this.pending = null;
    this.rest = Buffer.alloc(0);
    this.skip = 0;
    this.state = 'header';
    this.malformedRecords = 0;
    this.writerPid = 0;
    this.isClosed = false;
  }

  /** Adds bytes as if they had been appended to the file; an unfinished record waits for its rest. */
  add(bytes: Uint8Array): void {
    if (this.state === 'unusable') return;
    const passed = Math.min(this.skip, bytes.length);
    this.skip -= passed;
    const fresh = Buffer.from(bytes.buffer, bytes.byteOffset + passed, bytes.length - passed);
    if (fresh.length === 0) return;
    const data = this.rest.length > 0 ? Buffer.concat([this.rest, fresh]) : fresh;
    const used = this.readAll(data);
    this.rest = Buffer.from(data.subarray(used));
  }

  /** The newest piece of code that covers an absolute address; null: none. */
  find(address: number): JitSymbol | null {
    const piece = this.code.find(address);
    if (piece < 0) return null;
    const start = this.code.startOf(piece);
    const name = this.names[piece]!;
    const lines = this.linesOf.get(piece);
    const source = lines === undefined ? null : this.lines.find(lines, address - start);
    return source === null ? { name, start } : { name, start, source };
  }

  /** Reads complete records; returns how many bytes are done with. */
  private readAll(data: Buffer): number {
    let at = 0;
    if (this.state === 'header') {
      at = this.header(data);
      if (at === 0) return 0;
    }
    while (this.state === 'records' && at + PREFIX_BYTES <= data.length) {
      const size = data.readUInt32LE(at + 4);
      if (size < PREFIX_BYTES) {
        this.giveUp();
        break;
      }
      const needed = bytesNeeded(data.readUInt32LE(at), size);
      if (at + needed > data.length) return at;
      this.record(data.subarray(at, at + needed));
      const end = at + size;
      this.skip = Math.max(0, end - data.length);
      at = Math.min(end, data.length);
    }
    return this.state === 'unusable' ? data.length : at;
  }

  private giveUp(): void {
    this.malformedRecords++;
    this.state = 'unusable';
  }

  /** Bytes of the header; 0: it is not all there yet. */
  private header(data: Buffer): number {
    if (data.length < HEADER_BYTES) return 0;
    const size = data.readUInt32LE(HEADER_SIZE_AT);
    if (data.readUInt32LE(0) !== MAGIC || size < HEADER_BYTES || size > MAX_NAME_BYTES) {
      this.giveUp();
      return data.length;
    }
    if (data.length < size) return 0;
    this.writerPid = data.readUInt32LE(HEADER_PID_AT);
    this.state = 'records';
    return size;
  }

  private record(record: Buffer): void {
    const id = record.readUInt32LE(0);
    const size = record.readUInt32LE(4);
    let isSound = true;
    if (id === JIT_CODE_LOAD) isSound = size >= LOAD_BYTES && this.load(record);
    else if (id === JIT_CODE_MOVE) isSound = size >= MOVE_BYTES && this.move(record);
    else if (id === JIT_CODE_DEBUG_INFO) isSound = size >= DEBUG_BYTES && this.debugInfo(record);
    else if (id === JIT_CODE_CLOSE) this.isClosed = true;
    if (!isSound) this.malformedRecords++;
  }

  private load(record: Buffer): boolean {
    const address = numberAt(record, PREFIX_BYTES + 16);
    const size = numberAt(record, PREFIX_BYTES + 24);
    const index = numberAt(record, PREFIX_BYTES + 32);
    const nameEnd = record.indexOf(0, LOAD_BYTES);
    const debug = this.pending;
    this.pending = null;
    if (nameEnd < 0 || !Number.isSafeInteger(address + size)) return false;
    if (this.code.length >= MAX_PIECES) return false;
    const name = record.toString('utf8', LOAD_BYTES, nameEnd);
    const piece = this.addPiece(name, address, size);
    this.byIndex.set(index, piece);
    const lines = debug?.address === address ? this.lines.fit(debug.lines, { name, size }) : null;
    if (lines !== null) this.linesOf.set(piece, lines);
    return true;
  }

  /** The code is at a new place; at the old one it stays known until something else is there. */
  private move(record: Buffer): boolean {
    const address = numberAt(record, PREFIX_BYTES + 24);
    const size = numberAt(record, PREFIX_BYTES + 32);
    const index = numberAt(record, PREFIX_BYTES + 40);
    const known = this.byIndex.get(index);
    if (known === undefined || !Number.isSafeInteger(address + size)) return false;
    if (this.code.length >= MAX_PIECES) return false;
    const piece = this.addPiece(this.names[known]!, address, size);
    this.byIndex.set(index, piece);
    const lines = this.linesOf.get(known);
    if (lines !== undefined) this.linesOf.set(piece, lines);
    return true;
  }

  private addPiece(name: string, address: number, size: number): number {
    this.names.push(name);
    return this.code.add(address, size);
  }

  private debugInfo(record: Buffer): boolean {
    if (record.readUInt32LE(4) > MAX_DEBUG_BYTES) return false;
    const address = numberAt(record, PREFIX_BYTES);
    const count = numberAt(record, PREFIX_BYTES + 8);
    const lines = this.lines.add(record.subarray(DEBUG_BYTES), count, address);
    if (lines !== null) this.pending = { address, lines };
    return lines !== null;
  }
}

/** How much of a record has to be in memory: what lies behind a name is machine code. */
function bytesNeeded(id: number, size: number): number {
  if (id === JIT_CODE_LOAD) return Math.min(size, LOAD_BYTES + MAX_NAME_BYTES);
  if (id === JIT_CODE_MOVE) return Math.min(size, MOVE_BYTES);
  if (id === JIT_CODE_DEBUG_INFO && size <= MAX_DEBUG_BYTES) return size;
  return Math.min(size, DEBUG_BYTES);
}

/** A u64 as a number, exact below 2^53; above it is not safe, which the callers test. */
function numberAt(record: Buffer, at: number): number {
  return record.readUInt32LE(at + 4) * TWO_TO_32 + record.readUInt32LE(at);
}

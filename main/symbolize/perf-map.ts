import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../elf/byte-source.ts';
import { type FlatRanges, findRange, flattenRanges, sortedOrder } from './ranges.ts';

/** Code that a runtime compiled, as its perf map says it. */
export interface JitSymbol {
  readonly name: string;
  /** Absolute address of the first byte. */
  readonly start: number;
}

const CHUNK_BYTES = 1 << 20;
/** A line without end is given up: no runtime writes such names. */
const MAX_LINE_BYTES = 1 << 16;
/** A map is read no further: some 10 million entries. */
const MAX_FILE_BYTES = 2 ** 30;
/** START SIZE NAME, hexadecimal with or without 0x (the JVM's jcmd writes one), NAME may hold spaces. */
const LINE = /^(?:0x)?([0-9a-f]{1,16})\s+(?:0x)?([0-9a-f]{1,16})\s+(.+)$/i;

/**
 * A perf-PID.map: names of JIT code, appended while the process lives. Code moves and is collected, so
 * the newest entry wins where entries overlap; a sample taken before its address was reused gets the
 * newer name, which the format cannot avoid.
 */
export class PerfMap {
  readonly path: string;
  private readonly names: string[] = [];
  private start = new Float64Array(1024);
  private end = new Float64Array(1024);
  private ranges: FlatRanges | null = null;
  private rest = Buffer.alloc(0);
  private position = 0;
  private inode = 0;
  private malformedLines = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** Entries read. */
  get length(): number {
    return this.names.length;
  }
  /** Lines skipped because they are none of a perf map. */
  get malformed(): number {
    return this.malformedLines;
  }

  /**
   * Reads what was appended since the last call, or all of it if the file was replaced or cut.
   * Null: done; else the errno name that says why the file cannot be read.
   */
  refresh(): string | null {
    let descriptor = -1;
    try {
      // In a folder that everybody may write: no links, no pipes.
      const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
      descriptor = openSync(this.path, flags | constants.O_NOCTTY);
      const stat = fstatSync(descriptor);
      if (!stat.isFile()) return 'EINVAL';
      if (stat.ino !== this.inode || stat.size < this.position) this.restart(stat.ino);
      this.readFrom(descriptor, Math.min(stat.size, MAX_FILE_BYTES));
      return null;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === null) throw error;
      return errno;
    } finally {
      if (descriptor >= 0) closeSync(descriptor);
    }
  }

  /** Adds text as if it had been appended to the file; an unfinished last line waits for its rest. */
  add(bytes: Uint8Array): void {
    const text = this.rest.length > 0 ? Buffer.concat([this.rest, bytes]) : Buffer.from(bytes);
    let at = 0;
    for (let end = text.indexOf(10); end >= 0; end = text.indexOf(10, at)) {
      this.line(text.toString('utf8', at, Math.min(end, at + MAX_LINE_BYTES)));
      at = end + 1;
    }
    const tooLong = text.length - at > MAX_LINE_BYTES;
    if (tooLong) this.malformedLines++;
    this.rest = tooLong ? Buffer.alloc(0) : Buffer.from(text.subarray(at));
  }

  /** The newest entry that covers an absolute address; null: none. */
  find(address: number): JitSymbol | null {
    this.ranges ??= this.flatten();
    const range = findRange(this.ranges, address);
    if (range < 0) return null;
    const entry = this.ranges.item[range]!;
    return { name: this.names[entry]!, start: this.start[entry]! };
  }

  private restart(inode: number): void {
    this.inode = inode;
    this.position = 0;
    this.rest = Buffer.alloc(0);
    this.names.length = 0;
    this.malformedLines = 0;
    this.ranges = null;
  }

  private readFrom(descriptor: number, size: number): void {
    const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, Math.max(0, size - this.position)));
    while (this.position < size) {
      const wanted = Math.min(chunk.length, size - this.position);
      const got = readSync(descriptor, chunk, 0, wanted, this.position);
      if (got === 0) return;
      this.position += got;
      this.add(chunk.subarray(0, got));
    }
  }

  private line(text: string): void {
    const match = LINE.exec(text);
    const start = Number.parseInt(match?.[1] ?? '', 16);
    const size = Number.parseInt(match?.[2] ?? '', 16);
    if (match === null || !Number.isSafeInteger(start + size)) {
      if (text.trim() !== '') this.malformedLines++;
      return;
    }
    const entry = this.names.length;
    if (entry === this.start.length) this.grow();
    this.start[entry] = start;
    // Stubs may have no size; one byte keeps them findable.
    this.end[entry] = start + Math.max(1, size);
    this.names.push(match[3]!.trimEnd());
    this.ranges = null;
  }

  private grow(): void {
    const { start, end } = this;
    (this.start = new Float64Array(start.length * 2)).set(start);
    (this.end = new Float64Array(end.length * 2)).set(end);
  }

  private flatten(): FlatRanges {
    const start = this.start.subarray(0, this.length);
    const end = this.end.subarray(0, this.length);
    const priority = Float64Array.from(start, (_, entry) => entry);
    return flattenRanges({ order: sortedOrder(start), start, end, priority });
  }
}

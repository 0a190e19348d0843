import { AppendedFile, type AppendReader } from './appended-file.ts';
import { CodeRanges } from './code-ranges.ts';

/** Code that a runtime compiled, as its perf map or jitdump says it. */
export interface JitSymbol {
  readonly name: string;
  /** Absolute address of the first byte. */
  readonly start: number;
  /** Where in its source the address is; absent: not told. */
  readonly source?: { readonly file: string; readonly line: number };
}

/** A line without end is given up: no runtime writes such names. */
const MAX_LINE_BYTES = 1 << 16;
/** A map is read no further: some 10 million entries. */
const MAX_FILE_BYTES = 2 ** 30;
/** START SIZE NAME, hexadecimal with or without 0x (the JVM's jcmd writes one), NAME may hold spaces. */
const LINE = /^(?:0x)?([0-9a-f]{1,16})\s+(?:0x)?([0-9a-f]{1,16})\s+(.+)$/i;

/** A perf-PID.map: names of JIT code, appended while the process lives; see CodeRanges for overlaps. */
export class PerfMap implements AppendReader {
  private readonly file: AppendedFile;
  private readonly names: string[] = [];
  private readonly code = new CodeRanges();
  private rest = Buffer.alloc(0);
  private malformedLines = 0;

  /** `places`: as AppendedFile. */
  constructor(...places: readonly string[]) {
    this.file = new AppendedFile(places, MAX_FILE_BYTES);
  }

  /** Entries read. */
  get length(): number {
    return this.names.length;
  }
  /** Lines skipped because they are none of a perf map. */
  get malformed(): number {
    return this.malformedLines;
  }

  /** Reads what is new; null: done, else the errno name that says why the file cannot be read. */
  refresh(): string | null {
    return this.file.refresh(this);
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

  restart(): void {
    this.rest = Buffer.alloc(0);
    this.names.length = 0;
    this.code.clear();
    this.malformedLines = 0;
  }

  /** The newest entry that covers an absolute address; null: none. */
  find(address: number): JitSymbol | null {
    const entry = this.code.find(address);
    return entry < 0 ? null : { name: this.names[entry]!, start: this.code.startOf(entry) };
  }

  private line(text: string): void {
    const match = LINE.exec(text);
    const start = Number.parseInt(match?.[1] ?? '', 16);
    const size = Number.parseInt(match?.[2] ?? '', 16);
    if (match === null || !Number.isSafeInteger(start + size)) {
      if (text.trim() !== '') this.malformedLines++;
      return;
    }
    this.code.add(start, size);
    this.names.push(match[3]!.trimEnd());
  }
}

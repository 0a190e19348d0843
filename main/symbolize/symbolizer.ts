import { unreachable } from '#shared/invariant.ts';
import { runtimeName } from '#shared/text/runtime-names.ts';
import { segmentAtOffset } from '../elf/elf-file.ts';
import { returnLargeBlocks } from '../ffi/allocator.ts';
import { Demangler } from './demangle.ts';
import { ImageBounds } from './image-bounds.ts';
import type { ImageRef } from './image-files.ts';
import { ImageLines } from './image-lines.ts';
import type { ImageProblem } from './image-problem.ts';
import {
  type ImageSymbols,
  loadImageSymbols,
  loadVdsoSymbols,
  type SymbolOrigin,
} from './image-symbols.ts';
import { ProcessJitNames } from './jit-names.ts';
import type { KernelSymbols } from './kernel-symbols.ts';
import type { JitSymbol } from './perf-map.ts';
import type { UnpackAhead } from './unpack-ahead.ts';

/** The function at an offset. */
export interface FoundSymbol {
  /** As the file spells it; empty: it has no name, and `name` says where it begins. */
  readonly rawName: string;
  /** Demangled. */
  readonly name: string;
  /** First byte of the function, in the offset space of the image (FrameTable.offset). */
  readonly startOffset: number;
  /** Where in its source the function is: the line, or the call of the first of `inlined`. */
  readonly source?: SourceLine;
  /** Calls inlined at the offset, outermost first; each was called by the one before it. */
  readonly inlined?: readonly InlinedCall[];
}

/** A place in a source file. */
export interface SourceLine {
  /** As the compiler wrote it, made absolute with its working folder. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** A function whose code was copied into its caller. */
export interface InlinedCall {
  readonly rawName: string;
  readonly name: string;
  /** Where in it the offset is: the line, or the call of the next one; null: not told. */
  readonly source: SourceLine | null;
}

/** What is known about an image after it was looked at. */
export interface ImageFacts {
  /** Lower-case hex; empty: unknown. */
  readonly buildId: string;
  readonly origin: SymbolOrigin | 'kallsyms' | 'perf-map';
  /** Why names are missing; null: nothing is. With origin "dynsym": only exported names are there. */
  readonly problem: ImageProblem | null;
}

export interface SymbolizerOptions {
  /** Filled by whoever reads kallsyms. */
  readonly kernel: KernelSymbols;
  /** Names of images kept in memory, bytes; the least recently used go first. Default 128 MiB. */
  readonly cacheBytes?: number;
  /** Unpacks large debug information beside; isPending() then tells. null: at once. */
  readonly ahead?: UnpackAhead | null;
}

const DEFAULT_CACHE_BYTES = 128 << 20;
/** An image without names still takes an entry. */
const ENTRY_BYTES = 4096;

interface Entry {
  readonly symbols: ImageSymbols;
  /** Processes asked; a failure is tried again through others. */
  readonly pids: string;
  /** What usedBytes has of it. */
  bytes: number;
  /** undefined: not looked for yet; null: there are none. */
  lines: ImageLines | null | undefined;
  /** Its lines are being unpacked: answers are without them. */
  isLater: boolean;
  /** The same of functions without a name. */
  bounds: ImageBounds | null | undefined;
}

/** Images whose debug information is kept open, a file each; the least recently used is closed first. */
const MAX_OPEN_LINES = 64;

/**
 * Names for code locations, image by image. Opens files as needed and keeps open only those with debug
 * information; what goes wrong is a fact of the image (imageFacts), never thrown. Not for hot loops: call
 * it with many offsets.
 */
export class Symbolizer implements Disposable {
  private readonly kernel: KernelSymbols;
  private readonly cacheBytes: number;
  private readonly ahead: UnpackAhead | null;
  private readonly demangler = new Demangler();
  /** Least recently used first. */
  private readonly cache = new Map<string, Entry>();
  private readonly jitNames = new Map<number, ProcessJitNames>();
  private usedBytes = 0;

  constructor({ kernel, cacheBytes = DEFAULT_CACHE_BYTES, ahead = null }: SymbolizerOptions) {
    this.kernel = kernel;
    this.ahead = ahead;
    this.cacheBytes = cacheBytes;
  }

  /** One answer per offset, in their order; null: no name covers it. Offsets as FrameTable.offset. */
  symbolize(image: ImageRef, offsets: readonly number[]): readonly (FoundSymbol | null)[] {
    switch (image.kind) {
      case 'kernel':
        return offsets.map((offset) => this.kernelSymbol('[kernel]', offset));
      case 'module':
        return offsets.map((offset) => this.kernelSymbol(image.path, offset));
      case 'elf':
      case 'vdso': {
        const entry = this.entryOf(image);
        const lines = entry.symbols.table === null ? null : this.linesOf(image, entry);
        const found = offsets.map((offset) => this.elfSymbol(image, entry, lines, offset));
        this.account(image, entry);
        return found;
      }
      case 'jit':
      case 'unknown': {
        const maps = this.mapsOf(image);
        return offsets.map((address) => this.jitSymbol(maps, address));
      }
      default:
        return unreachable(image.kind);
    }
  }

  /** What symbolize() said last of the image lacks lines and inlined calls that it will have soon. */
  isPending(image: ImageRef): boolean {
    return this.cache.get(keyOf(image))?.isLater ?? false;
  }

  /** Looks at the image if nobody did yet. */
  imageFacts(image: ImageRef): ImageFacts {
    if (image.kind === 'kernel' || image.kind === 'module') return this.kernelFacts(image);
    if (image.kind === 'jit' || image.kind === 'unknown') {
      const hasMap = this.mapsOf(image).length > 0;
      const problem: ImageProblem | null = hasMap
        ? null
        : { kind: 'no-perf-map', pids: image.pids };
      return { buildId: '', origin: hasMap ? 'perf-map' : 'none', problem };
    }
    const { buildId, origin, problem } = this.entryOf(image).symbols;
    return { buildId, origin, problem };
  }

  /** Of generated code: reads what is new; another number than before: names may have come. Else 0. */
  jitNamesKnown(image: ImageRef): number {
    if (image.kind !== 'jit' && image.kind !== 'unknown') return 0;
    return this.mapsOf(image).reduce((sum, { length }) => sum + length, 0);
  }

  /** Lines of perf maps and records of jitdumps that could not be read, over all processes: loss, to be shown. */
  get malformedPerfMapLines(): number {
    let lines = 0;
    for (const map of this.jitNames.values()) lines += map.malformed;
    return lines;
  }

  /** Memory kept for names and lines of ELF images, bytes. */
  get keptBytes(): number {
    return this.usedBytes;
  }

  /** Lets an image go; asked again, it is read again. */
  forget(image: ImageRef): void {
    this.drop(keyOf(image));
  }

  /** A process mapped its jitdump: reads it while the process is there to lead to it. */
  noteJitdump(pid: number, path: string): void {
    const names = this.jitNames.get(pid) ?? new ProcessJitNames(pid);
    this.jitNames.set(pid, names);
    names.addDump(path);
  }

  /** Lets a process's JIT names go, once it has ended and its frames have names. */
  forgetProcess(pid: number): void {
    this.jitNames.delete(pid);
  }

  [Symbol.dispose](): void {
    for (const key of [...this.cache.keys()]) this.drop(key);
    this.jitNames.clear();
    this.ahead?.[Symbol.dispose]();
  }

  private kernelSymbol(image: string, offset: number): FoundSymbol | null {
    const found = this.kernel.symbolAt(image, offset);
    if (found === null) return null;
    return this.named(found.name, found.startOffset);
  }

  private kernelFacts(image: ImageRef): ImageFacts {
    const problem: ImageProblem | null = this.kernel.restricted
      ? { kind: 'kallsyms-restricted' }
      : this.kernel.length === 0
        ? { kind: 'kallsyms-absent' }
        : null;
    return { buildId: image.buildId, origin: problem === null ? 'kallsyms' : 'none', problem };
  }

  private elfSymbol(
    image: ImageRef,
    entry: Entry,
    lines: ImageLines | null,
    offset: number,
  ): FoundSymbol | null {
    const { table, segments } = entry.symbols;
    const segment = segmentAtOffset(segments, offset);
    const toOffset = segment === null ? 0 : segment.offset - segment.vaddr;
    const row = table === null || segment === null ? -1 : table.find(offset - toOffset);
    if (table === null || row < 0) return this.boundsOf(image, entry)?.at(offset) ?? null;
    const found = this.named(table.nameOf(row), table.startOf(row) + toOffset);
    const place = lines?.locate(offset - toOffset) ?? null;
    if (place === null) return found;
    const inlined = place.inlined.map(({ rawName, source }) => {
      const shown = rawName === '' ? NAMELESS : rawName;
      return { rawName: shown, name: this.demangler.demangle(shown), source };
    });
    return {
      ...found,
      ...(place.source && { source: place.source }),
      ...(inlined.length > 0 && { inlined }),
    };
  }

  private linesOf(image: ImageRef, entry: Entry): ImageLines | null {
    if (entry.lines !== undefined) return entry.lines;
    const opened = image.kind === 'elf' ? ImageLines.open(image, this.ahead) : null;
    entry.isLater = opened === 'later';
    if (opened === 'later') return null;
    entry.lines = opened;
    return opened;
  }

  private boundsOf(image: ImageRef, entry: Entry): ImageBounds | null {
    entry.bounds ??= entry.bounds === null ? null : ImageBounds.open(image);
    return entry.bounds;
  }

  /** Debug information grows as it is asked, and holds a file open. */
  private account(image: ImageRef, entry: Entry): void {
    const bytes = bytesOf(entry);
    this.usedBytes += bytes - entry.bytes;
    entry.bytes = bytes;
    this.shrink(keyOf(image));
    let open = 0;
    for (const { lines } of this.cache.values()) if (lines) open++;
    for (const other of this.cache.values()) {
      if (open <= MAX_OPEN_LINES) return;
      if (!other.lines || other === entry) continue;
      closeLines(other);
      this.usedBytes += bytesOf(other) - other.bytes;
      other.bytes = bytesOf(other);
      open--;
    }
  }

  /** Processes that share the address disagree about it: no name rather than another's. */
  private jitSymbol(maps: readonly ProcessJitNames[], address: number): FoundSymbol | null {
    let found: FoundSymbol | null = null;
    for (const map of maps) {
      const symbol = map.find(address);
      if (symbol === null) continue;
      if (found !== null && found.rawName !== symbol.name) return null;
      found = this.jitNamed(symbol);
    }
    return found;
  }

  /** The place in the runtime's own record of lines is exact; the one in a name is where the function begins. */
  private jitNamed({ name: rawName, start, source }: JitSymbol): FoundSymbol {
    const shown = runtimeName(rawName);
    const place = source ?? shown.source;
    const name = shown.name === rawName ? this.demangler.demangle(rawName) : shown.name;
    const found = { rawName, name, startOffset: start };
    return place === null ? found : { ...found, source: place };
  }

  private named(rawName: string, startOffset: number): FoundSymbol {
    return { rawName, name: this.demangler.demangle(rawName), startOffset };
  }

  private mapsOf(image: ImageRef): readonly ProcessJitNames[] {
    const maps: ProcessJitNames[] = [];
    for (const pid of image.pids) {
      const map = this.jitNames.get(pid) ?? new ProcessJitNames(pid);
      this.jitNames.set(pid, map);
      if (map.refresh()) maps.push(map);
    }
    return maps;
  }

  private entryOf(image: ImageRef): Entry {
    const key = keyOf(image);
    const pids = image.pids.join();
    const known = this.cache.get(key);
    if (known !== undefined) {
      this.cache.delete(key);
      if (known.symbols.table !== null || known.pids === pids) {
        this.cache.set(key, known);
        return known;
      }
      closeLines(known);
      this.usedBytes -= known.bytes;
    }
    returnLargeBlocks();
    const symbols = image.kind === 'vdso' ? loadVdsoSymbols() : loadImageSymbols(image);
    const entry: Entry = {
      symbols,
      pids,
      bytes: 0,
      lines: undefined,
      isLater: false,
      bounds: undefined,
    };
    entry.bytes = bytesOf(entry);
    this.cache.set(key, entry);
    this.usedBytes += entry.bytes;
    this.shrink(key);
    return entry;
  }

  /** Lets the least recently used go until the rest fits; `kept` stays. */
  private shrink(kept: string): void {
    for (const oldest of this.cache.keys()) {
      if (this.usedBytes <= this.cacheBytes || oldest === kept) return;
      this.drop(oldest);
    }
  }

  private drop(key: string): void {
    const entry = this.cache.get(key);
    if (entry === undefined) return;
    closeLines(entry);
    this.usedBytes -= entry.bytes;
    this.cache.delete(key);
  }
}

/** Shown for an inlined call whose function has no name in the debug information. */
const NAMELESS = '(unnamed)';

const bytesOf = ({ symbols, lines, bounds }: Entry): number =>
  ENTRY_BYTES + (symbols.table?.bytes ?? 0) + (lines?.keptBytes ?? 0) + (bounds?.bytes ?? 0);

/** They are opened again when they are asked for again. */
function closeLines(entry: Entry): void {
  entry.lines?.[Symbol.dispose]();
  entry.lines = undefined;
}

const keyOf = ({ kind, path, buildId, fileIdentity }: ImageRef): string =>
  [kind, path, buildId, fileIdentity].join('\0');

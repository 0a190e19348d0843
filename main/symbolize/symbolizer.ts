import { unreachable } from '#shared/invariant.ts';
import { segmentAtOffset } from '../elf/elf-file.ts';
import { Demangler } from './demangle.ts';
import type { ImageRef } from './image-files.ts';
import type { ImageProblem } from './image-problem.ts';
import {
  type ImageSymbols,
  loadImageSymbols,
  loadVdsoSymbols,
  type SymbolOrigin,
} from './image-symbols.ts';
import type { KernelSymbols } from './kernel-symbols.ts';
import { ProcessPerfMap } from './perf-map-files.ts';

/** The function at an offset. */
export interface FoundSymbol {
  /** As the file spells it. */
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
  /** Names of images kept in memory, bytes; the least recently used go first. Default 256 MiB. */
  readonly cacheBytes?: number;
}

const DEFAULT_CACHE_BYTES = 256 << 20;
/** An image without names still takes an entry. */
const ENTRY_BYTES = 4096;

interface Entry {
  readonly symbols: ImageSymbols;
  readonly bytes: number;
  /** Processes asked; a failure is tried again through others. */
  readonly pids: string;
}

/**
 * Names for code locations, image by image. Opens files as needed and keeps none open; what goes wrong
 * is a fact of the image (imageFacts), never thrown. Not for hot loops: call it with many offsets.
 */
export class Symbolizer implements Disposable {
  private readonly kernel: KernelSymbols;
  private readonly cacheBytes: number;
  private readonly demangler = new Demangler();
  /** Least recently used first. */
  private readonly cache = new Map<string, Entry>();
  private readonly perfMaps = new Map<number, ProcessPerfMap>();
  private usedBytes = 0;

  constructor({ kernel, cacheBytes = DEFAULT_CACHE_BYTES }: SymbolizerOptions) {
    this.kernel = kernel;
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
        const symbols = this.symbolsOf(image);
        return offsets.map((offset) => this.elfSymbol(symbols, offset));
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
    const { buildId, origin, problem } = this.symbolsOf(image);
    return { buildId, origin, problem };
  }

  /** Lines of perf maps that could not be read, over all processes: loss, to be shown. */
  get malformedPerfMapLines(): number {
    let lines = 0;
    for (const map of this.perfMaps.values()) lines += map.malformed;
    return lines;
  }

  /** Memory kept for names of ELF images, bytes. */
  get keptBytes(): number {
    return this.usedBytes;
  }

  /** Lets an image go; asked again, it is read again. */
  forget(image: ImageRef): void {
    this.drop(keyOf(image));
  }

  /** Lets a process's JIT names go, once it has ended and its frames have names. */
  forgetProcess(pid: number): void {
    this.perfMaps.delete(pid);
  }

  [Symbol.dispose](): void {
    this.cache.clear();
    this.perfMaps.clear();
    this.usedBytes = 0;
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

  private elfSymbol({ table, segments }: ImageSymbols, offset: number): FoundSymbol | null {
    const segment = segmentAtOffset(segments, offset);
    if (table === null || segment === null) return null;
    const toOffset = segment.offset - segment.vaddr;
    const entry = table.find(offset - toOffset);
    return entry < 0 ? null : this.named(table.nameOf(entry), table.startOf(entry) + toOffset);
  }

  /** Processes that share the address disagree about it: no name rather than another's. */
  private jitSymbol(maps: readonly ProcessPerfMap[], address: number): FoundSymbol | null {
    let found: FoundSymbol | null = null;
    for (const map of maps) {
      const symbol = map.find(address);
      if (symbol === null) continue;
      if (found !== null && found.rawName !== symbol.name) return null;
      found = this.named(symbol.name, symbol.start);
    }
    return found;
  }

  private named(rawName: string, startOffset: number): FoundSymbol {
    return { rawName, name: this.demangler.demangle(rawName), startOffset };
  }

  private mapsOf(image: ImageRef): readonly ProcessPerfMap[] {
    const maps: ProcessPerfMap[] = [];
    for (const pid of image.pids) {
      const map = this.perfMaps.get(pid) ?? new ProcessPerfMap(pid);
      if (!map.refresh()) continue;
      this.perfMaps.set(pid, map);
      maps.push(map);
    }
    return maps;
  }

  private symbolsOf(image: ImageRef): ImageSymbols {
    const key = keyOf(image);
    const pids = image.pids.join();
    const known = this.cache.get(key);
    if (known !== undefined) {
      this.cache.delete(key);
      if (known.symbols.table !== null || known.pids === pids) {
        this.cache.set(key, known);
        return known.symbols;
      }
      this.usedBytes -= known.bytes;
    }
    const symbols = image.kind === 'vdso' ? loadVdsoSymbols() : loadImageSymbols(image);
    this.keep(key, { symbols, bytes: ENTRY_BYTES + (symbols.table?.bytes ?? 0), pids });
    return symbols;
  }

  private keep(key: string, entry: Entry): void {
    this.cache.set(key, entry);
    this.usedBytes += entry.bytes;
    for (const oldest of this.cache.keys()) {
      if (this.usedBytes <= this.cacheBytes || oldest === key) return;
      this.drop(oldest);
    }
  }

  private drop(key: string): void {
    this.usedBytes -= this.cache.get(key)?.bytes ?? 0;
    this.cache.delete(key);
  }
}

const keyOf = ({ kind, path, buildId, fileIdentity }: ImageRef): string =>
  [kind, path, buildId, fileIdentity].join('\0');

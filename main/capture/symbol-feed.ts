import { encodeImageProblem, type ImageProblem } from '#shared/model/image-problem.ts';
import type { ImageKind } from '#shared/model/session-tables.ts';
import { MAX_INLINE_DEPTH } from '#shared/model/symbols.ts';
import { runtimeIdentity } from '#shared/text/runtime-names.ts';

import type { FunctionRow } from '../store/session-batch.ts';
import type { FoundSymbols } from './batch-builder.ts';
import type { FrameInterner } from './frame-interner.ts';
import { type ImageIdentity, type ImageTable, isEarlyKernel } from './image-table.ts';

/** What the feed asks of the symbol side; Symbolizer implements it. */
export interface FrameSymbolizer {
  symbolize(
    image: {
      readonly kind: ImageKind;
      readonly path: string;
      readonly buildId: string;
      readonly fileIdentity: string;
      readonly pids: readonly number[];
    },
    offsets: readonly number[],
  ): readonly (FrameSymbol | null)[];
  /** Why names of an image are missing, or fewer than could be; null: none is. Asked after symbolize(). */
  problemOf?(image: Parameters<FrameSymbolizer['symbolize']>[0]): ImageProblem | null;
  /** What symbolize() said last of an image is less than it will be in a moment. Absent: it never is. */
  isPending?(image: Parameters<FrameSymbolizer['symbolize']>[0]): boolean;
  /** Of images whose names may come late: another number than before when some came. Absent: nobody knows. */
  namesKnown?(image: Parameters<FrameSymbolizer['symbolize']>[0]): number;
}

/** The function a frame lies in. */
export interface FrameSymbol {
  readonly rawName: string;
  readonly name: string;
  /** Of its first byte, in the offset space of its image. */
  readonly startOffset: number;
  /** The image it belongs to, if that was not known when the frame was recorded. */
  readonly image?: { readonly kind: ImageKind; readonly path: string };
  /** The place in the source, or the call of the first of `inlined`. */
  readonly source?: SourcePlace | null;
  /** Calls inlined there, outermost first. */
  readonly inlined?: readonly {
    readonly rawName: string;
    readonly name: string;
    readonly source: SourcePlace | null;
  }[];
}

interface SourcePlace {
  readonly file: string;
  /** From 1; 0: not known. */
  readonly line: number;
}

/** Tables the feed reads; all of them grow while it works. */
export interface SymbolFeedTables {
  readonly images: Pick<ImageTable, 'identityOf' | 'intern'>;
  readonly frames: Pick<FrameInterner, 'length' | 'imageOf' | 'offsetOf'>;
  /** Per frame: samples that ended in it. May be shorter than `frames`. */
  readonly leafHits: { readonly data: ArrayLike<number>; readonly length: number };
  /** Live pids that have the image mapped. */
  livePids(image: number): readonly number[];
}

/** Columns of symbol rows under way. */
interface SymbolRows {
  readonly frame: number[];
  readonly depth: number[];
  readonly function: number[];
  readonly file: number[];
  readonly line: number[];
}

const emptySymbols = (): SymbolRows => ({ frame: [], depth: [], function: [], file: [], line: [] });

interface Unnamed {
  readonly frames: number[];
  /** FrameSymbolizer.namesKnown() before they were asked for; undefined: nobody knows. */
  readonly known: number | undefined;
}

/** Frames asked for in one call: bounds the time between two looks at the clock. */
const GROUP_SIZE = 256;

/**
 * Gives frames their functions, hottest first, in slices short enough that recording goes on
 * meanwhile. Samples are never touched: a symbol is a row that points at a frame.
 */
export class SymbolFeed {
  readonly #tables: SymbolFeedTables;
  readonly #symbolizer: FrameSymbolizer;
  #seen = 0;
  #waiting: number[] = [];
  /** `waiting` has its hottest last. */
  #isSorted = true;
  /** Frames whose image is being read beside. */
  #pending: number[] = [];
  /** By image: frames without a name whose names may come late: generated code, early kernel frames. */
  readonly #unnamed = new Map<number, Unnamed>();
  /** Image → start offset and name (identity, of generated code) → row in the function table. */
  readonly #functionRows = new Map<number, Map<string, number>>();
  #functionCount = 0;
  /** Rows of functions that have code of their own. */
  readonly #placed = new Set<number>();
  #functions: FunctionRow[] = [];
  #symbols = emptySymbols();
  readonly #fileRows = new Map<string, number>();
  #sourceFiles: string[] = [];
  /** Image → encodeImageProblem() as last told. */
  readonly #problems = new Map<number, string>();
  #newProblems = new Map<number, string>();

  constructor(tables: SymbolFeedTables, symbolizer: FrameSymbolizer) {
    this.#tables = tables;
    this.#symbolizer = symbolizer;
  }

  /** Frames not looked at yet. */
  get remaining(): number {
    return this.#waiting.length + this.#pending.length + this.#tables.frames.length - this.#seen;
  }

  /** Frames wait for something that is done beside: work() will have more to do in a moment. */
  get isPending(): boolean {
    return this.#pending.length > 0;
  }

  /** Works for about `budgetMs`, at least one group; true: more remains that can be done now. */
  work(budgetMs: number): boolean {
    const deadline = performance.now() + budgetMs;
    if (this.#pending.length > 0) this.#isSorted = false;
    for (const frame of this.#pending.splice(0)) this.#waiting.push(frame);
    this.#collectNew();
    if (this.#waiting.length === 0) return false;
    this.#sortCoolestFirst();
    do this.#workOneGroup();
    while (this.#waiting.length > 0 && performance.now() < deadline);
    return this.#waiting.length > 0;
  }

  /** Puts frames whose names may have come meanwhile back in the line. */
  retryUnnamed(): void {
    for (const [image, { frames, known }] of this.#unnamed) {
      const ref = this.#refOf(image);
      const isOver = ref.kind === 'jit' && this.#tables.livePids(image).length === 0;
      const isNews = known === undefined || this.#symbolizer.namesKnown?.(ref) !== known;
      if (isNews) {
        for (const frame of frames) this.#waiting.push(frame);
        this.#isSorted = false;
      }
      // Of a process that has ended nothing more will come; what came is asked for once more.
      if (isNews || isOver) this.#unnamed.delete(image);
    }
  }

  /** Processes with generated code that has no name so far. */
  unnamedProcesses(): number[] {
    const refs = [...this.#unnamed.keys()].map((image) => this.#refOf(image));
    return refs.filter(({ kind }) => kind === 'jit').flatMap(({ pids }) => pids);
  }

  /** Symbols found since the last call. */
  take(): FoundSymbols {
    const found: FoundSymbols = {
      functions: this.#functions,
      sourceFiles: this.#sourceFiles,
      symbols: this.#symbols,
      imageProblems: this.#newProblems,
    };
    this.#functions = [];
    this.#sourceFiles = [];
    this.#symbols = emptySymbols();
    this.#newProblems = new Map();
    return found;
  }

  #collectNew(): void {
    const { frames } = this.#tables;
    if (this.#seen < frames.length) this.#isSorted = false;
    while (this.#seen < frames.length) this.#waiting.push(this.#seen++);
  }

  /** The end of the list is taken first. */
  #sortCoolestFirst(): void {
    if (this.#isSorted) return;
    this.#isSorted = true;
    const { data, length } = this.#tables.leafHits;
    const hits = (frame: number): number => (frame < length ? data[frame]! : 0);
    this.#waiting.sort((a, b) => hits(a) - hits(b));
  }

  /** The hottest frame decides the image; the hottest of that image come along. */
  #workOneGroup(): void {
    const { frames } = this.#tables;
    const image = frames.imageOf(this.#waiting.at(-1)!);
    const group: number[] = [];
    let kept = this.#waiting.length;
    // The taken ones leave gaps near the end of the list; what is passed over moves down into them.
    const passed: number[] = [];
    while (kept > 0 && group.length < GROUP_SIZE && passed.length < GROUP_SIZE * 4) {
      const frame = this.#waiting[--kept]!;
      (frames.imageOf(frame) === image ? group : passed).push(frame);
    }
    this.#waiting.length = kept;
    this.#waiting.push(...passed.reverse());
    this.#symbolizeGroup(image, group);
  }

  #symbolizeGroup(image: number, group: readonly number[]): void {
    const { frames } = this.#tables;
    const ref = this.#refOf(image);
    if (ref.kind === 'unknown') return;
    const isLate = ref.kind === 'jit' || isEarlyKernel(ref);
    // Before they are asked for: what comes at this moment is news later.
    const known = isLate ? this.#symbolizer.namesKnown?.(ref) : undefined;
    const offsets = group.map((frame) => frames.offsetOf(frame));
    const found = this.#symbolizer.symbolize(ref, offsets);
    if (this.#symbolizer.isPending?.(ref) === true) {
      for (const frame of group) this.#pending.push(frame);
      return;
    }
    this.#noteProblem(image, this.#symbolizer.problemOf?.(ref) ?? null);
    const unnamed: number[] = [];
    group.forEach((frame, index) => {
      const symbol = found[index] ?? null;
      if (symbol !== null) this.#addSymbol(image, frame, symbol);
      else if (isLate) unnamed.push(frame);
    });
    if (unnamed.length > 0) this.#keepUnnamed(image, unnamed, known);
  }

  #keepUnnamed(image: number, frames: readonly number[], known: number | undefined): void {
    const entry = this.#unnamed.get(image);
    if (entry === undefined) this.#unnamed.set(image, { frames: [...frames], known });
    else for (const frame of frames) entry.frames.push(frame);
  }

  #refOf(image: number): ImageIdentity & { readonly pids: readonly number[] } {
    const identity: ImageIdentity = this.#tables.images.identityOf(image);
    return { ...identity, pids: this.#pidsOf(image, identity) };
  }

  /** The owning function, then the calls inlined into it: rows that belong together. */
  #addSymbol(image: number, frame: number, symbol: FrameSymbol): void {
    const { source, inlined = [] } = symbol;
    this.#addRow(frame, 0, { row: this.#functionRow(image, symbol), source: source ?? null });
    inlined.slice(0, MAX_INLINE_DEPTH).forEach((call, k) => {
      // Its own code is elsewhere, if there is any.
      const row = this.#functionRow(image, { ...call, startOffset: -1 });
      this.#addRow(frame, k + 1, { row, source: call.source });
    });
  }

  #addRow(
    frame: number,
    depth: number,
    { row, source }: { readonly row: number; readonly source: SourcePlace | null },
  ): void {
    this.#symbols.frame.push(frame);
    this.#symbols.depth.push(depth);
    this.#symbols.function.push(row);
    this.#symbols.file.push(source === null ? -1 : this.#fileRow(source.file));
    this.#symbols.line.push(source?.line ?? 0);
  }

  #fileRow(path: string): number {
    const known = this.#fileRows.get(path);
    if (known !== undefined) return known;
    const row = this.#fileRows.size;
    this.#fileRows.set(path, row);
    this.#sourceFiles.push(path);
    return row;
  }

  #noteProblem(image: number, problem: ImageProblem | null): void {
    const text = problem === null ? '' : encodeImageProblem(problem);
    if (text === (this.#problems.get(image) ?? '')) return;
    this.#problems.set(image, text);
    this.#newProblems.set(image, text);
  }

  /** Names of generated code are in a file that outlives its process: ask for that one. */
  #pidsOf(image: number, { kind, fileIdentity }: ImageIdentity): readonly number[] {
    if (kind !== 'jit') return this.#tables.livePids(image);
    return [Number(fileIdentity.slice('pid:'.length))];
  }

  #functionRow(frameImage: number, symbol: FrameSymbol): number {
    const image =
      symbol.image === undefined
        ? frameImage
        : this.#tables.images.intern({ ...symbol.image, buildId: '', fileIdentity: '' });
    let ofImage = this.#functionRows.get(image);
    if (ofImage === undefined) this.#functionRows.set(image, (ofImage = new Map<string, number>()));
    // Runtimes compile a function again and again; by its address it would be as many.
    const isGenerated = this.#tables.images.identityOf(image).kind === 'jit';
    const key = isGenerated
      ? runtimeIdentity(symbol.rawName)
      : `${symbol.startOffset} ${symbol.rawName}`;
    const known = ofImage.get(key);
    if (known !== undefined) return known;
    const { name, rawName, startOffset } = symbol;
    // A function seen inlined and on its own is one function; two of one name are not.
    const anywhere = `-1 ${rawName}`;
    const inlined = ofImage.get(anywhere);
    if (inlined !== undefined && !this.#placed.has(inlined)) {
      this.#placed.add(inlined);
      ofImage.set(key, inlined);
      return inlined;
    }
    const row = this.#functionCount++;
    this.#functions.push({ image, name, rawName, startOffset });
    ofImage.set(key, row);
    if (startOffset >= 0) {
      this.#placed.add(row);
      if (inlined === undefined) ofImage.set(anywhere, row);
    }
    return row;
  }
}

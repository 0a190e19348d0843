import type { ImageKind } from '#shared/model/session-tables.ts';

import type { FunctionRow } from '../store/session-batch.ts';
import type { FoundSymbols } from './batch-builder.ts';
import type { Int32Column } from './columns.ts';
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
}

/** The function a frame lies in. */
export interface FrameSymbol {
  readonly rawName: string;
  readonly name: string;
  /** Of its first byte, in the offset space of its image. */
  readonly startOffset: number;
  /** The image it belongs to, if that was not known when the frame was recorded. */
  readonly image?: { readonly kind: ImageKind; readonly path: string };
}

/** Tables the feed reads; all of them grow while it works. */
export interface SymbolFeedTables {
  readonly images: ImageTable;
  readonly frames: FrameInterner;
  /** Per frame: samples that ended in it. May be shorter than `frames`. */
  readonly leafHits: Int32Column;
  /** Live pids that have the image mapped. */
  livePids(image: number): readonly number[];
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
  /** Frames without a name yet whose names may come late: generated code, early kernel frames. */
  #unnamed: number[] = [];
  /** Image → start offset → row in the function table. */
  readonly #functionRows = new Map<number, Map<number, number>>();
  #functionCount = 0;
  #functions: FunctionRow[] = [];
  #symbolFrames: number[] = [];
  #symbolFunctions: number[] = [];

  constructor(tables: SymbolFeedTables, symbolizer: FrameSymbolizer) {
    this.#tables = tables;
    this.#symbolizer = symbolizer;
  }

  /** Frames not looked at yet. */
  get remaining(): number {
    return this.#waiting.length + this.#tables.frames.length - this.#seen;
  }

  /** Works for about `budgetMs`, at least one group; true: more remains. */
  work(budgetMs: number): boolean {
    const deadline = performance.now() + budgetMs;
    this.#collectNew();
    if (this.#waiting.length === 0) return false;
    this.#sortCoolestFirst();
    do this.#workOneGroup();
    while (this.#waiting.length > 0 && performance.now() < deadline);
    return this.#waiting.length > 0;
  }

  /** Puts frames whose names may have come meanwhile back in the line. */
  retryUnnamed(): void {
    for (const frame of this.#unnamed.splice(0)) this.#waiting.push(frame);
  }

  /** Symbols found since the last call. */
  take(): FoundSymbols {
    const found: FoundSymbols = {
      functions: this.#functions,
      symbols: {
        frame: this.#symbolFrames,
        depth: this.#symbolFrames.map(() => 0),
        function: this.#symbolFunctions,
      },
    };
    this.#functions = [];
    this.#symbolFrames = [];
    this.#symbolFunctions = [];
    return found;
  }

  #collectNew(): void {
    const { frames } = this.#tables;
    while (this.#seen < frames.length) this.#waiting.push(this.#seen++);
  }

  /** The end of the list is taken first. */
  #sortCoolestFirst(): void {
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
    const { images, frames } = this.#tables;
    const identity: ImageIdentity = images.identityOf(image);
    if (identity.kind === 'unknown') return;
    const pids = this.#pidsOf(image, identity);
    const offsets = group.map((frame) => frames.offsetOf(frame));
    const found = this.#symbolizer.symbolize({ ...identity, pids }, offsets);
    group.forEach((frame, index) => {
      const symbol = found[index] ?? null;
      if (symbol !== null) {
        this.#symbolFrames.push(frame);
        this.#symbolFunctions.push(this.#functionRow(image, symbol));
      } else if (identity.kind === 'jit' || isEarlyKernel(identity)) this.#unnamed.push(frame);
    });
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
    if (ofImage === undefined) this.#functionRows.set(image, (ofImage = new Map<number, number>()));
    const known = ofImage.get(symbol.startOffset);
    if (known !== undefined) return known;
    const { name, rawName, startOffset } = symbol;
    this.#functions.push({ image, name, rawName, startOffset });
    ofImage.set(startOffset, this.#functionCount);
    return this.#functionCount++;
  }
}

import { encodeImageProblem, type ImageProblem } from '#shared/model/image-problem.ts';
import { IMAGE_KINDS } from '#shared/model/session-tables.ts';
import {
  emptyBatch,
  type FunctionRow,
  type ImageRow,
  type SessionBatch,
  type SymbolColumns,
} from '../store/session-batch.ts';
import type { StoredCode } from '../store/stored-code.ts';
import type { FoundSymbols } from './batch-builder.ts';
import type { ImageIdentity } from './image-table.ts';
import type { RecordedCode } from './recorded-code.ts';
import { type FrameSymbolizer, SymbolFeed } from './symbol-feed.ts';
import type { SymbolSide } from './symbol-side.ts';

/** Longest stretch of work between two looks at the clock and at signals, ms. */
const SLICE_MS = 50;
/** Symbols written in one transaction: each costs two waits for the disk. */
const MANY_SYMBOLS = 20_000;

/** What a pass works with. */
export interface NamingParts {
  readonly code: StoredCode;
  readonly side: SymbolSide;
  readonly recorded: RecordedCode;
  /** Rows of the frames to look up. */
  readonly frames: readonly number[];
}

/** Rows for the next batch. */
interface Waiting {
  images: ImageRow[];
  functions: FunctionRow[];
  sourceFiles: string[];
  symbols: { -readonly [K in keyof SymbolColumns]: number[] };
  imageProblems: Map<number, string>;
}

const nothing = (): Waiting => ({
  images: [],
  functions: [],
  sourceFiles: [],
  symbols: { frame: [], depth: [], function: [], file: [], line: [] },
  imageProblems: new Map(),
});

/**
 * One look at some frames of a recorded session, through the same feed that names a live one. What is
 * found, and differs from what the file says, comes out as batches whose ids follow those in the file.
 */
export class NamingPass {
  readonly #parts: NamingParts;
  readonly #feed: SymbolFeed;
  /** The feed's numbers of functions and source files → rows in the file. */
  readonly #functionRows: number[] = [];
  readonly #fileRows: number[] = [];
  #waiting = nothing();
  /** Images with frames that have no name in the file. */
  readonly #lacking = new Set<number>();
  /** Frames that got another name, line or inlined call than they had. */
  readonly named = new Set<number>();

  constructor(parts: NamingParts) {
    this.#parts = parts;
    const { code, frames } = parts;
    for (const frame of frames) {
      if (isUnnamed(code, frame)) this.#lacking.add(code.frames.image[frame]!);
    }
    const leafHits = Float64Array.from(frames, (frame) => code.frames.hits[frame]!);
    const tables = {
      images: {
        identityOf: (row: number) => code.images[row]!,
        intern: (image: ImageIdentity) => this.#intern(image),
      },
      frames: {
        length: frames.length,
        imageOf: (row: number) => code.frames.image[frames[row]!]!,
        offsetOf: (row: number) => code.frames.offset[frames[row]!]!,
      },
      leafHits: { data: leafHits, length: leafHits.length },
      livePids: () => [],
    };
    this.#feed = new SymbolFeed(tables, this.#symbolizer());
  }

  /** Frames not looked at yet. */
  get remaining(): number {
    return this.#feed.remaining;
  }

  /** Works for a moment; true: more remains. */
  work(): boolean {
    const isMore = this.#feed.work(SLICE_MS);
    this.#toFile(this.#feed.take());
    return isMore;
  }

  /** What is worth a transaction of its own; null: wait for more. */
  takeIfMany(): SessionBatch | null {
    return this.#waiting.symbols.frame.length >= MANY_SYMBOLS ? this.take() : null;
  }

  /** Everything found since the last time; null: nothing. */
  take(): SessionBatch | null {
    const waiting = this.#waiting;
    this.#waiting = nothing();
    const isEmpty = waiting.symbols.frame.length === 0 && waiting.imageProblems.size === 0;
    return isEmpty ? null : { ...emptyBatch(), ...waiting };
  }

  /** The feed counts from 0 and knows nothing of the file; here both meet. */
  #toFile(found: FoundSymbols): void {
    const { code } = this.#parts;
    for (const row of found.functions) {
      const { image, startOffset, rawName } = row;
      const known = code.functions.find(image, startOffset, rawName);
      if (known === null) this.#waiting.functions.push(row);
      this.#functionRows.push(known ?? code.functions.add(image, startOffset, rawName));
    }
    for (const path of found.sourceFiles) {
      const known = code.sourceFiles.get(path);
      if (known === undefined) this.#waiting.sourceFiles.push(path);
      const row = known ?? code.sourceFiles.size;
      code.sourceFiles.set(path, row);
      this.#fileRows.push(row);
    }
    const symbols = this.#inFile(found.symbols);
    for (let from = 0, to = 0; from < symbols.frame.length; from = to) {
      for (to = from + 1; (symbols.depth[to] ?? 0) > 0; ) to++;
      if (!isStored(code, symbols, from, to)) this.#keep(symbols, from, to);
    }
  }

  #inFile({ frame, depth, function: func, file, line }: SymbolColumns): SymbolColumns {
    return {
      frame: frame.map((row) => this.#parts.frames[row]!),
      depth,
      function: func.map((row) => this.#functionRows[row]!),
      file: file.map((row) => (row < 0 ? row : this.#fileRows[row]!)),
      line,
    };
  }

  #keep(symbols: SymbolColumns, from: number, to: number): void {
    for (const [column, rows] of Object.entries(this.#waiting.symbols)) {
      for (let row = from; row < to; row++) rows.push(symbols[column as keyof SymbolColumns][row]!);
    }
    const { functions } = this.#parts.code;
    if (!functions.isNameless(symbols.function[from]!)) this.named.add(symbols.frame[from]!);
  }

  /** What was missing when it was recorded stays said until it is there: elsewhere more may be missing. */
  #noteProblem(image: number, problem: ImageProblem | null): void {
    const { problems } = this.#parts.code;
    const known = problems.get(image) ?? '';
    if ((problem === null) === (known === '')) return;
    if (problem !== null && !this.#lacking.has(image)) return;
    const text = problem === null ? '' : encodeImageProblem(problem);
    problems.set(image, text);
    this.#waiting.imageProblems.set(image, text);
  }

  /** The feed knows an image by its facts; which file may stand for it is decided by its row. */
  #symbolizer(): FrameSymbolizer {
    const { code, side, recorded } = this.#parts;
    const rows = new Map(code.images.map((image, row) => [identityKey(image), row]));
    return {
      symbolize: (image, offsets) => {
        const row = rows.get(identityKey(image));
        const ref = row === undefined ? null : recorded.refOf(row);
        if (row === undefined || ref === null || !('fileIdentity' in ref)) {
          return offsets.map(() => null);
        }
        const found = side.symbolize(ref, offsets);
        this.#noteProblem(row, side.problemOf(ref));
        return found;
      },
    };
  }

  #intern(image: ImageIdentity): number {
    const isIt = (other: ImageIdentity): boolean => identityKey(other) === identityKey(image);
    const { images } = this.#parts.code;
    const known = images.findIndex(isIt);
    if (known >= 0) return known;
    this.#waiting.images.push({ ...image, kind: IMAGE_KINDS.indexOf(image.kind) });
    return images.push(image) - 1;
  }
}

/** Whether nobody could name a frame of the file yet: at most it is known where its function begins. */
export function isUnnamed({ symbols, functions }: StoredCode, frame: number): boolean {
  const latest = symbols.latest[frame]!;
  return latest < 0 || functions.isNameless(symbols.function[latest]!);
}

/** Whether a frame has exactly these symbols already. */
function isStored(code: StoredCode, symbols: SymbolColumns, from: number, to: number): boolean {
  const stored = code.symbols;
  const first = stored.latest[symbols.frame[from]!]!;
  if (first < 0 || (stored.depth[first + to - from] ?? 0) > 0) return false;
  for (let row = from; row < to; row++) {
    const at = first + row - from;
    const isSame =
      stored.depth[at] === symbols.depth[row] &&
      stored.function[at] === symbols.function[row] &&
      stored.file[at] === symbols.file[row] &&
      stored.line[at] === symbols.line[row];
    if (!isSame) return false;
  }
  return true;
}

const identityKey = ({ kind, path, buildId, fileIdentity }: ImageIdentity): string =>
  [kind, path, buildId, fileIdentity].join('\0');

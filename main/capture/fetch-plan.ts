import type { StoredCode } from '../store/stored-code.ts';
import type { DebuginfodClient } from '../symbolize/debuginfod.ts';
import type { DebuginfodOutcome } from '../symbolize/debuginfod-protocol.ts';
import type { FetchedFiles, ImageRef } from '../symbolize/image-files.ts';
import type { RecordedCode } from './recorded-code.ts';
import type { SymbolSide } from './symbol-side.ts';

/** What was asked of debuginfod, and what came of it. */
export interface FetchReport {
  /** Images whose files were asked for. */
  readonly asked: number;
  /** Images for which something came. */
  readonly found: number;
  /** Images that no server has. */
  readonly missing: number;
  /** Images given up: too large for what was left of the budget, or too slow. */
  readonly givenUp: number;
  /** Downloaded, bytes. */
  readonly bytes: number;
  /** Why nothing could be asked; null: it could. */
  readonly unavailable: string | null;
}

interface FetchParts {
  readonly client: DebuginfodClient;
  readonly code: StoredCode;
  readonly side: SymbolSide;
  readonly recorded: RecordedCode;
}

/** Decides what is worth fetching for a recorded session, and fetches it. */
export class FetchPlan {
  readonly #parts: FetchParts;
  readonly #counts = { asked: 0, found: 0, missing: 0, givenUp: 0 };
  #unavailable: string | null = null;

  constructor(parts: FetchParts) {
    this.#parts = parts;
  }

  /** Images of these frames whose names are not all here, by weight of the samples that ended in them. */
  imagesOf(frames: readonly number[]): readonly number[] {
    const { code } = this.#parts;
    const weights = new Map<number, number>();
    for (const frame of frames) {
      const image = code.frames.image[frame]!;
      weights.set(image, (weights.get(image) ?? 0) + code.frames.hits[frame]!);
    }
    const wanted = [...weights.keys()].filter((image) => this.#isWorthAsking(image));
    return wanted.sort((a, b) => weights.get(b)! - weights.get(a)!);
  }

  /** True: something came, look the image's frames up again. */
  async fetch(image: number): Promise<boolean> {
    const ref = this.#refOf(image);
    if (ref === null || this.#unavailable !== null) return false;
    const { client, side, recorded } = this.#parts;
    this.#counts.asked++;
    const hasFile = side.problemOf(ref)?.kind === 'no-symbols';
    const debug = await client.fetch('debuginfo', ref.buildId);
    // Most debug files do not tell where in the program's file the code stands: that takes the program.
    const executable = hasFile ? null : await client.fetch('executable', ref.buildId);
    const files: FetchedFiles = {
      ...(debug.kind === 'found' ? { debug: debug.path } : {}),
      ...(executable?.kind === 'found' ? { executable: executable.path } : {}),
    };
    this.#count(debug, executable);
    if (Object.keys(files).length === 0) return false;
    recorded.addFetched(image, files);
    side.forget(ref);
    return true;
  }

  report(): FetchReport {
    const bytes = this.#parts.client.downloadedBytes;
    return { ...this.#counts, bytes, unavailable: this.#unavailable };
  }

  #count(debug: DebuginfodOutcome, executable: DebuginfodOutcome | null): void {
    const outcomes = executable === null ? [debug] : [debug, executable];
    for (const outcome of outcomes) {
      if (outcome.kind === 'unavailable') this.#unavailable = outcome.reason;
    }
    const kinds = outcomes.map(({ kind }) => kind);
    if (kinds.includes('found')) this.#counts.found++;
    else if (kinds.includes('budget') || kinds.includes('timeout')) this.#counts.givenUp++;
    else if (kinds.includes('missing')) this.#counts.missing++;
  }

  #isWorthAsking(image: number): boolean {
    const ref = this.#refOf(image);
    return ref !== null && this.#parts.side.problemOf(ref) !== null;
  }

  /** null: no program file, or nothing to ask by. */
  #refOf(image: number): ImageRef | null {
    const ref = this.#parts.recorded.refOf(image);
    const isAskable = 'fileIdentity' in ref && ref.kind === 'elf' && ref.buildId !== '';
    return isAskable ? ref : null;
  }
}

import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { ProfilerError } from '#shared/errors.ts';
import type { ImageProblem } from '#shared/model/image-problem.ts';
import type { ImageKind } from '#shared/model/session-tables.ts';
import { ok, type Result } from '#shared/result.ts';
import { SessionSymbols } from '../store/session-symbols.ts';
import type { StoredCode } from '../store/stored-code.ts';
import type { DebuginfodClient } from '../symbolize/debuginfod.ts';
import { FetchPlan, type FetchReport } from './fetch-plan.ts';
import { isUnnamed, NamingPass } from './naming-pass.ts';
import { kallsymsNow, RecordedCode } from './recorded-code.ts';
import { SymbolSide } from './symbol-side.ts';

/** How a recorded session is to be named. */
export interface ResymbolizeOptions {
  /** Also the frames that have a name: debug files may have come since. */
  readonly force: boolean;
  /** Asked for what is missing here; null: nothing is fetched. Disposed of by the caller. */
  readonly debuginfod: DebuginfodClient | null;
  /** Ends the work early; what was named so far stays. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ResymbolizeProgress) => void;
}

export interface ResymbolizeProgress {
  /** What is being done. */
  readonly step: 'naming' | 'fetching';
  /** The image being fetched; empty otherwise. */
  readonly image: string;
  readonly remaining: number;
  readonly total: number;
  /** Fetched so far. */
  readonly bytes: number;
}

/** What became of the frames of one image. */
export interface ImageOutcome {
  readonly path: string;
  readonly kind: ImageKind;
  /** Frames looked up. */
  readonly asked: number;
  /** Of those, frames that got a name, or another one, or lines. */
  readonly named: number;
  /** Frames of the image that have no name now. */
  readonly unnamed: number;
  /** Weight of samples that ended in them. */
  readonly unnamedHits: number;
  /** Why; null: nothing is missing, or nothing is known. */
  readonly problem: ImageProblem | null;
}

export interface ResymbolizeOutcome {
  /** Code locations in the session. */
  readonly frames: number;
  /** Looked up. */
  readonly asked: number;
  /** Got a name, or another one, or lines. */
  readonly named: number;
  /** Have none afterwards. */
  readonly unnamed: number;
  /** Images that were looked at, those that miss most first. */
  readonly images: readonly ImageOutcome[];
  /** What was asked of debuginfod; null: nothing was to be. */
  readonly fetched: FetchReport | null;
  /** It was ended early. */
  readonly cancelled: boolean;
}

/**
 * Gives names to the frames of a recorded session from files that are here now. Adds rows and changes
 * none: samples, stacks and totals stay byte for byte.
 */
export async function resymbolize(
  path: string,
  options: ResymbolizeOptions,
): Promise<Result<ResymbolizeOutcome, ProfilerError>> {
  const opened = await SessionSymbols.open(path);
  if (!opened.ok) return opened;
  await using session = opened.value;
  const code = await session.read();
  if (!code.ok) return code;
  using side = new SymbolSide();
  const recorded = new RecordedCode(code.value);
  if (recorded.isThisBoot) side.addKallsyms(kallsymsNow());
  side.kernel();
  const work = new Resymbolizer({ session, code: code.value, side, recorded }, options);
  return await work.run();
}

interface Parts {
  readonly session: SessionSymbols;
  readonly code: StoredCode;
  readonly side: SymbolSide;
  readonly recorded: RecordedCode;
}

class Resymbolizer {
  readonly #parts: Parts;
  readonly #options: ResymbolizeOptions;
  /** Rows of frames looked up, and those that got a name. */
  readonly #asked = new Set<number>();
  readonly #named = new Set<number>();

  constructor(parts: Parts, options: ResymbolizeOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  async run(): Promise<Result<ResymbolizeOutcome, ProfilerError>> {
    const { code } = this.#parts;
    const { force, debuginfod } = this.#options;
    const todo: number[] = [];
    for (let frame = 0; frame < code.frames.length; frame++) {
      const hasCode = code.images[code.frames.image[frame]!]!.kind !== 'unknown';
      if (hasCode && (force || isUnnamed(code, frame))) todo.push(frame);
    }
    for (const frame of todo) this.#asked.add(frame);
    const named = await this.#name(todo);
    if (!named.ok) return named;
    const fetched = debuginfod === null ? ok(null) : await this.#fetch(debuginfod, todo);
    return fetched.ok ? ok(this.#outcome(fetched.value)) : fetched;
  }

  /** Looks frames up, hottest first, and writes what was found every now and then. */
  async #name(frames: readonly number[]): Promise<Result<void, ProfilerError>> {
    const { signal, onProgress } = this.#options;
    const pass = new NamingPass({ ...this.#parts, frames });
    for (let isMore = true; isMore && !signal.aborted; ) {
      isMore = pass.work();
      const batch = isMore ? pass.takeIfMany() : pass.take();
      if (batch !== null) {
        const written = await this.#parts.session.append(batch);
        if (!written.ok) return written;
      }
      const bytes = this.#options.debuginfod?.downloadedBytes ?? 0;
      const { remaining } = pass;
      onProgress({ step: 'naming', image: '', remaining, total: frames.length, bytes });
      await yieldToEvents();
    }
    // Ended early: what was found since the last batch is kept too.
    const rest = pass.take();
    const written = rest === null ? ok(undefined) : await this.#parts.session.append(rest);
    for (const frame of pass.named) this.#named.add(frame);
    return written;
  }

  /** Fetches what is missing, image by image, the hottest first, and looks its frames up again. */
  async #fetch(
    client: DebuginfodClient,
    todo: readonly number[],
  ): Promise<Result<FetchReport, ProfilerError>> {
    const { signal, onProgress } = this.#options;
    const { code, side, recorded } = this.#parts;
    const plan = new FetchPlan({ client, code, side, recorded });
    const wanted = plan.imagesOf(todo);
    for (const [position, image] of wanted.entries()) {
      if (signal.aborted) break;
      onProgress({
        ...{ step: 'fetching', image: code.images[image]!.path },
        ...{ remaining: wanted.length - position, total: wanted.length },
        bytes: client.downloadedBytes,
      });
      if (!(await plan.fetch(image))) continue;
      const again = await this.#name(todo.filter((frame) => code.frames.image[frame] === image));
      if (!again.ok) return again;
    }
    return ok(plan.report());
  }

  #outcome(fetched: FetchReport | null): ResymbolizeOutcome {
    const { code } = this.#parts;
    const perImage = new Map<number, { -readonly [K in keyof ImageOutcome]: ImageOutcome[K] }>();
    let unnamed = 0;
    for (const frame of this.#asked) {
      const image = code.frames.image[frame]!;
      const { path, kind } = code.images[image]!;
      const row = perImage.get(image) ?? {
        ...{ path, kind, asked: 0, named: 0, unnamed: 0, unnamedHits: 0, problem: null },
      };
      perImage.set(image, row);
      row.asked++;
      if (this.#named.has(frame)) row.named++;
      else if (isUnnamed(code, frame)) {
        unnamed++;
        row.unnamed++;
        row.unnamedHits += code.frames.hits[frame]!;
      }
    }
    for (const [image, row] of perImage) if (row.unnamed > 0) row.problem = this.#problemOf(image);
    const images = [...perImage.values()].sort(
      (a, b) => b.unnamedHits - a.unnamedHits || b.unnamed - a.unnamed || b.named - a.named,
    );
    const counts = { asked: this.#asked.size, named: this.#named.size, unnamed };
    const cancelled = this.#options.signal.aborted;
    return { frames: code.frames.length, ...counts, images, fetched, cancelled };
  }

  #problemOf(image: number): ImageProblem | null {
    const { side, recorded } = this.#parts;
    const ref = recorded.refOf(image);
    return 'fileIdentity' in ref ? side.problemOf(ref) : ref;
  }
}

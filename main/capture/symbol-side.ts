import type { ImageProblem } from '#shared/model/image-problem.ts';
import { type ImageRef, readBuildId } from '../symbolize/image-files.ts';
import { isJitdumpPath } from '../symbolize/jit-names.ts';
import { KernelSymbols } from '../symbolize/kernel-symbols.ts';
import { Symbolizer } from '../symbolize/symbolizer.ts';
import { UnpackAhead } from '../symbolize/unpack-ahead.ts';
import type { KernelLocator } from './address-resolver.ts';
import type { Mapping } from './address-space.ts';
import type { LabelFacts } from './capture-source.ts';
import { EARLY_KERNEL_BASE_HIGH, isEarlyKernel } from './image-table.ts';
import type { FrameSymbol, FrameSymbolizer } from './symbol-feed.ts';
import type { ProcessFact } from './wire/helper-protocol.ts';

const TWO_TO_32 = 2 ** 32;

/** The symbol tables of one recording: the kernel's as it arrives, files' as they are asked for. */
export class SymbolSide implements FrameSymbolizer, Disposable {
  readonly #kernel = new KernelSymbols();
  readonly #symbolizer: Symbolizer;
  #isComplete = false;

  /** `isLive`: never stands still for large debug information; isPending() then tells what to ask again. */
  constructor({ isLive }: { readonly isLive: boolean } = { isLive: false }) {
    const ahead = isLive ? new UnpackAhead() : null;
    this.#symbolizer = new Symbolizer({ kernel: this.#kernel, ahead });
  }

  /** Text after the table has been put to use is of no use any more. */
  addKallsyms(text: Uint8Array): void {
    if (!this.#isComplete) this.#kernel.add(text);
  }

  /** Completes the kernel's table. */
  kernel(): KernelLocator {
    if (!this.#isComplete) this.#kernel.finish();
    this.#isComplete = true;
    return this.#kernel;
  }

  symbolize: FrameSymbolizer['symbolize'] = (image, offsets) =>
    isEarlyKernel(image)
      ? offsets.map((offset) => this.#earlyKernelSymbol(offset))
      : this.#symbolizer.symbolize(image, offsets);

  /** What sources name their keys with. */
  readonly labelFacts: LabelFacts = {
    kernelFunction: ({ low, high }) => {
      if (!this.#isComplete) return '';
      const { image: path, offset } = this.#kernel.locate(high, low);
      if (offset < 0) return '';
      const kind = path === '[kernel]' ? 'kernel' : 'module';
      const image = { kind, path, buildId: '', fileIdentity: '', pids: [] } as const;
      return this.#symbolizer.symbolize(image, [offset])[0]?.name ?? '';
    },
  };

  /** Why names of an image are missing; null: none is. Reads its file if nobody did yet. */
  problemOf(image: ImageRef): ImageProblem | null {
    return this.#symbolizer.imageFacts(image).problem;
  }

  /** Another number than before: frames of the image that had no name may have one now. */
  namesKnown(image: ImageRef): number {
    if (isEarlyKernel(image)) return this.#isComplete ? 1 : 0;
    return this.#symbolizer.jitNamesKnown(image);
  }

  /** The image's frames will have lines and inlined calls in a moment: ask again instead of taking the answer. */
  isPending(image: ImageRef): boolean {
    return this.#symbolizer.isPending(image);
  }

  /** Other files may stand for the image now: the next question reads them. */
  forget(image: ImageRef): void {
    this.#symbolizer.forget(image);
  }

  /** Facts as they arrive: a jitdump is read as soon as it is mapped, because its process may end soon. */
  noteFacts(facts: readonly ProcessFact[]): void {
    for (const fact of facts) {
      const isDump = fact.kind === 'mapping' && isJitdumpPath(fact.path);
      if (isDump) this.#symbolizer.noteJitdump(fact.pid, fact.path);
    }
  }

  /** Places a frame that was recorded before the table was there, then names it. */
  #earlyKernelSymbol(earlyOffset: number): FrameSymbol | null {
    if (!this.#isComplete) return null;
    const high = EARLY_KERNEL_BASE_HIGH + Math.floor(earlyOffset / TWO_TO_32);
    const { image: path, offset } = this.#kernel.locate(high, earlyOffset % TWO_TO_32);
    if (offset < 0) return null;
    const kind = path === '[kernel]' ? 'kernel' : 'module';
    const image = { kind, path, buildId: '', fileIdentity: '', pids: [] } as const;
    const [found] = this.#symbolizer.symbolize(image, [offset]);
    return found === undefined || found === null ? null : { ...found, image: { kind, path } };
  }

  /** Build id of the file behind a mapping whose build id the kernel did not tell; empty: none. */
  buildIdOf({ path }: Mapping, pid: number): string {
    // The process may see another file system; when it is gone, ours is the best guess.
    for (const place of [`/proc/${pid}/root${path}`, path]) {
      const found = readBuildId(place);
      if (found.ok) return found.value;
    }
    return '';
  }

  dispose(): void {
    this.#symbolizer[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

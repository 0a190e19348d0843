import { isIncomplete, UNWIND_STOPS } from '#shared/model/unwind-stop.ts';
import type { CostRow, SessionBatch } from '../store/session-batch.ts';
import { AddressResolver, type BuildIdLookup, type KernelLocator } from './address-resolver.ts';
import { type FoundSymbols, type ResolvedSample, SampleBuffer } from './batch-builder.ts';
import { Int32Column } from './columns.ts';
import { FactQueue } from './fact-queue.ts';
import { FrameInterner } from './frame-interner.ts';
import { ImageTable } from './image-table.ts';
import type { ProcessEntry } from './process-entry.ts';
import { ProcessTable } from './process-table.ts';
import { NO_STACK, StackInterner } from './stack-interner.ts';
import type { SymbolFeedTables } from './symbol-feed.ts';
import type { ProcessFact } from './wire/helper-protocol.ts';
import { RawSampleReader, SAMPLE_FLAGS } from './wire/records.ts';

/** What a batch carries besides the tables. */
export interface BatchExtras {
  /** Counters that changed since the last batch, as totals. */
  readonly loss: ReadonlyMap<string, number>;
  readonly cost: CostRow | null;
  readonly found: FoundSymbols;
}

/**
 * The way from the helper's messages to session rows: facts and raw samples in, batches out. Pure
 * but for the build-id lookup; knows nothing of pipes, files and clocks.
 */
export class SessionIngest {
  readonly #images = new ImageTable();
  readonly #frames = new FrameInterner();
  readonly #stacks = new StackInterner();
  readonly #processes = new ProcessTable();
  readonly #facts = new FactQueue();
  readonly #resolver: AddressResolver;
  readonly #samples: SampleBuffer;
  readonly #leafHits = new Int32Column();
  /** CLOCK_MONOTONIC at session start, as u32 words. */
  readonly #startLow: number;
  readonly #startHigh: number;
  /** Reused for every sample: no garbage per sample. */
  readonly #sample: ResolvedSample = { timeNs: 0, thread: 0, stack: NO_STACK, cpu: 0, weight: 0 };

  /** Sample records received, which may be fewer than their weights' sum. */
  sampleCount = 0;
  /** Sum of all sample weights. */
  totalWeight = 0;
  /** Time of the latest sample, ns since session start. */
  lastNs = 0;
  /** Data messages that made no sense from some point on: loss 'record-malformed'. */
  malformed = 0;

  /** `startNs`: CLOCK_MONOTONIC at session start, ns, as decimal text (Started.startNs). */
  constructor(source: string, startNs: string, buildIdOf: BuildIdLookup) {
    const start = BigInt(startNs);
    this.#startLow = Number(start & 0xffff_ffffn);
    this.#startHigh = Number(start >> 32n);
    this.#samples = new SampleBuffer(source);
    this.#resolver = new AddressResolver(this.#images, this.#frames, buildIdOf);
  }

  /** Samples not yet taken in a batch. */
  get waitingSamples(): number {
    return this.#samples.length;
  }

  /** What symbolization reads. */
  get tables(): SymbolFeedTables {
    return {
      images: this.#images,
      frames: this.#frames,
      leafHits: this.#leafHits,
      livePids: (image) =>
        this.#resolver
          .usersOf(image)
          .map((row) => this.#processes.livePid(row))
          .filter((pid) => pid !== null),
    };
  }

  useKernel(kernel: KernelLocator): void {
    this.#resolver.useKernel(kernel);
  }

  addFacts(facts: readonly ProcessFact[]): void {
    this.#facts.add(facts);
  }

  /** Brings the tables up to a moment that no sample still to come is older than. */
  applyFactsUntil(timeNs: number): void {
    while (this.#facts.nextNs <= timeNs) {
      const fact = this.#facts.take();
      if (fact === null) return;
      this.#processes.apply(fact);
    }
  }

  /** Adds the records of one `data` message. */
  addSamples(payload: Uint8Array): void {
    const reader = new RawSampleReader(payload);
    while (reader.next()) this.#addSample(reader);
    if (reader.malformed) this.malformed++;
  }

  /** Everything since the last batch. Frames, stacks and processes come before what names them. */
  takeBatch({ loss, cost, found }: BatchExtras): SessionBatch {
    return {
      ...this.#processes.takeChanges(),
      images: this.#images.takeNew(),
      mappings: this.#resolver.takeNewMappings(),
      frames: this.#frames.takeNew(),
      stacks: this.#stacks.takeNew(),
      ...found,
      samples: this.#samples.take(),
      loss,
      cost,
    };
  }

  #addSample(reader: RawSampleReader): void {
    const timeNs = Math.max(0, reader.timeSince(this.#startLow, this.#startHigh));
    this.applyFactsUntil(timeNs);
    const entry = this.#processes.processOf(reader.pid, timeNs);
    const sample = this.#sample;
    sample.timeNs = timeNs;
    sample.thread = this.#processes.threadRowOf(entry, reader.tid);
    sample.stack = this.#internStack(reader, entry);
    sample.cpu = reader.cpu;
    sample.weight = reader.weight;
    this.#samples.add(sample);
    this.sampleCount++;
    this.totalWeight += sample.weight;
    if (timeNs > this.lastNs) this.lastNs = timeNs;
    if (sample.stack !== NO_STACK) this.#countLeaf(sample.stack);
  }

  /** Root first: the user stack's root … leaf, then the kernel stack's root … leaf below it. */
  #internStack(reader: RawSampleReader, entry: ProcessEntry): number {
    const kernelFrames = reader.kernelFrames;
    let node = this.#rootOf(reader);
    for (let index = kernelFrames + reader.userFrames - 1; index >= kernelFrames; index--) {
      const high = reader.addressHigh(index);
      const low = reader.addressLow(index);
      const isCaller = index > kernelFrames;
      node = this.#stacks.intern(node, this.#resolver.userFrame(entry, high, low, isCaller));
    }
    for (let index = kernelFrames - 1; index >= 0; index--) {
      const high = reader.addressHigh(index);
      const low = reader.addressLow(index);
      node = this.#stacks.intern(node, this.#resolver.kernelFrame(high, low, index > 0));
    }
    return node;
  }

  /** A stack that is known to end early says so at its root; others have none above them. */
  #rootOf(reader: RawSampleReader): number {
    const isCut = (reader.flags & SAMPLE_FLAGS.userTruncated) !== 0;
    const stop = UNWIND_STOPS[reader.unwindStop] ?? 'unknown';
    const shown = stop === 'unknown' && isCut ? 'depth' : stop;
    if (!isIncomplete(shown)) return NO_STACK;
    return this.#stacks.intern(NO_STACK, this.#resolver.incompleteFrame(shown));
  }

  #countLeaf(stack: number): void {
    const leaf = this.#stacks.frameOf(stack);
    while (this.#leafHits.length <= leaf) this.#leafHits.push(0);
    this.#leafHits.data[leaf]!++;
  }
}

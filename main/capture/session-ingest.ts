import { bucketOf } from '#shared/model/latency-buckets.ts';
import { isIncomplete, UNWIND_STOPS } from '#shared/model/unwind-stop.ts';
import type { CostRow, LatencyRow, SessionBatch, SourceRow } from '../store/session-batch.ts';
import { AddressResolver, type BuildIdLookup, type KernelLocator } from './address-resolver.ts';
import { type FoundSymbols, type ResolvedSample, SampleBuffer } from './batch-builder.ts';
import { Int32Column } from './columns.ts';
import { ExamplePool } from './example-pool.ts';
import { FactQueue } from './fact-queue.ts';
import { FrameInterner } from './frame-interner.ts';
import { type HistogramCell, readCells } from './histogram-cells.ts';
import { ImageTable } from './image-table.ts';
import type { ProcessEntry } from './process-entry.ts';
import { ProcessTable } from './process-table.ts';
import { SeriesInterner, type SeriesNamer } from './series-interner.ts';
import { NO_STACK, StackInterner } from './stack-interner.ts';
import type { SymbolFeedTables } from './symbol-feed.ts';
import { type PendingRecord, WaitJoiner } from './wait-joiner.ts';
import type { ProcessFact } from './wire/helper-protocol.ts';
import { RawSampleReader, RECORD_KINDS, SAMPLE_FLAGS } from './wire/records.ts';

/** Deepest that the way into our programs is looked for in a kernel stack, frames. */
const MAX_PROBE_FRAMES = 12;

/** One source of the recording, as its records are taken in. */
export interface IngestSource {
  readonly row: SourceRow;
  /** Its records tell things apart by key. */
  readonly hasSeries: boolean;
  /** Traces: an event's payload as JSON text. */
  readonly readFields?: (payload: Uint8Array) => string;
}

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
  readonly #sources: readonly IngestSource[];
  readonly #buffers: readonly SampleBuffer[];
  readonly #series: SeriesInterner;
  readonly #waits = new WaitJoiner();
  readonly #examples = new ExamplePool<Readonly<ResolvedSample> & { readonly source: number }>();
  readonly #latencies: LatencyRow[] = [];
  #areSourcesTaken = false;
  readonly #leafHits = new Int32Column();
  /** CLOCK_MONOTONIC at session start, as u32 words. */
  readonly #startLow: number;
  readonly #startHigh: number;
  /** Reused for every sample: no garbage per sample. */
  readonly #sample: ResolvedSample = {
    ...{ timeNs: 0, thread: 0, stack: NO_STACK, cpu: 0, weight: 0 },
    ...{ series: -1, value: 0, fields: null },
  };

  /** Sample records received, which may be fewer than their weights' sum. */
  sampleCount = 0;
  /** Sum of the first source's weights. */
  totalWeight = 0;
  /** Waits whose user stack never came: loss 'user-stack-late'. */
  lateStacks = 0;
  /** Time of the latest sample, ns since session start. */
  lastNs = 0;
  /** Data messages that made no sense from some point on: loss 'record-malformed'. */
  malformed = 0;

  /** `startNs`: CLOCK_MONOTONIC at session start, ns, as decimal text (Started.startNs). */
  constructor(
    sources: readonly IngestSource[],
    startNs: string,
    { buildIdOf, nameOf }: { readonly buildIdOf: BuildIdLookup; readonly nameOf: SeriesNamer },
  ) {
    const start = BigInt(startNs);
    this.#startLow = Number(start & 0xffff_ffffn);
    this.#startHigh = Number(start >> 32n);
    this.#sources = sources;
    this.#buffers = sources.map((_, source) => new SampleBuffer(source));
    this.#series = new SeriesInterner(nameOf);
    this.#resolver = new AddressResolver(this.#images, this.#frames, buildIdOf);
  }

  /** Samples not yet taken in a batch. */
  get waitingSamples(): number {
    return this.#buffers.reduce((sum, { length }) => sum + length, 0);
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
    while (reader.next()) this.#addRecord(reader);
    if (reader.malformed) this.malformed++;
  }

  /** Adds the cells of one `histogram` message, and the examples that waited for them. */
  addHistogram(payload: Uint8Array): void {
    const cells = readCells(payload);
    if (cells === null) {
      this.malformed++;
      return;
    }
    for (const cell of cells) this.#addCell(cell);
  }

  /** Lets go of what waits for something that may never come. `all`: nothing comes any more. */
  flush(all: boolean): void {
    for (const { source, ...example } of this.#examples.takeOverdue(all)) {
      this.#store(source, example);
    }
    if (!all) return;
    for (const pending of this.#waits.takeAll()) this.#addLate(pending);
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
      samples: this.#buffers.filter(({ length }) => length > 0).map((buffer) => buffer.take()),
      sources: this.#takeSources(),
      series: this.#series.takeNew(),
      latencies: this.#latencies.splice(0),
      loss,
      cost,
    };
  }

  #takeSources(): readonly SourceRow[] {
    if (this.#areSourcesTaken) return [];
    this.#areSourcesTaken = true;
    return this.#sources.map(({ row }) => row);
  }

  #addRecord(reader: RawSampleReader): void {
    switch (reader.kind) {
      case RECORD_KINDS.sample:
      case RECORD_KINDS.event:
        this.#addSample(reader, reader, this.#waits.takeWaker(reader.tid));
        break;
      case RECORD_KINDS.pending:
      case RECORD_KINDS.pendingExample: {
        const isExample = reader.kind === RECORD_KINDS.pendingExample;
        const waker = isExample ? null : this.#waits.takeWaker(reader.tid);
        const late = this.#waits.hold(reader.tid, { record: reader.copy(), waker });
        if (late !== null) this.#addLate(late);
        break;
      }
      case RECORD_KINDS.userStack:
        for (const { record, waker } of this.#waits.take(reader.tid)) {
          this.#addWhole(onlyRecord(record), reader, waker);
        }
        break;
      case RECORD_KINDS.waker:
        this.#waits.addWaker(reader.link, this.#wakerFrames(reader));
        break;
      case RECORD_KINDS.example:
        this.#addExample(reader, reader);
        break;
      default:
        this.malformed++;
    }
  }

  /** A wait whose user stack never came: the kernel's part stands alone. */
  #addLate({ record, waker }: PendingRecord): void {
    this.lateStacks++;
    this.#addWhole(onlyRecord(record), null, waker);
  }

  /** A wait with all that will ever be known of it. */
  #addWhole(
    reader: RawSampleReader,
    user: RawSampleReader | null,
    waker: readonly number[] | null,
  ): void {
    if (reader.kind === RECORD_KINDS.pendingExample) this.#addExample(reader, user);
    else this.#addSample(reader, user, waker);
  }

  /** `user`: the record that holds the user stack; null: nobody knows it. */
  #addSample(
    reader: RawSampleReader,
    user: RawSampleReader | null,
    waker: readonly number[] | null,
  ): void {
    if (!this.#resolve(reader, user)) return;
    const sample = this.#sample;
    if (waker !== null && sample.stack !== NO_STACK) {
      for (const frame of waker) sample.stack = this.#stacks.intern(sample.stack, frame);
    }
    this.#store(reader.source, sample);
  }

  #addExample(reader: RawSampleReader, user: RawSampleReader | null): void {
    if (!this.#resolve(reader, user)) return;
    const place = {
      source: reader.source,
      ...{ keyLow: reader.keyLow, keyHigh: reader.keyHigh, pid: reader.pid },
      bucket: bucketOf(reader.value),
      slice: reader.link >>> 16,
    };
    this.#examples.add(place, reader.link & 0xffff, { ...this.#sample, source: reader.source });
  }

  /** Fills #sample; false: the record's source was never asked for. */
  #resolve(reader: RawSampleReader, user: RawSampleReader | null): boolean {
    const source = this.#sources[reader.source];
    if (source === undefined) {
      this.malformed++;
      return false;
    }
    const timeNs = Math.max(0, reader.timeSince(this.#startLow, this.#startHigh));
    this.applyFactsUntil(timeNs);
    const entry = this.#processes.processOf(reader.pid, timeNs);
    const sample = this.#sample;
    sample.timeNs = timeNs;
    sample.thread = this.#processes.threadRowOf(entry, reader.tid);
    sample.stack = this.#internStack(reader, user, entry);
    sample.cpu = reader.cpu;
    sample.weight = reader.weight;
    sample.series = -1;
    sample.value = 0;
    sample.fields = source.readFields?.(reader.payload()) ?? null;
    if (source.hasSeries) {
      const key = { low: reader.keyLow, high: reader.keyHigh };
      sample.series = this.#series.intern(reader.source, key, entry.row);
    }
    if (source.row.unit === 'nanoseconds') {
      // A call of less than a ns happened all the same.
      sample.value = Math.max(1, reader.value);
      sample.weight *= sample.value;
    }
    return true;
  }

  #store(source: number, sample: Readonly<ResolvedSample>): void {
    this.#buffers[source]!.add(sample);
    this.sampleCount++;
    if (source === 0) this.totalWeight += sample.weight;
    if (sample.timeNs > this.lastNs) this.lastNs = sample.timeNs;
    if (sample.stack !== NO_STACK) this.#countLeaf(sample.stack);
  }

  #addCell(cell: HistogramCell): void {
    if (this.#sources[cell.source] === undefined) {
      this.malformed++;
      return;
    }
    const process = cell.pid === 0 ? -1 : this.#processes.processOf(cell.pid, this.lastNs).row;
    const key = { low: cell.keyLow, high: cell.keyHigh };
    const series = this.#series.intern(cell.source, key, process);
    const { slice, bucket, count, total, max } = cell;
    this.#latencies.push({ series, slice, bucket, count, total, max });
    const { examples, calls } = this.#examples.take(cell);
    for (const { source, ...example } of examples) {
      this.#store(source, { ...example, weight: Math.round(example.value * calls) });
    }
  }

  /** As they follow the waiting thread's stack: the mark, then the waker's frames, leaf first. */
  #wakerFrames(reader: RawSampleReader): number[] {
    const timeNs = Math.max(0, reader.timeSince(this.#startLow, this.#startHigh));
    this.applyFactsUntil(timeNs);
    const entry = this.#processes.processOf(reader.pid, timeNs);
    const isInterrupt = (reader.flags & SAMPLE_FLAGS.interrupt) !== 0;
    const frames = [this.#resolver.wakerFrame(isInterrupt ? 'interrupt' : entry.details.comm)];
    const { kernelFrames } = reader;
    const first = this.#firstOwnFrame(reader);
    for (let index = first; index < kernelFrames + reader.userFrames; index++) {
      const high = reader.addressHigh(index);
      const low = reader.addressLow(index);
      frames.push(
        index < kernelFrames
          ? this.#resolver.kernelFrame(high, low, index > 0)
          : this.#resolver.userFrame(entry, high, low, index > kernelFrames),
      );
    }
    return frames;
  }

  /** Root first: the user stack's root … leaf, then the kernel stack's root … leaf below it. */
  #internStack(reader: RawSampleReader, user: RawSampleReader | null, entry: ProcessEntry): number {
    let node = user === null ? this.#unknownRoot() : this.#rootOf(user);
    if (user !== null) {
      const first = user.kernelFrames;
      for (let index = first + user.userFrames - 1; index >= first; index--) {
        const high = user.addressHigh(index);
        const low = user.addressLow(index);
        const frame = this.#resolver.userFrame(entry, high, low, index > first);
        node = this.#stacks.intern(node, frame);
      }
    }
    const first = this.#firstOwnFrame(reader);
    for (let index = reader.kernelFrames - 1; index >= first; index--) {
      const high = reader.addressHigh(index);
      const low = reader.addressLow(index);
      node = this.#stacks.intern(node, this.#resolver.kernelFrame(high, low, index > 0));
    }
    return node;
  }

  /**
   * Index of the first kernel frame that is the program's under measurement: what leads to our own
   * programs lies below it.
   */
  #firstOwnFrame(reader: RawSampleReader): number {
    if (this.#sources[reader.source]?.row.kind === 'on-cpu') return 0;
    const { kernelFrames } = reader;
    for (let index = Math.min(kernelFrames, MAX_PROBE_FRAMES) - 1; index >= 0; index--) {
      if (this.#resolver.isProbe(reader.addressHigh(index), reader.addressLow(index))) {
        return index + 1;
      }
    }
    return 0;
  }

  /** Of a wait that was never seen to go back to user mode. */
  #unknownRoot(): number {
    return this.#stacks.intern(NO_STACK, this.#resolver.incompleteFrame('no-registers'));
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

/** A reader that stands at the one record of its own memory. */
function onlyRecord(record: Uint8Array): RawSampleReader {
  const reader = new RawSampleReader(record);
  reader.next();
  return reader;
}

import { parentPort, workerData } from 'node:worker_threads';
import type { ProfilerError } from '#shared/errors.ts';
import { UNWIND_STOPS } from '#shared/model/unwind-stop.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { MappedMemory } from '../bpf/mapped-memory.ts';
import { redirectEvent } from '../bpf/perf-event.ts';
import { RingBufferReader } from '../bpf/ring-buffer.ts';
import { PerfRingReader } from '../bpf/side-band.ts';
import { CAPTURE_STATE, CPU_COUNTERS } from '../capture/wire/records.ts';
import { CLOCK_MONOTONIC, clockNs } from '../ffi/libc.ts';
import { AggregateDrain } from './aggregate-drain.ts';
import type {
  Drained,
  DrainSetup,
  FromDrain,
  KernelCounters,
  SideBandDrained,
  ToDrain,
} from './drain-messages.ts';
import { HistogramDrain } from './histogram-drain.ts';
import { moveKernelFrames } from './kernel-shift.ts';
import { packSamples, type SampleFrame } from './sample-packing.ts';

/**
 * The drain thread: empties the kernel's buffers on a timer, whatever the main thread is busy with.
 *
 * Order within one drain: samples first, side-band second; they are sent the other way round. A
 * sample in a mapping implies that the mapping's record was written before the sample was. So the
 * side-band read after the samples holds every record these samples need, and sending facts before
 * data means that no sample arrives before the mapping it lies in.
 */

const GONE: Result<never, ProfilerError> = err({
  kind: 'library-missing',
  library: 'libbpf.so.1',
  reason: 'gone since start',
});

/**
 * Samples wait this long, ms, less what timers may be early: each drain costs
 * helper and engine together about a millisecond, however few samples it brings.
 */
const REST_MS = 440;
/** A ring filled to one part in so many does not wait. */
const FULL_ENOUGH = 8;

class DrainLoop {
  readonly #setup: DrainSetup;
  readonly #ring: RingBufferReader | null;
  readonly #sideBand: readonly PerfRingReader[];
  readonly #state: MappedMemory;
  readonly #aggregate: AggregateDrain | null;
  #histograms: HistogramDrain | null = null;
  readonly #seen = new Set<number>();
  /** performance.now() from which samples have waited long enough. */
  #restUntilMs = 0;
  #lastMemberChange = 0;
  readonly #row = new BigUint64Array(CPU_COUNTERS.size / 8);

  private constructor(
    setup: DrainSetup,
    state: MappedMemory,
    sideBand: readonly PerfRingReader[],
    sources: { ring: RingBufferReader | null; aggregate: AggregateDrain | null },
  ) {
    this.#setup = setup;
    this.#state = state;
    this.#sideBand = sideBand;
    this.#ring = sources.ring;
    this.#aggregate = sources.aggregate;
  }

  static open(setup: DrainSetup): Result<DrainLoop, ProfilerError> {
    const region = { offset: 0, length: CAPTURE_STATE.size, writable: true };
    const state = MappedMemory.map(setup.stateFd, region, 'sampler state');
    if (!state.ok) return state;
    const sideBand: PerfRingReader[] = [];
    for (const [index, fd] of setup.sideBandFds.entries()) {
      const ring = PerfRingReader.map(fd);
      if (!ring.ok) return ring;
      sideBand.push(ring.value);
      // Throttling records of the sampling event; a kernel that refuses leaves them unknown.
      const sampleFd = setup.sampleFds[index];
      if (sampleFd !== undefined) redirectEvent(sampleFd, fd);
    }
    let aggregate: AggregateDrain | null = null;
    if (setup.aggregate !== null) {
      aggregate = AggregateDrain.open(setup.aggregate, state.value);
      if (aggregate === null) return GONE;
    }
    if (!setup.hasRing)
      return ok(new DrainLoop(setup, state.value, sideBand, { ring: null, aggregate }));
    const ring = RingBufferReader.map(setup.ringFd, setup.ringBytes);
    if (!ring.ok) return ring;
    return ok(new DrainLoop(setup, state.value, sideBand, { ring: ring.value, aggregate }));
  }

  /** `startNs`: CLOCK_MONOTONIC of session start, from which slices are counted. */
  begin(startNs: bigint): Result<void, ProfilerError> {
    if (this.#setup.histograms === null) return ok(undefined);
    this.#histograms = HistogramDrain.open(this.#setup.histograms, startNs);
    return this.#histograms === null ? GONE : ok(undefined);
  }

  /** Whether a drain is worth its messages now: for a ring that fills, or because samples have waited long enough. */
  isDue(): boolean {
    if (performance.now() >= this.#restUntilMs) return true;
    if ((this.#ring?.waiting ?? 0) > this.#setup.ringBytes / FULL_ENOUGH) return true;
    return this.#memberChange() !== this.#lastMemberChange;
  }

  /** Side-band records alone: the processes they tell of may be gone soon. null: there are none. */
  drainSideBand(): SideBandDrained | null {
    if (!this.#sideBand.some(({ waiting }) => waiting > 0)) return null;
    return { kind: 'side-band', ...this.#readSideBand() };
  }

  #readSideBand(): Pick<Drained, 'untilNs' | 'sideBand'> {
    const untilNs = clockNs(CLOCK_MONOTONIC);
    return {
      untilNs,
      sideBand: this.#sideBand.map((ring) => ring.drain()).filter((part) => part.length > 0),
    };
  }

  drain(final: boolean): Drained {
    this.#restUntilMs = performance.now() + REST_MS;
    this.#lastMemberChange = this.#memberChange();
    const newPids: number[] = [];
    const frames = this.#drainSamples(final, (pid) => {
      if (this.#seen.has(pid)) return;
      this.#seen.add(pid);
      newPids.push(pid);
    });
    const histograms = this.#histograms?.due(clockNs(CLOCK_MONOTONIC), final) ?? [];
    return {
      kind: 'drained',
      frames,
      histograms,
      ...this.#readSideBand(),
      newPids,
      memberChange: this.#lastMemberChange,
      failedSlices: (this.#aggregate?.failures ?? 0) + (this.#histograms?.failures ?? 0),
      counters: this.#counters(),
      final,
    };
  }

  #drainSamples(final: boolean, seen: (pid: number) => void): SampleFrame[] {
    const frames: SampleFrame[] = [];
    if (this.#aggregate !== null) {
      frames.push(...this.#aggregate.due(clockNs(CLOCK_MONOTONIC), final, seen));
    }
    const ring = this.#ring;
    for (let length = ring?.take() ?? 0; ring !== null && length > 0; length = ring.take()) {
      frames.push(packSamples(ring.span, length, seen));
      ring.publish();
    }
    const { kernelShift } = this.#setup;
    if (kernelShift !== null) for (const { frame } of frames) moveKernelFrames(frame, kernelShift);
    return frames;
  }

  #memberChange(): number {
    return this.#state.readU32(CAPTURE_STATE.fields.member_change) | 0;
  }

  #counters(): KernelCounters {
    const totals = new Float64Array(this.#row.length);
    const bytes = new Uint8Array(this.#row.buffer);
    for (const cpu of this.#setup.cpus) {
      const offset = CAPTURE_STATE.fields.cpus + cpu * CPU_COUNTERS.size;
      this.#state.read(bytes, offset, CPU_COUNTERS.size);
      for (let index = 0; index < totals.length; index++) {
        totals[index] = totals[index]! + Number(this.#row[index]!);
      }
    }
    const total = (offset: number): number => totals[offset / 8]!;
    const { fields } = CPU_COUNTERS;
    return {
      samples: total(fields.samples),
      idle: total(fields.idle),
      filtered: total(fields.filtered),
      ringFull: total(fields.ring_full),
      stacksFull: total(fields.stacks_full),
      countsFull: total(fields.counts_full),
      truncated: total(fields.truncated),
      missed: total(fields.missed),
      targetsFull: total(fields.targets_full),
      runs: total(fields.runs),
      runNs: total(fields.run_ns),
      histogramFull: total(fields.histogram_full),
      startsLost: total(fields.starts_lost),
      busy: total(fields.busy),
      events: total(fields.events),
      belowMinimum: total(fields.below_minimum),
      rateLimited: total(fields.rate_limited),
      skipped: total(fields.skipped),
      privileged: total(fields.privileged),
      unwindStops: UNWIND_STOPS.map((_, code) => total(fields.unwind_stops + code * 8)),
    };
  }

  get periodMs(): number {
    return this.#setup.periodMs;
  }
}

function post(message: FromDrain): void {
  parentPort?.postMessage(message, buffersOf(message));
}

function buffersOf(message: FromDrain): ArrayBuffer[] {
  if (message.kind === 'side-band') return message.sideBand.map(bufferOf);
  if (message.kind !== 'drained') return [];
  const frames = [...message.frames, ...message.histograms].map(({ frame }) => frame.buffer);
  return [...frames, ...message.sideBand.map(bufferOf)];
}

const bufferOf = (bytes: Uint8Array): ArrayBuffer => bytes.buffer as ArrayBuffer;

function run(): void {
  const loop = DrainLoop.open(workerData as DrainSetup);
  if (!loop.ok) {
    post({ kind: 'failed', error: loop.error });
    return;
  }
  const { value } = loop;
  let timer: NodeJS.Timeout | undefined;
  parentPort?.on('message', (message: ToDrain) => {
    if (message.kind === 'go') {
      const begun = value.begin(message.startNs);
      if (!begun.ok) {
        post({ kind: 'failed', error: begun.error });
        return;
      }
      timer = setInterval(() => {
        const news = value.isDue() ? value.drain(false) : value.drainSideBand();
        if (news !== null) post(news);
      }, value.periodMs);
      return;
    }
    clearInterval(timer);
    post(value.drain(true));
    parentPort?.close();
  });
  post({ kind: 'ready' });
}

run();

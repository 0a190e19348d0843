import { parentPort, workerData } from 'node:worker_threads';
import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import { UNWIND_STOPS } from '#shared/model/unwind-stop.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { MappedMemory } from '../bpf/mapped-memory.ts';
import { redirectEvent } from '../bpf/perf-event.ts';
import { RingBufferReader } from '../bpf/ring-buffer.ts';
import { PerfRingReader } from '../bpf/side-band.ts';
import { CPU_COUNTERS, SAMPLER_STATE } from '../capture/wire/records.ts';
import { CLOCK_MONOTONIC, clockNs } from '../ffi/libc.ts';
import { AggregateDrain } from './aggregate-drain.ts';
import type { Drained, DrainSetup, FromDrain, KernelCounters, ToDrain } from './drain-messages.ts';
import { packSamples, type SampleFrame } from './sample-packing.ts';

/**
 * The drain thread: empties the kernel's buffers on a timer, whatever the main thread is busy with.
 *
 * Order within one drain: samples first, side-band second; they are sent the other way round. A
 * sample in a mapping implies that the mapping's record was written before the sample was. So the
 * side-band read after the samples holds every record these samples need, and sending facts before
 * data means that no sample arrives before the mapping it lies in.
 */

/** Drain period, ms: the ring holds seconds; a slower timer wakes idle machines less. */
const periodFor = (rateHz: number): number => (rateHz > 1000 ? 50 : 100);

class DrainLoop {
  readonly #setup: DrainSetup;
  readonly #ring: RingBufferReader | null;
  readonly #sideBand: readonly PerfRingReader[];
  readonly #state: MappedMemory;
  readonly #aggregate: AggregateDrain | null;
  readonly #seen = new Set<number>();
  readonly #row = new BigUint64Array(CPU_COUNTERS.size / 8);

  private constructor(
    setup: DrainSetup,
    state: MappedMemory,
    sideBand: readonly PerfRingReader[],
    source: RingBufferReader | AggregateDrain,
  ) {
    this.#setup = setup;
    this.#state = state;
    this.#sideBand = sideBand;
    this.#ring = source instanceof RingBufferReader ? source : null;
    this.#aggregate = source instanceof AggregateDrain ? source : null;
  }

  static open(setup: DrainSetup): Result<DrainLoop, ProfilerError> {
    const region = { offset: 0, length: SAMPLER_STATE.size, writable: true };
    const state = MappedMemory.map(setup.stateFd, region, 'sampler state');
    if (!state.ok) return state;
    const sideBand: PerfRingReader[] = [];
    for (const [index, fd] of setup.sideBandFds.entries()) {
      const ring = PerfRingReader.map(fd);
      if (!ring.ok) return ring;
      sideBand.push(ring.value);
      // Throttling records of the sampling event; a kernel that refuses leaves them unknown.
      redirectEvent(setup.sampleFds[index]!, fd);
    }
    if (setup.aggregate !== null) {
      const aggregate = AggregateDrain.open(setup.aggregate, state.value);
      if (aggregate === null) {
        return err({ kind: 'library-missing', library: 'libbpf.so.1', reason: 'gone since start' });
      }
      return ok(new DrainLoop(setup, state.value, sideBand, aggregate));
    }
    const ring = RingBufferReader.map(setup.ringFd, setup.ringBytes);
    return ring.ok ? ok(new DrainLoop(setup, state.value, sideBand, ring.value)) : ring;
  }

  drain(final: boolean): Drained {
    const newPids: number[] = [];
    const frames = this.#drainSamples(final, (pid) => {
      if (this.#seen.has(pid)) return;
      this.#seen.add(pid);
      newPids.push(pid);
    });
    const untilNs = clockNs(CLOCK_MONOTONIC);
    const sideBand = this.#sideBand.map((ring) => ring.drain()).filter((part) => part.length > 0);
    return {
      kind: 'drained',
      frames,
      sideBand,
      untilNs,
      newPids,
      memberChange: this.#state.readU32(SAMPLER_STATE.fields.member_change) | 0,
      failedSlices: this.#aggregate?.failures ?? 0,
      counters: this.#counters(),
      final,
    };
  }

  #drainSamples(final: boolean, seen: (pid: number) => void): SampleFrame[] {
    if (this.#aggregate !== null) {
      return this.#aggregate.due(clockNs(CLOCK_MONOTONIC), final, seen);
    }
    const ring = this.#ring;
    invariant(ring !== null, 'a drain without a source');
    const frames: SampleFrame[] = [];
    for (let length = ring.take(); length > 0; length = ring.take()) {
      frames.push(packSamples(ring.span, length, seen));
      ring.publish();
    }
    return frames;
  }

  #counters(): KernelCounters {
    const totals = new Float64Array(this.#row.length);
    const bytes = new Uint8Array(this.#row.buffer);
    for (const cpu of this.#setup.cpus) {
      const offset = SAMPLER_STATE.fields.cpus + cpu * CPU_COUNTERS.size;
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
      unwindStops: UNWIND_STOPS.map((_, code) => total(fields.unwind_stops + code * 8)),
    };
  }

  get periodMs(): number {
    return periodFor(this.#setup.rateHz);
  }
}

function post(message: FromDrain): void {
  const transfer =
    message.kind === 'drained'
      ? [...message.frames.map(({ frame }) => frame.buffer), ...message.sideBand.map(bufferOf)]
      : [];
  parentPort?.postMessage(message, transfer);
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
      timer = setInterval(() => post(value.drain(false)), value.periodMs);
      return;
    }
    clearInterval(timer);
    post(value.drain(true));
    parentPort?.close();
  });
  post({ kind: 'ready' });
}

run();

import type { Handover } from './handover.ts';
import type { SampleFrame } from './sample-packing.ts';

/** What the drain thread is started with. */
export type DrainSetup = Pick<
  Handover,
  | 'sideBandFds'
  | 'sampleFds'
  | 'ringFd'
  | 'ringBytes'
  | 'hasRing'
  | 'stateFd'
  | 'aggregate'
  | 'histograms'
  | 'cpus'
  | 'periodMs'
  | 'kernelShift'
>;

/** Sums of capture_state.cpus over all CPUs, since start. */
export interface KernelCounters {
  readonly samples: number;
  readonly idle: number;
  readonly filtered: number;
  readonly ringFull: number;
  readonly stacksFull: number;
  readonly countsFull: number;
  readonly truncated: number;
  readonly missed: number;
  readonly targetsFull: number;
  readonly runs: number;
  readonly runNs: number;
  readonly histogramFull: number;
  readonly startsLost: number;
  readonly busy: number;
  readonly events: number;
  readonly belowMinimum: number;
  readonly rateLimited: number;
  readonly skipped: number;
  readonly privileged: number;
  /** Walks by how they ended, as UNWIND_STOPS. */
  readonly unwindStops: readonly number[];
}

/** Side-band records read between two drains: what they tell of is looked at now, and sent with the next one. */
export interface SideBandDrained {
  readonly kind: 'side-band';
  /** As in Drained. */
  readonly sideBand: readonly Uint8Array[];
  readonly untilNs: bigint;
}

/** One drain. Its facts must be sent before its samples: see drain-worker.ts. */
export interface Drained {
  readonly kind: 'drained';
  readonly frames: readonly SampleFrame[];
  /** Histograms of slices that are over; `samples`: the calls counted in them. */
  readonly histograms: readonly SampleFrame[];
  /** Raw side-band records, one part per CPU with any. */
  readonly sideBand: readonly Uint8Array[];
  /** CLOCK_MONOTONIC before the side-band was read: all records up to it are here or were sent. */
  readonly untilNs: bigint;
  /** Processes first sampled in this drain. */
  readonly newPids: readonly number[];
  /** Process targets: members the programs added less those they removed, since start. */
  readonly memberChange: number;
  /** Slices of counts and histograms that could not be read to the end, since start. */
  readonly failedSlices: number;
  readonly counters: KernelCounters;
  /** The drain that was asked for by 'finish': nothing follows. */
  readonly final: boolean;
}

export type FromDrain =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | SideBandDrained
  | Drained;

/** go: `startNs` is CLOCK_MONOTONIC of session start, from which slices are counted. */
export type ToDrain =
  | { readonly kind: 'go'; readonly startNs: bigint }
  | { readonly kind: 'finish' };

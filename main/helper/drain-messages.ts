import type { Handover } from './handover.ts';
import type { SampleFrame } from './sample-packing.ts';

/** What the drain thread is started with. */
export type DrainSetup = Pick<
  Handover,
  'sideBandFds' | 'sampleFds' | 'ringFd' | 'ringBytes' | 'stateFd' | 'aggregate' | 'cpus' | 'rateHz'
>;

/** Sums of sampler_state.cpus over all CPUs, since start. */
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
  /** Walks by how they ended, as UNWIND_STOPS. */
  readonly unwindStops: readonly number[];
}

/** One drain. Its facts must be sent before its samples: see drain-worker.ts. */
export interface Drained {
  readonly kind: 'drained';
  readonly frames: readonly SampleFrame[];
  /** Raw side-band records, one part per CPU with any. */
  readonly sideBand: readonly Uint8Array[];
  /** CLOCK_MONOTONIC before the side-band was read: all records up to it are here or were sent. */
  readonly untilNs: bigint;
  /** Processes first sampled in this drain. */
  readonly newPids: readonly number[];
  /** Process targets: members the programs added less those they removed, since start. */
  readonly memberChange: number;
  /** Aggregate slices that could not be read to the end, since start. */
  readonly failedSlices: number;
  readonly counters: KernelCounters;
  /** The drain that was asked for by 'finish': nothing follows. */
  readonly final: boolean;
}

export type FromDrain =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | Drained;

export type ToDrain = { readonly kind: 'go' } | { readonly kind: 'finish' };

import type { Hertz, Nanoseconds, Pid } from '../units.ts';

/** What one capture records: the form and the command line both produce this. */
export interface CaptureSpec {
  /** What is measured, all on one clock; at least one, at most MAX_SOURCES, on-CPU at most once. */
  readonly sources: readonly SourceSpec[];
  readonly target: CaptureTarget;
  /** On-CPU: samples per second and CPU, 1..20000. */
  readonly rate: Hertz;
  /** Of on-CPU sampling. */
  readonly mode: CaptureMode;
  /** On-CPU: keep samples of the idle task (pid 0). They are counted either way. */
  readonly includeIdle: boolean;
  /** Share of one CPU our programs may take before latency sources back off; 0: no limit. */
  readonly costLimit: number;
  readonly kernelStacks: boolean;
  readonly userStacks: boolean;
  readonly unwind: UnwindMode;
  /** Stop by itself after this long; null: until stopped. */
  readonly duration: Nanoseconds | null;
}

/** One kind of measurement; main/capture/sources has a file for each. Durations are in ns. */
export type SourceSpec =
  /** Who runs, by samples at a rate. */
  | { readonly kind: 'on-cpu' }
  /** Threads that wait for something: each wait of at least minNs, and who ended it. */
  | { readonly kind: 'off-cpu'; readonly minNs: number; readonly wakers: boolean }
  /** Threads that could run and wait for a CPU: after a wake-up, or preempted. */
  | { readonly kind: 'run-queue'; readonly minNs: number; readonly detail: LatencyDetail }
  /** Time from a function's entry to its return. */
  | {
      readonly kind: 'function';
      readonly probe: FunctionProbe;
      readonly minNs: number;
      readonly detail: LatencyDetail;
    }
  /** System calls by number and outcome. */
  | { readonly kind: 'syscalls'; readonly minNs: number; readonly detail: LatencyDetail }
  /** Block requests, from issue to completion, and the time they were queued before. */
  | { readonly kind: 'block-io'; readonly minNs: number; readonly detail: LatencyDetail }
  /** A stack for every `period`-th occurrence of an event. */
  | { readonly kind: 'count'; readonly event: CountedEvent; readonly period: number }
  /** Every event of a probe with its fields, as a list. */
  | {
      readonly kind: 'trace';
      readonly probe: TraceProbe;
      /** Expression over the probe's fields (model/trace-filter.ts); empty: all. */
      readonly filter: string;
      readonly stacks: boolean;
      /** Of functions: an event when a call returns, with what it returned and how long it took. */
      readonly returns: boolean;
      /** Events per second recorded at most; what is above is counted. */
      readonly perSecond: number;
    };
export type SourceKind = SourceSpec['kind'];

export const MAX_SOURCES = 32;

/**
 * events: each call with its stacks. histogram: counts per bucket are kept in the kernel, and some
 * calls of each bucket with stacks as examples; for what happens 10,000 times per second and more.
 */
export const LATENCY_DETAILS = ['events', 'histogram'] as const;
export type LatencyDetail = (typeof LATENCY_DETAILS)[number];

/** A function whose calls are measured. */
export type FunctionProbe =
  /** Kernel function by name; `*` stands for any characters. */
  | { readonly type: 'kernel'; readonly name: string }
  /** Function of a program or library: a symbol, or "+0x" and its offset in the file in hex. */
  | { readonly type: 'user'; readonly path: string; readonly symbol: string };

/** Where a trace looks. */
export type TraceProbe =
  | FunctionProbe
  | { readonly type: 'tracepoint'; readonly category: string; readonly name: string }
  | {
      readonly type: 'usdt';
      readonly path: string;
      readonly provider: string;
      readonly name: string;
    };

/** What a stack counter counts. */
export type CountedEvent =
  | { readonly type: 'tracepoint'; readonly category: string; readonly name: string }
  /** A software or hardware event by its name in perf-list(1), e.g. "page-faults". */
  | { readonly type: 'perf'; readonly name: string };

/**
 * precise: each sample crosses the ring buffer with its own time and full stacks.
 * aggregate: counts per stack and time slice are kept in the kernel; for recordings of hours.
 */
export type CaptureMode = 'precise' | 'aggregate';

/**
 * How user stacks are walked. fp: frame pointers, by the kernel. eh: tables made of .eh_frame alone.
 * auto: tables, and one frame-pointer step wherever they have no row (generated code).
 */
export const UNWIND_MODES = ['auto', 'eh', 'fp'] as const;
export type UnwindMode = (typeof UNWIND_MODES)[number];

export type CaptureTarget =
  | { readonly kind: 'machine' }
  /** The process with its threads and descendants, those forked during the capture too. */
  | { readonly kind: 'process'; readonly pid: Pid }
  /** A cgroup v2 directory, with its descendants. */
  | { readonly kind: 'cgroup'; readonly path: string }
  /** Started stopped as the calling user, followed like 'process', capture ends when it ends. */
  | { readonly kind: 'command'; readonly argv: readonly string[]; readonly cwd: string };

/** Our own cost is kept below this share of one CPU unless the user says otherwise. */
export const DEFAULT_COST_LIMIT = 0.05;
export const MIN_RATE_HZ = 1;
/** Measured: a virtual machine's ceiling; beyond it timer interrupts eat the target (DESIGN.md). */
export const MAX_RATE_HZ = 20_000;
/** perf's customary rate: just off 100 Hz, so as not to march in step with periodic work. */
export const DEFAULT_RATE_HZ = 99;
/** Length of a time slice in aggregate mode and of the stored totals, ns. */
export const SLICE_NS = 1e9;

import type { Hertz, Nanoseconds, Pid } from '../units.ts';

/** What one capture records: the form and the command line both produce this. */
export interface CaptureSpec {
  /** Capture source id, see main/capture/sources/index.ts. */
  readonly source: 'on-cpu';
  readonly target: CaptureTarget;
  /** Samples per second and CPU, 1..20000. */
  readonly rate: Hertz;
  readonly mode: CaptureMode;
  /** Keep samples of the idle task (pid 0). They are counted either way. */
  readonly includeIdle: boolean;
  readonly kernelStacks: boolean;
  readonly userStacks: boolean;
  readonly unwind: UnwindMode;
  /** Stop by itself after this long; null: until stopped. */
  readonly duration: Nanoseconds | null;
}

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

export const MIN_RATE_HZ = 1;
/** Measured: a virtual machine's ceiling; beyond it timer interrupts eat the target (DESIGN.md). */
export const MAX_RATE_HZ = 20_000;
/** perf's customary rate: just off 100 Hz, so as not to march in step with periodic work. */
export const DEFAULT_RATE_HZ = 99;
/** Length of a time slice in aggregate mode and of the stored totals, ns. */
export const SLICE_NS = 1e9;

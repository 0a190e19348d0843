import type { Nanoseconds } from '../units.ts';
import type { CaptureSpec, UnwindMode } from './capture-spec.ts';

/** Facts about one session, small enough to send whole on every change. */
export interface SessionInfo {
  /** Version of the file format, SQLite's user_version. */
  readonly formatVersion: number;
  /** Product version that recorded it, e.g. "0.1.0". */
  readonly recordedBy: string;
  readonly state: SessionState;
  readonly host: HostFacts;
  readonly spec: CaptureSpec;
  /** Wall-clock time of session start, ISO 8601 UTC. */
  readonly startedAt: string;
  /** Last sample or end of capture, whichever is later; time since session start. */
  readonly duration: Nanoseconds;
  /** Sum of the first source's sample weights, in its unit. */
  readonly totalWeight: number;
  readonly sampleCount: number;
  /** Samples that hit the idle task: counted, kept only if spec.includeIdle. */
  readonly idleSamples: number;
  readonly loss: readonly LossEntry[];
  readonly cost: CostReport;
  readonly unwind: UnwindReport;
  /** How the recording ended; null: it runs, its writer died, or the file is older than this fact. */
  readonly end: SessionEnd | null;
}

export const CAPTURE_END_REASONS = ['stopped', 'duration-over', 'target-exited', 'failed'] as const;
export type CaptureEndReason = (typeof CAPTURE_END_REASONS)[number];

/** Why a recording ended. */
export interface SessionEnd {
  readonly reason: CaptureEndReason;
  /** What went wrong, as sentences; empty: nothing. */
  readonly error: string;
}

/** How user stacks were walked, and what that takes. */
export interface UnwindReport {
  /** The way in effect: differs from spec.unwind when the kernel could not do what was asked. */
  readonly mode: UnwindMode;
  /** Why it differs, one sentence; empty: it does not. */
  readonly fallback: string;
  /** The last reading; null: no tables are used, or nothing was read yet. */
  readonly tables: UnwindTables | null;
}

/** Unwind tables in the kernel's memory. */
export interface UnwindTables {
  /** Images with a table loaded. */
  readonly tables: number;
  /** Their memory, bytes, and its limit. */
  readonly tableBytes: number;
  readonly budgetBytes: number;
  /** Images that wait for their table. */
  readonly pending: number;
  /** Images refused because the memory was spent. */
  readonly overBudget: number;
  /** Images without any rows: no unwind information, or none that can be read. */
  readonly failed: number;
}

/** recording: still written. complete: stopped normally. interrupted: its writer died; all committed data is here. */
export type SessionState = 'recording' | 'complete' | 'interrupted';

export interface HostFacts {
  readonly hostname: string;
  /** uname -r */
  readonly kernel: string;
  /** uname -m */
  readonly arch: string;
  /** PRETTY_NAME of /etc/os-release, empty when unknown. */
  readonly os: string;
  readonly cpuModel: string;
  /** Online CPUs at start. */
  readonly cpus: number;
  readonly memoryBytes: number;
  /** "cpu-clock" or "cycles": the perf event that fired the samples; empty until started. */
  readonly sampleEvent: string;
  /** net.core.bpf_jit_enable > 0. */
  readonly bpfJit: boolean;
}

/** Why something was not recorded. One counter each; see text/loss-text.ts for words and remedies. */
export type LossReason =
  /** BPF: no room on the ring buffer. Unit: samples. */
  | 'ring-buffer-full'
  /** BPF, aggregate mode: the slice's stack map is full. Unit: samples. */
  | 'stack-map-full'
  /** BPF, aggregate mode: the count map is full. Unit: samples. */
  | 'count-map-full'
  /** Stack deeper than 127 frames, kernel or user; the root end is cut. Unit: samples (recorded, but shortened). */
  | 'stack-truncated'
  /** The kernel could not read a stack (fault, no memory). Unit: samples (recorded without that stack). */
  | 'stack-missed'
  /** perf side-band ring overran: process, exec or mapping facts are missing. Unit: records. */
  | 'process-facts-lost'
  /** The helper's outgoing queue was full because the engine was too slow. Unit: samples. */
  | 'engine-too-slow'
  /** A record on the wire made no sense. Unit: records. */
  | 'record-malformed'
  /** The kernel throttled the sampling event (perf_event_max_sample_rate). Unit: throttle periods. */
  | 'throttled'
  /** A follow-children set was full: a child process is not followed. Unit: processes. */
  | 'target-set-full'
  /** Authorized for own processes only: one became a program with more power than the user. Unit: processes. */
  | 'target-privileged'
  /** BPF: the slice's histogram map is full. Unit: calls counted nowhere. */
  | 'histogram-full'
  /** BPF: a call's beginning could not be noted. Unit: calls. */
  | 'call-start-lost'
  /** BPF: our programs interrupted one another deeper than there is room for. Unit: records. */
  | 'program-nested'
  /** A trace's limit per second was reached. Unit: events. */
  | 'rate-limited'
  /** BPF: calls passed over because our own cost passed the limit; those measured stand for them. Unit: calls. */
  | 'backed-off'
  /** A wait's user stack never came. Unit: samples (recorded without it). */
  | 'user-stack-late';

export interface LossEntry {
  readonly reason: LossReason;
  readonly count: number;
}

/** The profiler's own measured cost over the capture. */
export interface CostReport {
  /** Time spent inside our BPF programs, all CPUs, ns; measured in the programs (CLOCK_MONOTONIC). */
  readonly bpfNs: number;
  /** Runs of our BPF programs, idle ticks included. */
  readonly bpfRuns: number;
  /** CPU time (user + system) of the helper process, ns; getrusage(2). */
  readonly helperCpuNs: number;
  /** Resident set of the helper, bytes. 0: not measured yet. */
  readonly helperRssBytes: number;
  /** CPU time of the engine process during the capture, ns. */
  readonly engineCpuNs: number;
  readonly engineRssBytes: number;
}

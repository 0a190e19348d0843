/** What can be looked for: functions of the kernel or of a binary, its USDT probes, events. */
export const PROBE_KINDS = ['function', 'tracepoint', 'usdt', 'perf'] as const;
export type ProbeKind = (typeof PROBE_KINDS)[number];

/** Most that one answer holds. */
export const MAX_PROBES_LISTED = 500;

export interface ProbeQuery {
  /** Words that all occur in the name, in any case; `*` within a word stands for any characters. */
  readonly query: string;
  readonly kind: ProbeKind;
  /** The program or library whose functions or probes are meant; empty: the kernel. */
  readonly path: string;
  /** Matches to pass over, and to list at most. */
  readonly offset: number;
  readonly limit: number;
}

/** One match. */
export interface FoundProbe {
  /** As `record` takes it: "vfs_read", "/usr/bin/app:main", "sched:sched_switch", "page-faults". */
  readonly text: string;
  /** What is known of it besides: a readable name, fields, arguments, the best mechanism; may be empty. */
  readonly detail: string;
  /** Why it cannot be measured; empty: nothing speaks against it. */
  readonly problem: string;
}

export interface ProbeMatches {
  /** In order: those that begin like the query first. */
  readonly probes: readonly FoundProbe[];
  /** Matches there are. */
  readonly total: number;
  /** What could not be looked at, and why, in sentences. */
  readonly notes: readonly string[];
}

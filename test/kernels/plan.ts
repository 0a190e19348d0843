/** What the guest is to do. */
export interface GuestPlan {
  /** Path of the command line in the guest. */
  readonly cli: string;
  readonly recordings: readonly {
    readonly name: string;
    /** Options of `record`. */
    readonly args: readonly string[];
    /** The program to record once it runs; it is killed at the end. */
    readonly command: readonly string[];
    /** Recorded from its first instruction until it ends, instead. */
    readonly launch?: boolean;
    /** Environment of `record`, besides the usual one. */
    readonly env?: Readonly<Record<string, string>>;
  }[];
}

/** One recording that the guest made. */
export interface RecordingOutcome {
  readonly name: string;
  /** Of `record`; null: a signal ended it. */
  readonly status: number | null;
  /** The end of its standard error. */
  readonly errorText: string;
  readonly samples: number;
  readonly loss: readonly { readonly reason: string; readonly count: number }[];
  /** Distinct user stacks. */
  readonly stacks: readonly GuestStack[];
  /** Why stacks were walked by frame pointers though tables were asked for; empty: they were not. */
  readonly fallback: string;
  /** How each source was measured. */
  readonly mechanisms: readonly string[];
  /** Why not in a better way; empty: it is the best. */
  readonly notes: readonly string[];
  /** "kind name variant" of each series → calls measured; "kind" of the others → samples. */
  readonly counts: Readonly<Record<string, number>>;
  readonly latencies: readonly GuestLatency[];
}

/** What was measured of one series of a latency source. */
export interface GuestLatency {
  /** "kind name variant" */
  readonly key: string;
  readonly count: number;
  /** ns */
  readonly p50: number;
  readonly p99: number;
  /** Of one of its calls, root first. */
  readonly stack: readonly string[];
}

export interface GuestStack {
  readonly comm: string;
  /** Why the walk ended early; null: it did not, or nobody told. */
  readonly stop: string | null;
  readonly depth: number;
  /** Root first; empty: no symbol. */
  readonly names: readonly string[];
  readonly weight: number;
}

/** What the guest prints. */
export interface GuestResult {
  /** `uname -r`. */
  readonly release: string;
  readonly outcomes: readonly RecordingOutcome[];
}

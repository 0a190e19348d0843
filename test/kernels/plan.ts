import type { UnwindMode } from '../../main/shared/model/capture-spec.ts';

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
    /**
     * Another recording of the same run, by a recorder beside this one: both attach to the command,
     * which waits for them. Instead of `launch`.
     */
    readonly beside?: { readonly name: string; readonly env?: Readonly<Record<string, string>> };
    /** Run before, in their order. */
    readonly prepare?: readonly (readonly string[])[];
    /** A file that the command writes; its text is part of the outcome. */
    readonly log?: string;
    /** Environment of `record`, besides the usual one. */
    readonly env?: Readonly<Record<string, string>>;
  }[];
  /** Recordings by a helper for own processes; absent: none. */
  readonly own?: OwnPlan;
}

export interface OwnPlan {
  /** Path of a launcher of scope "own" in the guest. */
  readonly launcher: string;
  readonly unwind: UnwindMode;
}

/** What a helper for own processes did. */
export interface OwnOutcome {
  readonly name: string;
  /** Its error frame, or what it said on standard error; empty: all was well. */
  readonly error: string;
  /** Its last frame was its farewell. */
  readonly hasEnded: boolean;
  /** As whom it recorded. */
  readonly uid: string;
  /** Samples, examples and events by source. */
  readonly records: readonly number[];
  /** Why user stacks were walked along frame pointers alone; empty: they were not. */
  readonly fallback: string;
}

/** One recording that the guest made. */
export interface RecordingOutcome {
  readonly name: string;
  /** Of `record`; null: a signal ended it. */
  readonly status: number | null;
  /** The end of its standard error. */
  readonly errorText: string;
  readonly samples: number;
  /** Why user stacks were walked along frame pointers alone; empty: they were not. */
  readonly fallback: string;
  readonly loss: readonly { readonly reason: string; readonly count: number }[];
  /** Distinct user stacks. */
  readonly stacks: readonly GuestStack[];
  /** How each source was measured. */
  readonly mechanisms: readonly string[];
  /** Why not in a better way; empty: it is the best. */
  readonly notes: readonly string[];
  /** "kind name variant" of each series → calls measured; "kind" of the others → samples. */
  readonly counts: Readonly<Record<string, number>>;
  readonly latencies: readonly GuestLatency[];
  /** The first events of its traces: name of each field → value. */
  readonly events: readonly Readonly<Record<string, string | number>>[];
  /** What the command wrote; empty: nothing. */
  readonly log: string;
  /** BPF programs that were there after it and not before. */
  readonly left: readonly string[];
}

/** What the recorded program itself took part in, of one series of a latency source. */
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
  readonly own: readonly OwnOutcome[];
}

/** What the guest of the bench is to do: a program's rate beside each recorder, in turn. */
export interface GuestBenchPlan {
  /** Prints a rate per line until it is killed. */
  readonly target: readonly string[];
  readonly rounds: number;
  readonly conditions: readonly {
    readonly name: string;
    /** $PID and $CLI stand for the target's process and the command line's path; null: nothing records. */
    readonly argv: readonly string[] | null;
    readonly env?: Readonly<Record<string, string>>;
    /** What it prints once it is attached: a regular expression; null: it does not tell. */
    readonly attached: string | null;
    /** Run after it: tells more of what it measured. */
    readonly proof?: readonly string[];
    /** What both have printed at the end if it measured what it should: a regular expression. */
    readonly measured: string;
  }[];
}

export interface GuestBenchResult {
  readonly release: string;
  /** Rates of the target by condition, one for each round. */
  readonly rates: Readonly<Record<string, readonly number[]>>;
  /** What went wrong; empty: nothing. */
  readonly problems: readonly string[];
}

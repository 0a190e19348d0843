import type { UnwindTables } from '#shared/model/session-info.ts';
import type { WeightUnit } from '#shared/model/session-tables.ts';

/**
 * Everything one drain adds to a session: written in one transaction, or not at all.
 *
 * Rows are given in id order and take the next dense ids, so the capture side and the file agree on
 * ids without asking. Columns of one table are equally long. Times of facts (start, end, from) may
 * be fractional and are rounded to whole ns; sample times must be whole.
 */
export interface SessionBatch {
  readonly images: readonly ImageRow[];
  readonly processes: readonly ProcessRow[];
  readonly threads: readonly ThreadRow[];
  readonly mappings: readonly MappingRow[];
  readonly frames: FrameColumns;
  readonly stacks: StackColumns;
  readonly functions: readonly FunctionRow[];
  /** Paths of source files. */
  readonly sourceFiles: readonly string[];
  readonly symbols: SymbolColumns;
  /** Image → encodeImageProblem() of what is missing of it; empty: nothing any more. */
  readonly imageProblems: ReadonlyMap<number, string>;
  /** Changes to rows written by earlier batches. */
  readonly processUpdates: readonly ProcessUpdate[];
  readonly threadUpdates: readonly ThreadUpdate[];
  /** Of each source with any. */
  readonly samples: readonly SampleColumns[];
  /** What is measured: all sources, in the first batch alone. */
  readonly sources: readonly SourceRow[];
  readonly series: readonly SeriesRow[];
  /** Cells of histograms counted in the kernel. */
  readonly latencies: readonly LatencyRow[];
  /** LossReason → total since start; replaces earlier values. */
  readonly loss: ReadonlyMap<string, number>;
  /** Own cost so far; null: not measured this time. */
  readonly cost: CostRow | null;
}

export interface ImageRow {
  /** IMAGE_KINDS code. */
  readonly kind: number;
  readonly path: string;
  /** Lower-case hex; empty unknown. */
  readonly buildId: string;
  /** "major:minor:inode", "pid:N" for JIT memory; empty unknown. */
  readonly fileIdentity: string;
}

export interface ProcessRow {
  readonly pid: number;
  readonly parentPid: number;
  readonly startNs: number;
  readonly comm: string;
  readonly exe: string;
  readonly cmdline: string;
  readonly uid: number;
  /** cgroup v2 path; empty unknown. */
  readonly cgroup: string;
}

export interface ProcessUpdate {
  /** Row id. */
  readonly process: number;
  /** null: unchanged. */
  readonly comm: string | null;
  readonly exe: string | null;
  readonly endNs: number | null;
}

export interface ThreadRow {
  /** Row id in process. */
  readonly process: number;
  readonly tid: number;
  readonly comm: string;
}

export interface ThreadUpdate {
  readonly thread: number;
  readonly comm: string;
}

export interface MappingRow {
  readonly process: number;
  readonly image: number;
  /** Lower-case hex without 0x, half-open range. */
  readonly startAddress: string;
  readonly endAddress: string;
  readonly fileOffset: number;
  readonly fromNs: number;
}

export interface FrameColumns {
  readonly image: readonly number[];
  /** Whole bytes, 0 to 2^53 - 1; anything else is a bug and throws. */
  readonly offset: readonly number[];
  /** FRAME_KINDS codes. */
  readonly kind: readonly number[];
}

export interface StackColumns {
  /** -1: root (stored as NULL). */
  readonly parent: readonly number[];
  readonly frame: readonly number[];
}

export interface FunctionRow {
  readonly image: number;
  /** Demangled. */
  readonly name: string;
  /** As the symbol table has it. */
  readonly rawName: string;
  /** Where the function starts, in the frame table's offset space; -1: known only as inlined. */
  readonly startOffset: number;
}

/**
 * frame × inline depth → function and place. Depth 0 is the function that owns the machine code; 1, 2, …
 * are the calls inlined at the place, outermost first, and follow it at once. A later row of depth 0
 * replaces all earlier rows of its frame.
 */
export interface SymbolColumns {
  readonly frame: readonly number[];
  /** 0 to MAX_INLINE_DEPTH (shared/model/symbols.ts). */
  readonly depth: readonly number[];
  readonly function: readonly number[];
  /** Row of the source file; -1: not known. */
  readonly file: readonly number[];
  /** Line in it, from 1; 0: not known. */
  readonly line: readonly number[];
}

/** Columns of SourceTable. */
export interface SourceRow {
  /** SourceKind. */
  readonly kind: string;
  readonly title: string;
  readonly unit: WeightUnit;
  readonly mechanism: string;
  readonly note: string;
  /** LatencyDetail, or empty. */
  readonly detail: string;
  /** JSON text, or empty. */
  readonly fields: string;
}

/** Columns of SeriesTable. */
export interface SeriesRow {
  readonly source: number;
  /** -1: not told apart by process. */
  readonly process: number;
  readonly name: string;
  readonly variant: string;
}

/** Columns of LatencyTable. Cells of one (series, slice, bucket) add up. */
export interface LatencyRow {
  readonly series: number;
  readonly slice: number;
  readonly bucket: number;
  readonly count: number;
  readonly total: number;
  readonly max: number;
}

export interface SampleColumns {
  readonly length: number;
  /** Row of the source. */
  readonly source: number;
  /** Whole ns since session start, any order. */
  readonly time: Float64Array;
  readonly thread: Int32Array;
  /** -1: no stack. */
  readonly stack: Int32Array;
  readonly cpu: Uint16Array;
  /** Whole numbers >= 0 in the source's weight unit. */
  readonly weight: Float64Array;
  /** Row of the series; -1: none. null: none at all. */
  readonly series: Int32Array | null;
  /** Whole numbers >= 0; null: nothing is measured. */
  readonly value: Float64Array | null;
  /** Traces: the event's fields as JSON text, one per sample; null: no trace. */
  readonly fields: readonly string[] | null;
}

export interface CostRow {
  readonly timeNs: number;
  readonly bpfRuns: number;
  readonly bpfNs: number;
  readonly helperCpuNs: number;
  readonly helperRssBytes: number;
  readonly engineCpuNs: number;
  readonly engineRssBytes: number;
  readonly samples: number;
  readonly idleSamples: number;
  /** One in 2^backoff calls of latency sources was measured at this time. */
  readonly backoff: number;
  /** Unwind tables in the kernel; null: user stacks are walked by frame pointers. */
  readonly unwind: UnwindTables | null;
}

/** A batch that adds nothing; spread it and set what there is. */
export const emptyBatch = (): SessionBatch => ({
  images: [],
  processes: [],
  threads: [],
  mappings: [],
  frames: { image: [], offset: [], kind: [] },
  stacks: { parent: [], frame: [] },
  functions: [],
  sourceFiles: [],
  symbols: { frame: [], depth: [], function: [], file: [], line: [] },
  imageProblems: new Map(),
  processUpdates: [],
  threadUpdates: [],
  samples: [],
  sources: [],
  series: [],
  latencies: [],
  loss: new Map(),
  cost: null,
});

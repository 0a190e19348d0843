/**
 * The columnar form of a session: what the reader returns and every view is computed from.
 *
 * A table is a struct of equally long columns; a row is named by its index. Ids in the file are
 * dense from 0, so a file id *is* a row index. Tables are append-only while a session records, so
 * a live session is read as a sequence of deltas (see SessionCursor), and an opened file is one
 * delta from the empty cursor: live and offline share one door.
 */
export interface SessionTables {
  readonly images: ImageTable;
  readonly processes: ProcessTable;
  readonly threads: ThreadTable;
  readonly imageProblems: ImageProblemTable;
  readonly functions: FunctionTable;
  readonly sourceFiles: SourceFileTable;
  readonly symbols: SymbolTable;
  readonly frames: FrameTable;
  readonly stacks: StackTable;
  readonly samples: SampleTable;
  readonly sources: SourceTable;
  readonly series: SeriesTable;
  readonly latencies: LatencyTable;
}

/** What was measured, in the order of CaptureSpec.sources. Small; always sent whole. */
export interface SourceTable {
  readonly length: number;
  /** SourceKind of model/capture-spec.ts. */
  readonly kind: readonly string[];
  /** E.g. "On-CPU time", "vfs_read". */
  readonly title: readonly string[];
  /** One of WEIGHT_UNITS: of sample weights and values. */
  readonly unit: readonly string[];
  /** How it was measured: "perf event", "tracepoint", "kprobe", "fentry", "uprobe", ... */
  readonly mechanism: readonly string[];
  /** Why not in a better way, one sentence; empty. */
  readonly note: readonly string[];
  /** LatencyDetail of sources that have it, else empty. */
  readonly detail: readonly string[];
  /** Traces: names of the fields as JSON text (model/trace-fields.ts); else empty. */
  readonly fields: readonly string[];
}

/** What a source tells apart: a system call, a function, a block device. Append-only. */
export interface SeriesTable {
  readonly length: number;
  /** Row in SourceTable. */
  readonly source: Uint8Array;
  /** Row in ProcessTable; -1: not told apart by process. */
  readonly process: Int32Array;
  /** E.g. "read", "vda write". */
  readonly name: readonly string[];
  /** What else tells it apart, e.g. the outcome "ENOENT"; empty. */
  readonly variant: readonly string[];
}

/** Histograms counted in the kernel: cells of (series, slice, bucket), which add up. Append-only. */
export interface LatencyTable {
  readonly length: number;
  /** Row in SeriesTable. */
  readonly series: Int32Array;
  /** Seconds since session start: CaptureSpec's SLICE_NS. */
  readonly slice: Int32Array;
  /** See latency-buckets.ts. */
  readonly bucket: Uint16Array;
  readonly count: Float64Array;
  /** Sum of the values, in the source's unit. */
  readonly total: Float64Array;
  readonly max: Float64Array;
}

/** Units of sample weights. 'nanoseconds': durations. 'events': occurrences counted. */
export const WEIGHT_UNITS = ['samples', 'nanoseconds', 'events'] as const;
export type WeightUnit = (typeof WEIGHT_UNITS)[number];

/** Something that holds code: an ELF file, the kernel, a kernel module, the vdso, JIT memory. */
export interface ImageTable {
  readonly length: number;
  readonly kind: Uint8Array; // ImageKind code
  /** File path, or a name in brackets: "[kernel]", "[vdso]", "[jit]", "[unknown]"; modules by name. */
  readonly path: readonly string[];
  /** GNU build id, lower-case hex; empty when unknown. */
  readonly buildId: readonly string[];
}

/** What keeps images from having names; images without a row lack nothing. Changes in place. */
export interface ImageProblemTable {
  readonly length: number;
  /** Row in ImageTable. */
  readonly image: Int32Array;
  /** As encodeImageProblem() writes it; empty: solved since. */
  readonly problem: readonly string[];
}

export interface ProcessTable {
  readonly length: number;
  readonly pid: Int32Array;
  /** Pid of the parent at first sight; 0 unknown. */
  readonly parentPid: Int32Array;
  /** ns since session start; negative: before the capture began. */
  readonly start: Float64Array;
  /** ns since session start; NaN: still running when last seen. */
  readonly end: Float64Array;
  /** Latest command name, at most 15 bytes. */
  readonly comm: readonly string[];
  /** Path of the executable, empty when unknown. */
  readonly exe: readonly string[];
}

export interface ThreadTable {
  readonly length: number;
  /** Row in ProcessTable. */
  readonly process: Int32Array;
  readonly tid: Int32Array;
  readonly comm: readonly string[];
}

export interface FunctionTable {
  readonly length: number;
  /** Demangled name. */
  readonly name: readonly string[];
  /** Row in ImageTable. */
  readonly image: Int32Array;
  /** 1: an interpreter runs it, as its runtime's own name for it says (text/runtime-names.ts). */
  readonly interpreted: Uint8Array;
}

/** A file of source code. */
export interface SourceFileTable {
  readonly length: number;
  readonly path: readonly string[];
}

/**
 * What was found about frames, in the order it was found: for each a row of depth 0, the function that
 * owns the machine code, and behind it the calls inlined there, outermost first. A later row of depth 0
 * replaces all earlier rows of its frame: see symbols.ts.
 */
export interface SymbolTable {
  readonly length: number;
  /** Row in FrameTable. */
  readonly frame: Int32Array;
  readonly depth: Uint8Array;
  /** Row in FunctionTable. */
  readonly func: Int32Array;
  /** Row in SourceFileTable; -1: not known. */
  readonly file: Int32Array;
  /** Line in that file, or of the call of the next row, from 1; 0: not known. */
  readonly line: Int32Array;
}

/** One code location. */
export interface FrameTable {
  readonly length: number;
  /** Row in ImageTable. */
  readonly image: Int32Array;
  /**
   * Where in the image, bytes. elf: offset in the file (needs no ELF to be readable while recording);
   * kernel: relative to _stext; module: relative to the module's first symbol; vdso: relative to its
   * start; jit and unknown: absolute address; incomplete: UNWIND_STOPS code. Return addresses are stored as return address - 1, so
   * that a lookup falls inside the call.
   */
  readonly offset: Float64Array;
  readonly kind: Uint8Array; // FrameKind code
  /** Row in FunctionTable of the owning function; -1: not symbolized, shown as image+0xoffset. */
  readonly func: Int32Array;
  /** Row in SymbolTable of the owning function; -1: not symbolized. */
  readonly symbol: Int32Array;
}

/** Interned call stacks as a prefix tree: a stack is its leaf row. Parents precede children. */
export interface StackTable {
  readonly length: number;
  /** Row in StackTable of the caller; -1: root. */
  readonly parent: Int32Array;
  /** Row in FrameTable. */
  readonly frame: Int32Array;
}

export interface SampleTable {
  readonly length: number;
  /** ns since session start, CLOCK_MONOTONIC. Nearly sorted: CPUs interleave within one drain. */
  readonly time: Float64Array;
  /** Row in ThreadTable. */
  readonly thread: Int32Array;
  /** Row in StackTable; -1: no stack at all. */
  readonly stack: Int32Array;
  /** CPU number. */
  readonly cpu: Uint16Array;
  /** In the source's weight unit (on-CPU: samples). An example of a histogram: of all calls it stands for. */
  readonly weight: Float64Array;
  /** Row in SourceTable. */
  readonly source: Uint8Array;
  /** Row in SeriesTable; -1: none. */
  readonly series: Int32Array;
  /** What this one call measured, in the source's unit; weight / value calls stand behind it. 0: nothing. */
  readonly value: Float64Array;
}

/** Codes are stored in files: never renumber. */
export const IMAGE_KINDS = ['elf', 'kernel', 'module', 'vdso', 'jit', 'unknown'] as const;
export type ImageKind = (typeof IMAGE_KINDS)[number];

/** Codes are stored in files: never renumber. */
export const FRAME_KINDS = [
  'user',
  'kernel',
  'jit',
  'inlined',
  'interpreted',
  /** No code: stands at the root of a user stack that does not reach the thread's start. */
  'incomplete',
  /** No code: above it stands the stack of the thread that ended the wait, leaf first. */
  'waker',
] as const;
export type FrameKind = (typeof FRAME_KINDS)[number];

/**
 * How far a reader has got: the number of rows of each append-only table it already holds, and a
 * revision for what changes in place (symbols of frames, command names, end times).
 */
export interface SessionCursor {
  readonly images: number;
  readonly processes: number;
  readonly threads: number;
  readonly functions: number;
  readonly sourceFiles: number;
  readonly frames: number;
  readonly stacks: number;
  /** Chunks of samples, not samples. */
  readonly chunks: number;
  /** Rows of the symbol table, in insertion order. */
  readonly symbols: number;
  readonly sources: number;
  readonly series: number;
  readonly latencies: number;
}

export const EMPTY_CURSOR: SessionCursor = {
  images: 0,
  processes: 0,
  threads: 0,
  functions: 0,
  sourceFiles: 0,
  frames: 0,
  stacks: 0,
  chunks: 0,
  symbols: 0,
  sources: 0,
  series: 0,
  latencies: 0,
};

/**
 * Rows added since a cursor. `tables` holds only the new rows (row k of a delta table is row
 * cursor.X + k of the whole), except `processes`, `threads` and `imageProblems`, which are small, change
 * in place and are always sent whole. New symbols name old and new frames; the new frames of the delta
 * have theirs already.
 */
export interface SessionDelta {
  readonly from: SessionCursor;
  readonly to: SessionCursor;
  readonly tables: SessionTables;
}

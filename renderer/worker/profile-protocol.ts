import type { KeyLabel } from '#shared/model/call-tree-keys.ts';
import type { Selection, TimeRange } from '#shared/model/call-tree-selection.ts';
import type { SiblingOrder } from '#shared/model/flame-layout.ts';
import type { StackQuality } from '#shared/model/quality.ts';
import type { RuntimeHint } from '#shared/model/runtime-hints.ts';

/** Messages between the page and the worker that holds the tables of the session shown. */

/** Which stretch of the session; "last" moves along while a session records. */
export type TimeWindow =
  | { readonly kind: 'all' }
  | { readonly kind: 'range'; readonly range: TimeRange }
  /** The newest `span` ns. */
  | { readonly kind: 'last'; readonly span: number };

/** Everything a picture depends on besides the tables. */
export interface ViewSpec extends Omit<Selection, 'timeRange'> {
  readonly window: TimeWindow;
  readonly order: SiblingOrder;
}

export type ToWorker =
  /** Forgets what it held and fetches the session from its start. */
  | { readonly kind: 'open'; readonly sessionId: number; readonly view: ViewSpec }
  /** Fetches what is new; at most one fetch runs at a time. */
  | { readonly kind: 'refresh' }
  | { readonly kind: 'view'; readonly view: ViewSpec }
  /** Empty: no search. */
  | { readonly kind: 'search'; readonly query: string }
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'picture'; readonly sessionId: number; readonly picture: Picture }
  | { readonly kind: 'details'; readonly sessionId: number; readonly details: Details }
  | { readonly kind: 'search'; readonly sessionId: number; readonly result: SearchResult }
  | { readonly kind: 'failed'; readonly sessionId: number; readonly reason: string };

/** Boxes of the flame graph, ready to draw. Columns as in FlameRows, plus label and weights. */
export interface FlameColumns {
  readonly length: number;
  readonly rowStart: Int32Array<ArrayBuffer>;
  readonly start: Float64Array<ArrayBuffer>;
  readonly end: Float64Array<ArrayBuffer>;
  readonly parent: Int32Array<ArrayBuffer>;
  readonly firstChild: Int32Array<ArrayBuffer>;
  readonly childCount: Int32Array<ArrayBuffer>;
  /** Label id; ids are handed out by the worker and never change their meaning. */
  readonly label: Int32Array<ArrayBuffer>;
  /** Source id, NO_SOURCE or MANY_SOURCES; empty when the session knows no source files. */
  readonly source: Int32Array<ArrayBuffer>;
  /** In the session's weight unit (on-CPU: samples). */
  readonly self: Float64Array<ArrayBuffer>;
  readonly total: Float64Array<ArrayBuffer>;
}

/** FlameColumns.source of a box without a known place, and of one that stands for several. */
export const NO_SOURCE = -1;
export const MANY_SOURCES = -2;

/** Places in source files, "path:line", with ids first, first + 1, ...: those not told yet. */
export interface SourceBatch {
  readonly first: number;
  readonly texts: readonly string[];
}

/** Labels with ids first, first + 1, ...: those the page has not been told yet. */
export interface LabelBatch {
  readonly first: number;
  readonly labels: readonly KeyLabel[];
}

export interface Picture {
  readonly view: ViewSpec;
  readonly flame: FlameColumns;
  readonly labels: LabelBatch;
  readonly sources: SourceBatch;
  /** Weight of the whole session. */
  readonly sessionWeight: number;
  /** Rows of the sample table. */
  readonly sessionSamples: number;
  /** Time of the newest sample, ns since session start. */
  readonly newest: number;
  /** Time spent to fetch, and to compute tree and layout, ms. */
  readonly fetchMs: number;
  readonly computeMs: number;
}

/** Side panels and timeline: computed after the picture, so that it need not wait for them. */
export interface Details {
  readonly labels: LabelBatch;
  readonly functions: FunctionRows;
  /** Of the samples shown. */
  readonly quality: StackQuality;
  /** Of the whole session. */
  readonly hints: readonly RuntimeHint[];
  /** Within the time window, whatever processes are selected; heaviest first. */
  readonly processes: readonly ProcessRow[];
  readonly timeline: {
    readonly weight: Float64Array<ArrayBuffer>;
    /** ns */
    readonly binWidth: number;
    /** ns: end of the axis. */
    readonly duration: number;
  };
}

/** The hottest functions by self and by total weight, unsorted. */
export interface FunctionRows {
  readonly length: number;
  readonly label: Int32Array<ArrayBuffer>;
  readonly self: Float64Array<ArrayBuffer>;
  readonly total: Float64Array<ArrayBuffer>;
  /** Functions there are beside those listed. */
  readonly omitted: number;
}

export interface ProcessRow {
  /** Row of ProcessTable. */
  readonly row: number;
  readonly pid: number;
  readonly comm: string;
  readonly weight: number;
}

export interface SearchResult {
  readonly query: string;
  /** What is wrong with the expression; null: nothing. */
  readonly problem: string | null;
  /** 1 for every label id that matches. */
  readonly matched: Uint8Array<ArrayBuffer>;
  /** Functions that match. */
  readonly functions: number;
  /** Weight of samples with a match anywhere in the stack. */
  readonly weight: number;
  /** Weight of the picture's root. */
  readonly of: number;
}

export const DEFAULT_VIEW: ViewSpec = {
  window: { kind: 'all' },
  processes: null,
  threads: null,
  roots: 'none',
  inverted: false,
  frames: 'all',
  order: 'name',
};

import type { KeyLabel } from '#shared/model/call-tree-keys.ts';
import type { Selection, TimeRange } from '#shared/model/call-tree-selection.ts';
import type { SiblingOrder } from '#shared/model/flame-layout.ts';
import type { StackQuality } from '#shared/model/quality.ts';
import type { RuntimeHint } from '#shared/model/runtime-hints.ts';
import type { SelectedLatencies } from '#shared/model/selected-latencies.ts';
import type { WeightUnit } from '#shared/model/session-tables.ts';
import type { WeightPulse } from '#shared/model/time-histogram.ts';

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
  /** Whether kinds of calls are told apart by process, in Details.latency. */
  readonly byProcess: boolean;
  /** Whether Details.pulse is wanted. */
  readonly pulse: boolean;
  /** Which lines of the list of events are shown; null: the list is not. */
  readonly events: EventWindow | null;
}

/** A stretch of the list of single events, in the order of time. */
export interface EventWindow {
  readonly first: number;
  readonly count: number;
}

export type ToWorker =
  /** Forgets what it held and fetches the session from its start. */
  | { readonly kind: 'open'; readonly sessionId: number; readonly view: ViewSpec }
  /** Fetches what is new; at most one fetch runs at a time. */
  | { readonly kind: 'refresh' }
  | { readonly kind: 'view'; readonly view: ViewSpec }
  /** Empty: no search. */
  | { readonly kind: 'search'; readonly query: string }
  /** Asks for the stack of a sample, a row of SampleTable. */
  | { readonly kind: 'stack'; readonly sample: number }
  | { readonly kind: 'close' };

export type FromWorker =
  | { readonly kind: 'picture'; readonly sessionId: number; readonly picture: Picture }
  | { readonly kind: 'details'; readonly sessionId: number; readonly details: Details }
  | { readonly kind: 'search'; readonly sessionId: number; readonly result: SearchResult }
  | { readonly kind: 'stack'; readonly sessionId: number; readonly stack: SampleStack }
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
  /** What the thread did, 0: unknown, or 1 + index in TIME_KINDS; empty but in the wall clock's picture. */
  readonly doing: Uint8Array<ArrayBuffer>;
  /** In Picture.unit. */
  readonly self: Float64Array<ArrayBuffer>;
  readonly total: Float64Array<ArrayBuffer>;
}

/** What a thread did, in the wall clock's picture: KeyKinds. */
export const TIME_KINDS = ['running', 'waiting', 'queued'] as const;

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
  /** What was measured, by row of SourceTable. */
  readonly measured: readonly MeasuredSource[];
  /** Of all weights of the picture and its details. */
  readonly unit: WeightUnit;
  /** Weight of the shown source in the whole session. */
  readonly sessionWeight: number;
  /** Rows of the sample table. */
  readonly sessionSamples: number;
  /** Time of the newest sample, ns since session start. */
  readonly newest: number;
  /** Time spent to fetch, and to compute tree and layout, ms. */
  readonly fetchMs: number;
  readonly computeMs: number;
}

/** A source of the session, as its tab tells it. */
export interface MeasuredSource {
  readonly row: number;
  /** SourceKind. */
  readonly kind: string;
  readonly title: string;
  readonly unit: WeightUnit;
  readonly mechanism: string;
  readonly note: string;
  /** SourceTable.fields. */
  readonly fields: string;
  /** Histograms were counted in the kernel; stacks are examples. */
  readonly isCounted: boolean;
}

/** Side panels and timeline: computed after the picture, so that it need not wait for them. */
export interface Details {
  /** Of all weights in it. */
  readonly unit: WeightUnit;
  readonly labels: LabelBatch;
  readonly functions: FunctionRows;
  /** Of the samples shown. */
  readonly quality: StackQuality;
  /** Of the whole session. */
  readonly hints: readonly RuntimeHint[];
  /** Within the time window, whatever processes are selected; heaviest first. */
  readonly processes: readonly ProcessRow[];
  /** Of the only process selected; else none. */
  readonly threads: readonly ThreadRow[];
  /** Of a source that measures latencies; else null. */
  readonly latency: LatencyDetails | null;
  /** For the heatmap of seconds and their parts; null: not wanted. */
  readonly pulse: WeightPulse | null;
  readonly events: EventPage | null;
  readonly timeline: {
    readonly weight: Float64Array<ArrayBuffer>;
    /** ns */
    readonly binWidth: number;
    /** ns: end of the axis. */
    readonly duration: number;
  };
}

/** What the latency views are drawn from. */
export interface LatencyDetails extends Omit<SelectedLatencies, 'series'> {
  readonly series: readonly SeriesRow[];
  /** Whether they could be told apart by process. */
  readonly hasProcesses: boolean;
}

/** A line of the table of series. */
export interface SeriesRow extends SourceSeries {
  readonly name: string;
  readonly variant: string;
  /** "curl (4711)"; empty: not told apart by process. */
  readonly process: string;
}
type SourceSeries = SelectedLatencies['series'][number];

/** Single events of the selection. */
export interface EventPage extends EventWindow {
  /** Events there are in the selection. */
  readonly total: number;
  readonly rows: readonly EventRow[];
}

export interface EventRow {
  /** Row of SampleTable. */
  readonly sample: number;
  /** Its place among the samples of its source. */
  readonly ordinal: number;
  /** ns since session start. */
  readonly time: number;
  readonly comm: string;
  readonly pid: number;
  readonly tid: number;
  readonly cpu: number;
  /** What it measured, in the source's unit; 0: nothing. */
  readonly value: number;
  /** Name of its series; empty. */
  readonly series: string;
  /** Its leaf function, or empty. */
  readonly leaf: string;
}

/** The stack of one sample, leaf first. */
export interface SampleStack {
  readonly sample: number;
  readonly frames: readonly { readonly name: string; readonly image: string }[];
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

export interface ThreadRow {
  /** Row of ThreadTable. */
  readonly row: number;
  readonly tid: number;
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
  source: 0,
  sampleNs: 1,
  series: null,
  values: null,
  wakers: true,
  byProcess: false,
  pulse: false,
  events: null,
  window: { kind: 'all' },
  processes: null,
  threads: null,
  roots: 'none',
  inverted: false,
  frames: 'all',
  order: 'name',
};

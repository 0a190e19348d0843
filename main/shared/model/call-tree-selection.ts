/**
 * What part of a session a view shows. Every view of the window is computed from the same selection,
 * so that the flame graph, the table and the totals always speak about the same samples.
 */
export interface Selection {
  /** Row of SourceTable whose samples are kept; WALL_CLOCK: those of all that measure a thread's time. */
  readonly source: number;
  /** ns that one on-CPU sample stands for (1e9 / rate); only the wall clock needs it. */
  readonly sampleNs: number;
  /** Rows of SeriesTable whose samples are kept; null: all of the source. */
  readonly series: readonly number[] | null;
  /** Samples of calls that took so long are kept; null: all, those that measured nothing too. */
  readonly values: ValueRange | null;
  /** Show what stands above a 'waker' frame; false: stacks are cut there. Inverted trees are always cut. */
  readonly wakers: boolean;
  /** Samples with from <= time < to; null: the whole session. */
  readonly timeRange: TimeRange | null;
  /** Rows of ProcessTable whose samples are kept; null: all. */
  readonly processes: readonly number[] | null;
  /** Rows of ThreadTable whose samples are kept; null: all. Applied together with `processes`. */
  readonly threads: readonly number[] | null;
  /** What stands directly below the root. */
  readonly roots: TreeRoots;
  /** Leaves first: the tree's first level is the running function, below it its callers. */
  readonly inverted: boolean;
  /** Frames of the other kind are left out; their weight goes to the nearest caller that is shown. */
  readonly frames: 'all' | 'user' | 'kernel';
}

/** ns since session start, half-open. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** What a call took, in the unit of its source (ns), half-open; `to` may be Infinity. */
export interface ValueRange {
  readonly from: number;
  readonly to: number;
}

/** Selection.source of the wall clock: on-CPU, waiting and queued time of threads together, in ns. */
export const WALL_CLOCK = -1;

/** command: processes of the same command name together. none: stacks of all processes merged. */
export const TREE_ROOTS = ['none', 'command', 'process', 'thread'] as const;
export type TreeRoots = (typeof TREE_ROOTS)[number];

export const WHOLE_SESSION: Selection = {
  source: 0,
  sampleNs: 1,
  series: null,
  values: null,
  wakers: true,
  timeRange: null,
  processes: null,
  threads: null,
  roots: 'none',
  inverted: false,
  frames: 'all',
};

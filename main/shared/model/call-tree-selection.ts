/**
 * What part of a session a view shows. Every view of the window is computed from the same selection,
 * so that the flame graph, the table and the totals always speak about the same samples.
 */
export interface Selection {
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

/** command: processes of the same command name together. none: stacks of all processes merged. */
export const TREE_ROOTS = ['none', 'command', 'process', 'thread'] as const;
export type TreeRoots = (typeof TREE_ROOTS)[number];

export const WHOLE_SESSION: Selection = {
  timeRange: null,
  processes: null,
  threads: null,
  roots: 'none',
  inverted: false,
  frames: 'all',
};

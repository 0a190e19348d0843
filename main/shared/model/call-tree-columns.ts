/** Levels of groups a tree can have. */
export type GroupDepth = 0 | 1 | 2;

/** CallTree.place of what has no symbol: groups, frames without a name. */
export const NO_PLACE = -1;
/** CallTree.place of a node that merges several code locations. */
export const MANY_PLACES = -2;

/**
 * Stacks merged by function, as columns: a node is a row, and no object exists per node. Row 0 is
 * the root (all samples selected); a parent always precedes its children.
 */
export interface CallTree {
  readonly length: number;
  /** What the node stands for; see call-tree-keys.ts. */
  readonly key: Int32Array<ArrayBuffer>;
  /** Node of the caller (of the callee when inverted); -1 at the root. */
  readonly parent: Int32Array<ArrayBuffer>;
  /** 0 at the root. */
  readonly depth: Uint16Array<ArrayBuffer>;
  /** A row of FrameTable that bears the key; -1 for root, groups and marks of incomplete stacks. */
  readonly frame: Int32Array<ArrayBuffer>;
  /**
   * Row of SymbolTable that tells the node's function and place in the source; NO_PLACE: none does,
   * MANY_PLACES: the node stands for several. Empty when the session knows no source files.
   */
  readonly place: Int32Array<ArrayBuffer>;
  /** First child node, then along nextSibling; -1: none. */
  readonly firstChild: Int32Array<ArrayBuffer>;
  readonly nextSibling: Int32Array<ArrayBuffer>;
  /** Weight of samples that ended in this very node, in the source's weight unit. */
  readonly self: Float64Array<ArrayBuffer>;
  /** Weight in it or below. */
  readonly total: Float64Array<ArrayBuffer>;
  readonly maxDepth: number;
  /**
   * Levels below the root that are no frames: commands, processes or threads, and below them, or alone,
   * whether a thread ran, waited or was queued.
   */
  readonly groupDepth: GroupDepth;
}

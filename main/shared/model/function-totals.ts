import type { CallTree } from './call-tree.ts';
import { firstInlinedKey, type KeySpace, keyCount } from './call-tree-keys.ts';
import { FRAME_KINDS, type FrameTable } from './session-tables.ts';

const WAKER = FRAME_KINDS.indexOf('waker');

/** Weight per function, for tables of the hottest. Functions and unsymbolized frames, no groups or marks. */
export interface FunctionTotals {
  readonly length: number;
  /** Key, see call-tree-keys.ts; hottest self weight first. */
  readonly key: Int32Array<ArrayBuffer>;
  /** A row of FrameTable that bears the key. */
  readonly frame: Int32Array<ArrayBuffer>;
  /** Weight of samples that ended in it. */
  readonly self: Float64Array<ArrayBuffer>;
  /** Weight of samples that held it anywhere: a recursive frame counts once per sample. */
  readonly total: Float64Array<ArrayBuffer>;
}

/**
 * Sums a call tree (not inverted) by function. A node adds its total only where no node above it has
 * the same key, so recursion is counted once; calls of a function and places where it was inlined are
 * one row. What stands above the mark of a waker is another thread's: its weight is that of the function
 * that waited. Time: nodes.
 */
export function functionTotals(
  tree: CallTree,
  space: KeySpace,
  frames: FrameTable | null = null,
): FunctionTotals {
  const keys = keyCount(space);
  const self = new Float64Array(keys);
  const total = new Float64Array(keys);
  const frame = new Int32Array(keys).fill(-1);
  const isWaker = (node: number): boolean => {
    const row = tree.key[node]! - space.functions;
    return row >= 0 && row < space.frames && frames?.kind[row] === WAKER;
  };
  sumByKey(tree, rowsOfNodes(tree, space), { self, total, frame }, isWaker);
  const used: number[] = [];
  for (let key = 0; key < keys; key++) if (frame[key]! >= 0) used.push(key);
  const order = Int32Array.from(used).sort(
    (a, b) => self[b]! - self[a]! || total[b]! - total[a]! || a - b,
  );
  return {
    length: order.length,
    key: order,
    frame: order.map((key) => frame[key]!),
    self: Float64Array.from(order, (key) => self[key]!),
    total: Float64Array.from(order, (key) => total[key]!),
  };
}

/** Per node, the key its weight is added to: an inlined call's own only if the function is never called. */
function rowsOfNodes(tree: CallTree, space: KeySpace): Int32Array {
  if (!space.hasInlined) return tree.key;
  const first = firstInlinedKey(space);
  const isCalled = new Uint8Array(space.functions);
  for (let node = 1; node < tree.length; node++) {
    if (tree.key[node]! < space.functions) isCalled[tree.key[node]!] = 1;
  }
  return tree.key.map((key) => (key >= first && isCalled[key - first] === 1 ? key - first : key));
}

interface Sums {
  readonly self: Float64Array;
  readonly total: Float64Array;
  readonly frame: Int32Array;
}

/** Walks the tree depth first, holding how often each key is on the path from the root. */
function sumByKey(
  tree: CallTree,
  key: Int32Array,
  { self, total, frame }: Sums,
  isWaker: (node: number) => boolean,
): void {
  const onPath = new Int32Array(self.length);
  const { parent, firstChild, nextSibling } = tree;
  let node = 0;
  for (;;) {
    const isWaiter = !isWaker(node);
    if (isWaiter) enter(node);
    else addWait(node);
    if (isWaiter && firstChild[node]! >= 0) {
      node = firstChild[node]!;
      continue;
    }
    leave(node);
    while (nextSibling[node]! < 0) {
      node = parent[node]!;
      if (node <= 0) return;
      leave(node);
    }
    node = nextSibling[node]!;
  }

  function enter(at: number): void {
    const row = tree.frame[at]!;
    if (row < 0) return;
    const k = key[at]!;
    self[k]! += tree.self[at]!;
    if (onPath[k] === 0) total[k]! += tree.total[at]!;
    onPath[k]!++;
    frame[k] = row;
  }

  /** The weight at and above a waker's mark is that of the function that waited. */
  function addWait(mark: number): void {
    const waiter = parent[mark]!;
    if (tree.frame[waiter]! >= 0) self[key[waiter]!]! += tree.total[mark]!;
  }

  function leave(at: number): void {
    if (tree.frame[at]! >= 0) onPath[key[at]!]!--;
  }
}

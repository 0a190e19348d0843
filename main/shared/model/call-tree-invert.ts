import type { CallTree } from './call-tree.ts';
import { CallTreeBuilder } from './call-tree-builder.ts';
import { NO_PLACE } from './call-tree-columns.ts';

/** Where an inverted tree stops. */
export interface InvertLimit {
  /** A node lighter than this is not divided by caller any further. */
  readonly leastWeight: number;
  /** Key of the node that takes the weight of callers left out, see rareCallersKey(). */
  readonly restKey: number;
}

/**
 * The same weight read from the leaf: the first level holds the functions that were running, below
 * each of them its callers. Groups stay on top. The weight of a stack ends in the node of its root
 * frame, so self weights still sum to the root's total.
 *
 * Stacks share less from the leaf than from the root: a million samples can make millions of nodes
 * that nobody can see. `limit` cuts those off, level by level, and says so in the tree.
 */
export function invertCallTree(
  tree: CallTree,
  limit: InvertLimit = { leastWeight: 0, restKey: -1 },
): CallTree {
  const builder = new CallTreeBuilder(tree.length, tree.place.length > 0);
  const walk = startWalk(tree, builder);
  const hasPlaces = tree.place.length > 0;
  let weights = new Float64Array(tree.length);
  for (let active = walk.count; active > 0; ) {
    // One level: every stack steps to its next caller; only then are the level's weights known.
    for (let k = 0; k < active; k++) {
      const at = walk.at[k]!;
      const node = builder.child(
        walk.node[k]!,
        tree.key[at]!,
        tree.frame[at]!,
        hasPlaces ? tree.place[at]! : NO_PLACE,
      );
      if (node >= weights.length) weights = grown(weights);
      weights[node]! += tree.self[walk.leaf[k]!]!;
      walk.node[k] = node;
      walk.at[k] = tree.parent[at]!;
    }
    active = settle(tree, builder, { walk, active, weights, limit });
  }
  return builder.finish(tree.groupDepth);
}

/** Stacks under way from their leaf to their root, as columns. */
interface Walk {
  readonly count: number;
  /** Node of the tree where the stack ends. */
  readonly leaf: Int32Array;
  /** Node of the tree that comes next. */
  readonly at: Int32Array;
  /** Node of the inverted tree reached. */
  readonly node: Int32Array;
}

function startWalk(tree: CallTree, builder: CallTreeBuilder): Walk {
  const { depth, self, groupDepth } = tree;
  const leaf = new Int32Array(tree.length);
  const node = new Int32Array(tree.length);
  let count = 0;
  for (let row = 0; row < tree.length; row++) {
    if (self[row] === 0) continue;
    const top = groupDepth === 0 ? 0 : groupOf(tree, builder, row);
    if (depth[row]! <= groupDepth) {
      builder.self[top]! += self[row]!;
      continue;
    }
    leaf[count] = row;
    node[count++] = top;
  }
  return { count, leaf, at: leaf.slice(), node };
}

/** Ends the stacks that reached their root or a node too light; keeps the others. Returns how many. */
function settle(
  tree: CallTree,
  builder: CallTreeBuilder,
  level: {
    readonly walk: Walk;
    readonly active: number;
    readonly weights: Float64Array;
    readonly limit: InvertLimit;
  },
): number {
  const { walk, active, weights, limit } = level;
  let kept = 0;
  for (let k = 0; k < active; k++) {
    const node = walk.node[k]!;
    const weight = tree.self[walk.leaf[k]!]!;
    if (tree.depth[walk.at[k]!]! <= tree.groupDepth) {
      builder.self[node]! += weight;
    } else if (weights[node]! < limit.leastWeight) {
      builder.self[builder.child(node, limit.restKey, -1, NO_PLACE)]! += weight;
    } else {
      walk.leaf[kept] = walk.leaf[k]!;
      walk.at[kept] = walk.at[k]!;
      walk.node[kept++] = node;
    }
  }
  return kept;
}

/** The node, in the tree being built, of the group that `leaf` lies below. */
function groupOf(tree: CallTree, builder: CallTreeBuilder, leaf: number): number {
  let at = leaf;
  while (tree.depth[at]! > tree.groupDepth) at = tree.parent[at]!;
  if (at === 0) return 0;
  const outer = tree.depth[at] === 1 ? 0 : groupOf(tree, builder, tree.parent[at]!);
  return builder.child(outer, tree.key[at]!, -1, NO_PLACE);
}

function grown(column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(column.length * 2);
  larger.set(column);
  return larger;
}

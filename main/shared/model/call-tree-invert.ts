import type { CallTree } from './call-tree.ts';
import { CallTreeBuilder } from './call-tree-builder.ts';

/**
 * The same weight read from the leaf: the first level holds the functions that were running, below
 * each of them its callers. Groups stay on top. The weight of a stack ends in the node of its root
 * frame, so self weights still sum to the root's total. Time: nodes with self weight times depth.
 */
export function invertCallTree(tree: CallTree): CallTree {
  const builder = new CallTreeBuilder(tree.length);
  const { key, parent, depth, frame, self, groupDepth } = tree;
  for (let leaf = 0; leaf < tree.length; leaf++) {
    const weight = self[leaf]!;
    if (weight === 0) continue;
    let node = groupDepth === 0 ? 0 : groupOf(tree, builder, leaf);
    for (let at = leaf; depth[at]! > groupDepth; at = parent[at]!) {
      node = builder.child(node, key[at]!, frame[at]!);
    }
    builder.self[node]! += weight;
  }
  return builder.finish(groupDepth);
}

/** The node, in the tree being built, of the group that `leaf` lies below. */
function groupOf(tree: CallTree, builder: CallTreeBuilder, leaf: number): number {
  let at = leaf;
  while (tree.depth[at]! > 1) at = tree.parent[at]!;
  return at === 0 ? 0 : builder.child(0, tree.key[at]!, -1);
}

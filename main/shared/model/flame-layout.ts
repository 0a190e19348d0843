import type { CallTree } from './call-tree.ts';

/**
 * Boxes of a flame graph in the unit interval: box 0 is the root [0, 1), a child lies inside its
 * parent, siblings do not overlap. Boxes are sorted by depth, then from left to right, so that a
 * painter finds what is visible by binary search and never looks at the rest.
 */
export interface FlameRows {
  readonly length: number;
  /** Boxes of depth d are rowStart[d] .. rowStart[d + 1] - 1. */
  readonly rowStart: Int32Array<ArrayBuffer>;
  /** Node of the CallTree. */
  readonly node: Int32Array<ArrayBuffer>;
  /** Left and right edge, share of the root's total. */
  readonly start: Float64Array<ArrayBuffer>;
  readonly end: Float64Array<ArrayBuffer>;
  /** Box of the parent; -1 at the root. */
  readonly parent: Int32Array<ArrayBuffer>;
  /** Boxes firstChild .. firstChild + childCount - 1. */
  readonly firstChild: Int32Array<ArrayBuffer>;
  readonly childCount: Int32Array<ArrayBuffer>;
}

/** name: stays put while a recording grows. weight: heaviest left. */
export type SiblingOrder = 'name' | 'weight';

/** Lays a tree out. `rank` orders keys by name, see rankKeys(). Time: nodes. */
export function layoutFlame(tree: CallTree, rank: Int32Array, order: SiblingOrder): FlameRows {
  const sorted = nodesInOrder(tree, rank, order);
  const { first, children, childCount } = childrenInOrder(tree, sorted);
  const { length } = tree;
  const rows: FlameRows = {
    length,
    rowStart: new Int32Array(tree.maxDepth + 2),
    node: new Int32Array(length),
    start: new Float64Array(length),
    end: new Float64Array(length),
    parent: new Int32Array(length),
    firstChild: new Int32Array(length),
    childCount: new Int32Array(length),
  };
  const whole = tree.total[0]! > 0 ? tree.total[0]! : 1;
  rows.parent[0] = -1;
  rows.end[0] = 1;
  let next = 1;
  for (let box = 0; box < length; box++) {
    const node = rows.node[box]!;
    const count = childCount[node]!;
    rows.firstChild[box] = next;
    rows.childCount[box] = count;
    rows.rowStart[tree.depth[node]! + 1] = box + 1;
    let weightBefore = 0;
    const left = rows.start[box]!;
    for (let k = 0; k < count; k++) {
      const child = children[first[node]! + k]!;
      rows.node[next] = child;
      rows.parent[next] = box;
      rows.start[next] = left + weightBefore / whole;
      weightBefore += tree.total[child]!;
      // Never beyond the parent: a rounding error would otherwise grow with depth.
      rows.end[next] = Math.min(rows.end[box]!, left + weightBefore / whole);
      next++;
    }
  }
  return rows;
}

/**
 * Position of every key the tree uses among those keys sorted by name, key by key; -1 for the others.
 * `nameOf` is asked once per key. Equal names keep the order of keys.
 */
export function rankKeys(
  tree: CallTree,
  keys: number,
  nameOf: (key: number, frame: number) => string,
): Int32Array<ArrayBuffer> {
  const rank = new Int32Array(keys).fill(-1);
  const names: string[] = [];
  const used: number[] = [];
  for (let node = 1; node < tree.length; node++) {
    const key = tree.key[node]!;
    if (rank[key] !== -1) continue;
    rank[key] = used.length;
    used.push(key);
    names.push(nameOf(key, tree.frame[node]!));
  }
  const order = used.map((_, index) => index);
  order.sort((a, b) => {
    const x = names[a]!;
    const y = names[b]!;
    return x < y ? -1 : x > y ? 1 : used[a]! - used[b]!;
  });
  for (let position = 0; position < order.length; position++) {
    rank[used[order[position]!]!] = position;
  }
  return rank;
}

/** All nodes but the root: by name, or by weight with equal weights by name. */
function nodesInOrder(tree: CallTree, rank: Int32Array, order: SiblingOrder): Int32Array {
  const nodes = new Int32Array(Math.max(0, tree.length - 1));
  const ranks = new Uint32Array(tree.length);
  for (let node = 1; node < tree.length; node++) {
    nodes[node - 1] = node;
    ranks[node] = rank[tree.key[node]!]!;
  }
  const byName = radixSort(nodes, ranks);
  if (order === 'name') return byName;
  // The bits of positive floats order like the floats; inverted, heaviest first.
  const bits = new Uint32Array(Float32Array.from(tree.total).buffer).map((value) => ~value);
  return radixSort(byName, bits);
}

/** `nodes` sorted by key[node], stable: two passes of 16 bits, the second only if needed. */
function radixSort(nodes: Int32Array, key: Uint32Array): Int32Array {
  let largest = 0;
  for (const value of key) if (value > largest) largest = value;
  const low = countingPass(nodes, key, 0);
  return largest > 0xffff ? countingPass(low, key, 16) : low;
}

function countingPass(nodes: Int32Array, key: Uint32Array, shift: number): Int32Array {
  const next = new Int32Array(0x10001);
  for (const node of nodes) next[((key[node]! >>> shift) & 0xffff) + 1]!++;
  for (let digit = 0; digit < 0x10000; digit++) next[digit + 1]! += next[digit]!;
  const sorted = new Int32Array(nodes.length);
  for (const node of nodes) sorted[next[(key[node]! >>> shift) & 0xffff]!++] = node;
  return sorted;
}

/** The children of node n, in the given order: children[first[n]] .. + childCount[n] - 1. */
function childrenInOrder(
  tree: CallTree,
  sorted: Int32Array,
): { readonly first: Int32Array; readonly children: Int32Array; readonly childCount: Int32Array } {
  const childCount = new Int32Array(tree.length);
  for (let node = 1; node < tree.length; node++) childCount[tree.parent[node]!]!++;
  const first = new Int32Array(tree.length);
  for (let node = 1; node < tree.length; node++)
    first[node] = first[node - 1]! + childCount[node - 1]!;
  const next = first.slice();
  const children = new Int32Array(Math.max(0, tree.length - 1));
  for (const node of sorted) children[next[tree.parent[node]!]!++] = node;
  return { first, children, childCount };
}

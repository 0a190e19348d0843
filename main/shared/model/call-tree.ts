import { CallTreeBuilder } from './call-tree-builder.ts';
import { type CallTree, type GroupDepth, NO_PLACE } from './call-tree-columns.ts';
import {
  firstInlinedKey,
  firstProcessKey,
  firstSourceKey,
  firstThreadKey,
  type KeySpace,
  keySpaceOf,
  keysOfFrames,
  noStackKey,
} from './call-tree-keys.ts';
import { type Selection, type TreeRoots, WALL_CLOCK } from './call-tree-selection.ts';
import { SampleFilter, selectedThreads } from './sample-filter.ts';
import { FRAME_KINDS, type SessionTables } from './session-tables.ts';
import { inlineDepths } from './symbols.ts';

export type { CallTree } from './call-tree-columns.ts';

const KERNEL = FRAME_KINDS.indexOf('kernel');
const INCOMPLETE = FRAME_KINDS.indexOf('incomplete');
const WAKER = FRAME_KINDS.indexOf('waker');

/**
 * Merges the selected samples into a tree of callers above callees; `selection.inverted` is left to
 * invertCallTree(). Time: samples + stacks, with groups samples + stacks used by each group. A
 * stack's node is looked up once and remembered, so the cost per sample is a few array reads.
 */
export function buildCallTree(
  tables: SessionTables,
  selection: Selection,
  space: KeySpace = keySpaceOf(tables, selection.roots),
): CallTree {
  const builder = new CallTreeBuilder(
    Math.min(tables.stacks.length, tables.samples.length) + 1,
    tables.sourceFiles.length > 0,
  );
  const depth = groupDepthOf(selection);
  if (depth === 0) addUngrouped({ tables, selection, space, builder });
  else addGrouped({ tables, selection, space, builder });
  return builder.finish(depth);
}

/** The wall clock's tree has a level more: what the threads did. */
function groupDepthOf({ roots, source }: Selection): GroupDepth {
  if (roots === 'none') return source === WALL_CLOCK ? 1 : 0;
  return source === WALL_CLOCK ? 2 : 1;
}

interface Work {
  readonly tables: SessionTables;
  readonly selection: Selection;
  readonly space: KeySpace;
  readonly builder: CallTreeBuilder;
}

/**
 * All stacks below the root. Weights are first summed by stack, then stacks are taken in row order:
 * callers come before callees there, so that memory is read forwards and nothing is walked twice.
 */
function addUngrouped({ tables, selection, space, builder }: Work): void {
  const { parent, frame, length } = tables.stacks;
  const weights = selectedWeights(tables, selection);
  const used = new Uint8Array(length);
  for (let stack = length - 1; stack >= 0; stack--) {
    if (weights.byStack[stack] !== 0) used[stack] = 1;
    if (used[stack] === 1 && parent[stack]! >= 0) used[parent[stack]!] = 1;
  }
  const frames = new FrameNodes({ tables, selection, space, builder });
  const nodes = new Int32Array(length);
  for (let stack = 0; stack < length; stack++) {
    if (used[stack] === 0) continue;
    const above = parent[stack]!;
    const node = frames.below(above < 0 ? 0 : nodes[above]!, frame[stack]!);
    nodes[stack] = node;
    builder.self[node]! += weights.byStack[stack]!;
  }
  if (weights.withoutStack > 0) {
    builder.self[builder.child(0, noStackKey(space), -1, NO_PLACE)]! += weights.withoutStack;
  }
}

/** Weight of the selected samples per stack row, and of those without any stack. Time: samples. */
export function selectedWeights(
  tables: SessionTables,
  selection: Selection,
): { readonly byStack: Float64Array; readonly withoutStack: number } {
  const filter = new SampleFilter(tables, selection);
  const byStack = new Float64Array(tables.stacks.length);
  let withoutStack = 0;
  for (const rows of filter.kept()) {
    for (let k = 0; k < rows.length; k++) {
      const leaf = filter.stackOf(rows[k]!);
      if (leaf >= 0) byStack[leaf]! += filter.weightOf(rows[k]!);
      else withoutStack += filter.weightOf(rows[k]!);
    }
  }
  return { byStack, withoutStack };
}

/** Stacks below the command, process or thread that ran them, and below what it did; group by group. */
function addGrouped({ tables, selection, space, builder }: Work): void {
  const filter = new SampleFilter(tables, selection);
  const groups = groupSamples(tables, selection, filter);
  const finder = new NodeFinder({ tables, selection, space, builder });
  for (let group = 0; group < groups.count; group++) {
    const from = groups.start[group]!;
    const to = groups.start[group + 1]!;
    if (from === to) continue;
    const top = groupNode(builder, space, selection, groups.of(group));
    for (let at = from; at < to; at++) {
      const sample = groups.order[at]!;
      const leaf = filter.stackOf(sample);
      const node =
        leaf >= 0
          ? finder.nodeOf(leaf, group, top)
          : builder.child(top, noStackKey(space), -1, NO_PLACE);
      builder.self[node]! += filter.weightOf(sample);
    }
  }
}

/** Adds frames to the tree: each one's function, and below it the calls inlined at that place. */
class FrameNodes {
  private readonly builder: CallTreeBuilder;
  private readonly keys: Int32Array;
  private readonly hidden: Uint8Array;
  private readonly kind: Uint8Array;
  /** Row of SymbolTable per frame row. */
  private readonly symbol: Int32Array;
  /** Function per row of SymbolTable. */
  private readonly func: Int32Array;
  /** Calls inlined per frame row; null: none anywhere. */
  private readonly inlined: Uint8Array | null;
  private readonly inlinedKeys: number;

  constructor({ tables, selection, space, builder }: Work) {
    this.builder = builder;
    this.keys = keysOfFrames(tables);
    this.hidden = hiddenFrames(tables, selection);
    this.kind = tables.frames.kind;
    this.symbol = tables.frames.symbol;
    this.func = tables.symbols.func;
    this.inlined = inlineDepths(tables);
    this.inlinedKeys = firstInlinedKey(space);
  }

  /** The node of a frame called by `above`; `above` itself when the frame is hidden. */
  below(above: number, row: number): number {
    if (this.hidden[row] !== 0) return above;
    // The marks of incomplete stacks and of wakers are no functions: like a group, they bear no frame.
    const isMark = this.kind[row] === INCOMPLETE || this.kind[row] === WAKER;
    const frame = isMark ? -1 : row;
    const owner = this.builder.child(above, this.keys[row]!, frame, this.symbol[row]!);
    const calls = this.inlined === null ? 0 : this.inlined[row]!;
    return calls === 0 ? owner : this.belowOwner(owner, row, calls);
  }

  private belowOwner(owner: number, row: number, calls: number): number {
    const first = this.symbol[row]!;
    let node = owner;
    for (let call = 1; call <= calls; call++) {
      const key = this.inlinedKeys + this.func[first + call]!;
      node = this.builder.child(node, key, row, first + call);
    }
    return node;
  }
}

/** Finds the node of a stack by walking towards the root until a stack already known. */
class NodeFinder {
  private readonly frames: FrameNodes;
  private readonly node: Int32Array;
  /** group + 1 for which `node` of the stack is valid; 0: none yet. */
  private readonly stamp: Int32Array;
  private readonly path: Int32Array;

  private readonly tables: SessionTables;

  constructor(work: Work) {
    const { tables } = work;
    this.tables = tables;
    this.frames = new FrameNodes(work);
    this.node = new Int32Array(tables.stacks.length);
    this.stamp = new Int32Array(tables.stacks.length);
    this.path = new Int32Array(tables.stacks.length);
  }

  nodeOf(leaf: number, group: number, top: number): number {
    const { parent, frame } = this.tables.stacks;
    const valid = group + 1;
    let stack = leaf;
    let length = 0;
    while (stack >= 0 && this.stamp[stack] !== valid) {
      this.path[length++] = stack;
      stack = parent[stack]!;
    }
    let node = stack < 0 ? top : this.node[stack]!;
    while (length > 0) {
      const known = this.path[--length]!;
      node = this.frames.below(node, frame[known]!);
      this.node[known] = node;
      this.stamp[known] = valid;
    }
    return node;
  }
}

/** 1 for every frame row the selection leaves out. */
function hiddenFrames(tables: SessionTables, selection: Selection): Uint8Array {
  const { frames } = tables;
  const hidden = new Uint8Array(frames.length);
  if (selection.frames === 'all') return hidden;
  const hideKernel = selection.frames === 'user';
  for (let row = 0; row < frames.length; row++) {
    const kind = frames.kind[row]!;
    if (kind !== WAKER && (kind === KERNEL) === hideKernel) hidden[row] = 1;
  }
  return hidden;
}

/** The selected samples, those of one group side by side. */
interface SampleGroups {
  readonly count: number;
  /** What a group is named by. */
  readonly of: (group: number) => GroupName;
  /** Group g owns order[start[g]] .. order[start[g + 1] - 1]. */
  readonly start: Int32Array;
  /** Rows of SampleTable. */
  readonly order: Int32Array;
}

interface GroupName {
  /** Process or thread row. */
  readonly owner: number;
  /** Row of SourceTable, of the wall clock; else 0. */
  readonly source: number;
}

/** Groups are threads' groups; the wall clock divides each by source. */
function groupSamples(
  tables: SessionTables,
  selection: Selection,
  filter: SampleFilter,
): SampleGroups {
  const groupOf = groupOfThreads(tables, selection);
  const parts = selection.source === WALL_CLOCK ? tables.sources.length : 1;
  const count = groupOf.count * parts;
  const { samples } = tables;
  const start = new Int32Array(count + 1);
  const taken = new Int32Array(samples.length).fill(-1);
  for (const rows of filter.kept()) {
    for (let k = 0; k < rows.length; k++) {
      const sample = rows[k]!;
      const part = parts > 1 ? samples.source[sample]! : 0;
      const group = groupOf.thread[samples.thread[sample]!]! * parts + part;
      taken[sample] = group;
      start[group + 1]!++;
    }
  }
  for (let group = 0; group < count; group++) start[group + 1]! += start[group]!;
  const next = start.slice();
  const order = new Int32Array(start[count]!);
  for (let sample = 0; sample < samples.length; sample++) {
    const group = taken[sample]!;
    if (group >= 0) order[next[group]!++] = sample;
  }
  const nameOf = (group: number): GroupName => ({
    owner: groupOf.owner[Math.floor(group / parts)]!,
    source: group % parts,
  });
  return { count, of: nameOf, start, order };
}

/** Thread row → group, -1 when the selection leaves the thread out. */
function groupOfThreads(
  tables: SessionTables,
  selection: Selection,
): { readonly count: number; readonly owner: Int32Array; readonly thread: Int32Array } {
  const { threads, processes } = tables;
  const keep = selectedThreads(tables, selection);
  const thread = new Int32Array(threads.length).fill(-1);
  const owner: number[] = [];
  const groups = new Map<string | number, number>();
  for (let row = 0; row < threads.length; row++) {
    if (keep[row] === 0) continue;
    const process = threads.process[row]!;
    const name = groupName(selection.roots, row, process, processes.comm);
    let group = groups.get(name);
    if (group === undefined) {
      group = groups.size;
      groups.set(name, group);
      owner.push(selection.roots === 'thread' ? row : process);
    }
    thread[row] = group;
  }
  return { count: groups.size, owner: Int32Array.from(owner), thread };
}

function groupName(
  roots: TreeRoots,
  thread: number,
  process: number,
  comm: readonly string[],
): string | number {
  if (roots === 'none') return 0;
  if (roots === 'thread') return thread;
  return roots === 'process' ? process : (comm[process] ?? '');
}

function groupNode(
  builder: CallTreeBuilder,
  space: KeySpace,
  { roots, source }: Selection,
  name: GroupName,
): number {
  const first = roots === 'thread' ? firstThreadKey(space) : firstProcessKey(space);
  const owner = roots === 'none' ? 0 : builder.child(0, first + name.owner, -1, NO_PLACE);
  if (source !== WALL_CLOCK) return owner;
  return builder.child(owner, firstSourceKey(space) + name.source, -1, NO_PLACE);
}

import { CallTreeBuilder } from './call-tree-builder.ts';
import { type CallTree, NO_PLACE } from './call-tree-columns.ts';
import {
  firstInlinedKey,
  firstProcessKey,
  firstThreadKey,
  type KeySpace,
  keySpaceOf,
  keysOfFrames,
  noStackKey,
} from './call-tree-keys.ts';
import type { Selection, TreeRoots } from './call-tree-selection.ts';
import { FRAME_KINDS, type SessionTables } from './session-tables.ts';
import { inlineDepths } from './symbols.ts';

export type { CallTree } from './call-tree-columns.ts';

const KERNEL = FRAME_KINDS.indexOf('kernel');
const INCOMPLETE = FRAME_KINDS.indexOf('incomplete');

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
  if (selection.roots === 'none') {
    addUngrouped({ tables, selection, space, builder });
    return builder.finish(0);
  }
  addGrouped({ tables, selection, space, builder });
  return builder.finish(1);
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
  const { samples } = tables;
  const { time, thread, stack, weight } = samples;
  const keep = selectedThreads(tables, selection);
  const from = selection.timeRange?.from ?? Number.NEGATIVE_INFINITY;
  const to = selection.timeRange?.to ?? Number.POSITIVE_INFINITY;
  const byStack = new Float64Array(tables.stacks.length);
  let withoutStack = 0;
  for (let sample = 0; sample < samples.length; sample++) {
    const at = time[sample]!;
    if (at < from || at >= to || keep[thread[sample]!] === 0) continue;
    const leaf = stack[sample]!;
    if (leaf >= 0) byStack[leaf]! += weight[sample]!;
    else withoutStack += weight[sample]!;
  }
  return { byStack, withoutStack };
}

/** Stacks below the command, process or thread that ran them; group by group. */
function addGrouped({ tables, selection, space, builder }: Work): void {
  const groups = groupSamples(tables, selection);
  const finder = new NodeFinder({ tables, selection, space, builder });
  const { stack, weight } = tables.samples;
  for (let group = 0; group < groups.count; group++) {
    const from = groups.start[group]!;
    const to = groups.start[group + 1]!;
    if (from === to) continue;
    const top = groupNode(builder, space, selection.roots, groups.owner[group]!);
    for (let at = from; at < to; at++) {
      const sample = groups.order[at]!;
      const leaf = stack[sample]!;
      const node =
        leaf >= 0
          ? finder.nodeOf(leaf, group, top)
          : builder.child(top, noStackKey(space), -1, NO_PLACE);
      builder.self[node]! += weight[sample]!;
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
    // The mark of an incomplete stack is no function: like a group, it bears no frame.
    const frame = this.kind[row] === INCOMPLETE ? -1 : row;
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
    if ((frames.kind[row] === KERNEL) === hideKernel) hidden[row] = 1;
  }
  return hidden;
}

/** The selected samples, those of one group side by side. */
interface SampleGroups {
  readonly count: number;
  /** Process or thread row a group is named by. */
  readonly owner: Int32Array;
  /** Group g owns order[start[g]] .. order[start[g + 1] - 1]. */
  readonly start: Int32Array;
  /** Rows of SampleTable. */
  readonly order: Int32Array;
}

function groupSamples(tables: SessionTables, selection: Selection): SampleGroups {
  const groupOf = groupOfThreads(tables, selection);
  const { samples } = tables;
  const from = selection.timeRange?.from ?? Number.NEGATIVE_INFINITY;
  const to = selection.timeRange?.to ?? Number.POSITIVE_INFINITY;
  const start = new Int32Array(groupOf.count + 1);
  const taken = new Int32Array(samples.length);
  for (let sample = 0; sample < samples.length; sample++) {
    const time = samples.time[sample]!;
    const group = time >= from && time < to ? groupOf.thread[samples.thread[sample]!]! : -1;
    taken[sample] = group;
    if (group >= 0) start[group + 1]!++;
  }
  for (let group = 0; group < groupOf.count; group++) start[group + 1]! += start[group]!;
  const next = start.slice();
  const order = new Int32Array(start[groupOf.count]!);
  for (let sample = 0; sample < samples.length; sample++) {
    const group = taken[sample]!;
    if (group >= 0) order[next[group]!++] = sample;
  }
  return { count: groupOf.count, owner: groupOf.owner, start, order };
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

/** 1 for every thread row whose samples the selection keeps, whatever their time. */
export function selectedThreads(tables: SessionTables, selection: Selection): Uint8Array {
  const { threads } = tables;
  const keep = new Uint8Array(threads.length).fill(1);
  if (selection.processes !== null) {
    const wanted = new Set(selection.processes);
    for (let row = 0; row < threads.length; row++) {
      if (!wanted.has(threads.process[row]!)) keep[row] = 0;
    }
  }
  if (selection.threads !== null) {
    const wanted = new Set(selection.threads);
    for (let row = 0; row < threads.length; row++) if (!wanted.has(row)) keep[row] = 0;
  }
  return keep;
}

function groupName(
  roots: TreeRoots,
  thread: number,
  process: number,
  comm: readonly string[],
): string | number {
  if (roots === 'thread') return thread;
  return roots === 'process' ? process : (comm[process] ?? '');
}

function groupNode(
  builder: CallTreeBuilder,
  space: KeySpace,
  roots: TreeRoots,
  owner: number,
): number {
  const first = roots === 'thread' ? firstThreadKey(space) : firstProcessKey(space);
  return builder.child(0, first + owner, -1, NO_PLACE);
}

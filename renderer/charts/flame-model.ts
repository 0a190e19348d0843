import type { KeyLabel } from '#shared/model/call-tree-keys.ts';
import { colorSlot, MODULE_SLOTS, RUNNING_SLOT } from '#shared/model/frame-color.ts';
import type { WeightUnit } from '#shared/model/session-tables.ts';
import {
  type FlameColumns,
  type LabelBatch,
  MANY_SOURCES,
  NO_SOURCE,
  type SourceBatch,
} from '../worker/profile-protocol.ts';

/** What the flame graph draws: boxes, and the words and colours of their labels. */
export interface FlameModel {
  readonly flame: FlameColumns;
  readonly labels: LabelTable;
  /** Of the boxes' weights. */
  readonly unit: WeightUnit;
}

/** Colour slot of a box: by its label, in the wall clock's picture by what the thread did. */
export function slotOfBox({ flame, labels }: FlameModel, box: number): number {
  const doing = flame.doing[box] ?? 0;
  return doing > 0 ? RUNNING_SLOT + doing - 1 : (labels.slots[flame.label[box]!] ?? 0);
}

/** Labels by id, grown batch by batch. */
export class LabelTable {
  readonly labels: KeyLabel[] = [];
  /** Colour slot of every label. */
  readonly slots: number[] = [];
  /** Places in source files by id. */
  readonly sources: string[] = [];
  /** Slots given to images of this session. */
  private readonly slotOf = new Map<string, number>();

  add(batch: LabelBatch): void {
    batch.labels.forEach((label, k) => {
      this.labels[batch.first + k] = label;
      this.slots[batch.first + k] = this.slotFor(label);
    });
  }

  /** An image's own slot, or the next free one while there are any: neighbours should differ. */
  private slotFor(label: KeyLabel): number {
    const wanted = colorSlot(label);
    if (wanted >= MODULE_SLOTS) return wanted;
    const known = this.slotOf.get(label.image);
    if (known !== undefined) return known;
    const taken = new Set(this.slotOf.values());
    let slot = wanted;
    for (let step = 0; step < MODULE_SLOTS && taken.has(slot); step++) {
      slot = (slot + 1) % MODULE_SLOTS;
    }
    this.slotOf.set(label.image, slot);
    return slot;
  }

  addSources({ first, texts }: SourceBatch): void {
    texts.forEach((text, k) => (this.sources[first + k] = text));
  }

  nameOf(id: number): string {
    return this.labels[id]?.name ?? '';
  }

  /** The name as it is read aloud: what a texture shows is said. */
  spokenNameOf(id: number): string {
    const inlined = this.labels[id]?.kind === 'inlined' ? ' inlined' : '';
    return `${this.nameOf(id)}${inlined}`;
  }

  /** The place in the source of a box, for people; null: not known. */
  sourceOf(flame: FlameColumns, box: number): string | null {
    const id = flame.source[box] ?? NO_SOURCE;
    if (id === MANY_SOURCES) return 'several places in the source';
    return this.sources[id] ?? null;
  }
}

/** An empty graph: one root without weight. */
export const EMPTY_FLAME: FlameColumns = {
  length: 1,
  rowStart: Int32Array.of(0, 1),
  start: Float64Array.of(0),
  end: Float64Array.of(1),
  parent: Int32Array.of(-1),
  firstChild: Int32Array.of(1),
  childCount: Int32Array.of(0),
  label: Int32Array.of(-1),
  source: new Int32Array(0),
  doing: new Uint8Array(0),
  self: Float64Array.of(0),
  total: Float64Array.of(0),
};

/** Rows of boxes there are. */
export const rowCount = (flame: FlameColumns): number => flame.rowStart.length - 1;

/** Depth of a box: the row it lies in. */
export function depthOf(flame: FlameColumns, box: number): number {
  let low = 0;
  let high = flame.rowStart.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (flame.rowStart[middle]! <= box) low = middle;
    else high = middle;
  }
  return low;
}

/** Boxes from the root's child down to `box`; empty for the root. */
export function ancestry(flame: FlameColumns, box: number): number[] {
  const boxes: number[] = [];
  for (let at = box; at > 0; at = flame.parent[at]!) boxes.unshift(at);
  return boxes;
}

/** Label ids from below the root down to `box`: names a place across pictures. */
export const pathOf = (flame: FlameColumns, box: number): number[] =>
  ancestry(flame, box).map((at) => flame.label[at]!);

/** The deepest box along `path` that exists in this picture; the root if none does. */
export function boxAtPath(flame: FlameColumns, path: readonly number[]): number {
  let box = 0;
  for (const label of path) {
    const child = childWithLabel(flame, box, label);
    if (child < 0) return box;
    box = child;
  }
  return box;
}

function childWithLabel(flame: FlameColumns, box: number, label: number): number {
  const first = flame.firstChild[box]!;
  for (let child = first; child < first + flame.childCount[box]!; child++) {
    if (flame.label[child] === label) return child;
  }
  return -1;
}

/** The child with the most weight, or -1. */
export function heaviestChild(flame: FlameColumns, box: number): number {
  const first = flame.firstChild[box]!;
  let heaviest = -1;
  for (let child = first; child < first + flame.childCount[box]!; child++) {
    if (heaviest < 0 || flame.total[child]! > flame.total[heaviest]!) heaviest = child;
  }
  return heaviest;
}

/**
 * The `count` heaviest boxes below and including `root`, in the order of a reading: parents first,
 * siblings left to right. Only boxes whose parent is among them are looked at.
 */
export function heaviestBoxes(flame: FlameColumns, root: number, count: number): number[] {
  const chosen = [root];
  let candidates = childrenOf(flame, root);
  while (chosen.length < count && candidates.length > 0) {
    candidates.sort((a, b) => flame.total[b]! - flame.total[a]!);
    const next = candidates[0]!;
    chosen.push(next);
    candidates = candidates.slice(1, count).concat(childrenOf(flame, next));
  }
  return chosen;
}

const childrenOf = (flame: FlameColumns, box: number): number[] =>
  Array.from({ length: flame.childCount[box]! }, (_, k) => flame.firstChild[box]! + k);

import { type CallTree, type GroupDepth, MANY_PLACES, NO_PLACE } from './call-tree-columns.ts';
import { ROOT_KEY } from './call-tree-keys.ts';

const GOLDEN = 0x9e3779b1;
const MIX = 0x85ebca6b;

/**
 * Grows a call tree node by node: columns that double when full, and an open-addressing hash from
 * (parent, key) to node. Node 0 is the root; a parent always precedes its children.
 */
export class CallTreeBuilder {
  length = 1;
  key: Int32Array<ArrayBuffer>;
  parent: Int32Array<ArrayBuffer>;
  depth: Uint16Array<ArrayBuffer>;
  frame: Int32Array<ArrayBuffer>;
  place: Int32Array<ArrayBuffer>;
  self: Float64Array<ArrayBuffer>;
  /** node + 1, 0: free. At most half full. */
  private slots: Int32Array<ArrayBuffer>;
  private readonly hasPlaces: boolean;

  /** `hasPlaces`: whether CallTree.place is wanted. */
  constructor(expectedNodes: number, hasPlaces: boolean) {
    this.hasPlaces = hasPlaces;
    const capacity = Math.max(16, expectedNodes);
    this.key = new Int32Array(capacity);
    this.parent = new Int32Array(capacity);
    this.depth = new Uint16Array(capacity);
    this.frame = new Int32Array(capacity);
    this.place = new Int32Array(hasPlaces ? capacity : 0);
    this.self = new Float64Array(capacity);
    this.slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity * 2)));
    this.key[0] = ROOT_KEY;
    this.parent[0] = -1;
    this.frame[0] = -1;
    if (hasPlaces) this.place[0] = NO_PLACE;
  }

  /**
   * The child of `parent` with this key, made if it is new. `frame`: a frame row bearing the key, or -1;
   * `place`: its symbol row, see CallTree.place.
   */
  child(parent: number, key: number, frame: number, place: number): number {
    const mask = this.slots.length - 1;
    let slot = (Math.imul(parent, GOLDEN) ^ Math.imul(key, MIX)) >>> 0;
    slot = (slot ^ (slot >>> 15)) & mask;
    for (let held = this.slots[slot]!; held !== 0; held = this.slots[slot]!) {
      const node = held - 1;
      if (this.key[node] === key && this.parent[node] === parent) {
        if (this.hasPlaces && this.place[node] !== place) this.place[node] = MANY_PLACES;
        return node;
      }
      slot = (slot + 1) & mask;
    }
    const node = this.add(slot, parent, key);
    this.frame[node] = frame;
    if (this.hasPlaces) this.place[node] = place;
    return node;
  }

  /** Sums totals from the leaves up and trims the columns. */
  finish(groupDepth: GroupDepth): CallTree {
    const { length } = this;
    const self = this.self.slice(0, length);
    const parent = this.parent.slice(0, length);
    const total = self.slice();
    const firstChild = new Int32Array(length).fill(-1);
    const nextSibling = new Int32Array(length).fill(-1);
    let maxDepth = 0;
    for (let node = length - 1; node > 0; node--) {
      const above = parent[node]!;
      total[above]! += total[node]!;
      nextSibling[node] = firstChild[above]!;
      firstChild[above] = node;
      if (this.depth[node]! > maxDepth) maxDepth = this.depth[node]!;
    }
    return {
      length,
      key: this.key.slice(0, length),
      parent,
      depth: this.depth.slice(0, length),
      frame: this.frame.slice(0, length),
      place: this.place.slice(0, length),
      firstChild,
      nextSibling,
      self,
      total,
      maxDepth,
      groupDepth,
    };
  }

  private add(freeSlot: number, parent: number, key: number): number {
    const node = this.length++;
    if (node === this.key.length) this.growColumns();
    this.key[node] = key;
    this.parent[node] = parent;
    this.depth[node] = this.depth[parent]! + 1;
    this.slots[freeSlot] = node + 1;
    if (this.length * 2 > this.slots.length) this.rehash();
    return node;
  }

  private growColumns(): void {
    const capacity = this.key.length * 2;
    const grownKey = new Int32Array(capacity);
    const grownParent = new Int32Array(capacity);
    const grownDepth = new Uint16Array(capacity);
    const grownFrame = new Int32Array(capacity);
    const grownPlace = new Int32Array(this.hasPlaces ? capacity : 0);
    const grownSelf = new Float64Array(capacity);
    grownKey.set(this.key);
    grownParent.set(this.parent);
    grownDepth.set(this.depth);
    grownFrame.set(this.frame);
    grownPlace.set(this.place);
    grownSelf.set(this.self);
    this.key = grownKey;
    this.parent = grownParent;
    this.depth = grownDepth;
    this.frame = grownFrame;
    this.place = grownPlace;
    this.self = grownSelf;
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2);
    const mask = slots.length - 1;
    for (let node = 1; node < this.length; node++) {
      let slot = (Math.imul(this.parent[node]!, GOLDEN) ^ Math.imul(this.key[node]!, MIX)) >>> 0;
      slot = (slot ^ (slot >>> 15)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = node + 1;
    }
    this.slots = slots;
  }
}

import type { CallTree } from '#shared/model/call-tree.ts';
import { MANY_PLACES } from '#shared/model/call-tree-columns.ts';
import {
  firstInlinedKey,
  firstProcessKey,
  type KeyLabel,
  type KeySpace,
  labelOfKey,
  ROOT_KEY,
} from '#shared/model/call-tree-keys.ts';
import type { SessionTables } from '#shared/model/session-tables.ts';
import { sourceText } from '#shared/model/symbols.ts';
import { printable } from '#shared/text/printable-text.ts';
import { type LabelBatch, MANY_SOURCES, NO_SOURCE, type SourceBatch } from './profile-protocol.ts';

/** Packs a file row and a line into one exact number; no source file has as many lines. */
const LINES_PER_FILE = 2 ** 21;

/**
 * Label ids: small numbers that keep their meaning for the life of a session, unlike keys. The page
 * is told every label once and refers to boxes, search hits and zoom paths by id.
 */
export class LabelBook {
  readonly labels: KeyLabel[] = [];
  /** Label id + 1 by row; 0: none yet. */
  private ofFunction = new Int32Array(1024);
  private ofFrame = new Int32Array(1024);
  private ofInlined = new Int32Array(0);
  private readonly ofGroup = new Map<string, number>();
  private readonly sources: string[] = [];
  /** Source id by file and line. */
  private readonly ofPlace = new Map<number, number>();
  private told = 0;
  private toldSources = 0;
  private ranks: Int32Array = new Int32Array(0);

  idOf(tables: SessionTables, space: KeySpace, key: number, frame: number): number {
    if (key !== ROOT_KEY && key < space.functions) {
      if (key >= this.ofFunction.length) this.ofFunction = grown(this.ofFunction, space.functions);
      if (this.ofFunction[key] === 0) {
        this.ofFunction[key] = this.add(labelOfKey(tables, space, key, frame)) + 1;
      }
      return this.ofFunction[key]! - 1;
    }
    if (key !== ROOT_KEY && key < firstProcessKey(space)) {
      const row = key - space.functions;
      if (row >= this.ofFrame.length) this.ofFrame = grown(this.ofFrame, space.frames);
      if (this.ofFrame[row] === 0) {
        this.ofFrame[row] = this.add(labelOfKey(tables, space, key, frame)) + 1;
      }
      return this.ofFrame[row]! - 1;
    }
    if (key >= firstInlinedKey(space)) {
      const row = key - firstInlinedKey(space);
      if (row >= this.ofInlined.length) this.ofInlined = grown(this.ofInlined, space.functions);
      if (this.ofInlined[row] === 0) {
        this.ofInlined[row] = this.add(labelOfKey(tables, space, key, frame)) + 1;
      }
      return this.ofInlined[row]! - 1;
    }
    const label = labelOfKey(tables, space, key, frame);
    const name = `${label.kind}\n${label.name}\n${label.image}`;
    let id = this.ofGroup.get(name);
    if (id === undefined) {
      id = this.add(label);
      this.ofGroup.set(name, id);
    }
    return id;
  }

  /** Label id of every node. */
  idsOf(tables: SessionTables, space: KeySpace, tree: CallTree): Int32Array<ArrayBuffer> {
    const ids = new Int32Array(tree.length);
    for (let node = 0; node < tree.length; node++) {
      ids[node] = this.idOf(tables, space, tree.key[node]!, tree.frame[node]!);
    }
    return ids;
  }

  /** Source id of a CallTree.place. */
  sourceOf(tables: SessionTables, place: number): number {
    if (place < 0) return place === MANY_PLACES ? MANY_SOURCES : NO_SOURCE;
    const file = tables.symbols.file[place]!;
    if (file < 0) return NO_SOURCE;
    const key = file * LINES_PER_FILE + (tables.symbols.line[place]! % LINES_PER_FILE);
    let id = this.ofPlace.get(key);
    if (id === undefined) {
      id = this.sources.push(printable(sourceText(tables, place) ?? '')) - 1;
      this.ofPlace.set(key, id);
    }
    return id;
  }

  /** Source texts made since the last call. */
  takeNewSources(): SourceBatch {
    const first = this.toldSources;
    this.toldSources = this.sources.length;
    return { first, texts: this.sources.slice(first) };
  }

  /** Labels made since the last call. */
  takeNew(): LabelBatch {
    const first = this.told;
    this.told = this.labels.length;
    return { first, labels: this.labels.slice(first) };
  }

  /** Position of every label among all labels sorted by name; computed again only when some are new. */
  rankByName(): Int32Array {
    if (this.ranks.length === this.labels.length) return this.ranks;
    const { labels } = this;
    const order = labels.map((_, id) => id);
    order.sort((a, b) => compareLabels(labels[a]!, labels[b]!) || a - b);
    this.ranks = new Int32Array(labels.length);
    for (let position = 0; position < order.length; position++) {
      this.ranks[order[position]!] = position;
    }
    return this.ranks;
  }

  private add(label: KeyLabel): number {
    this.labels.push({ ...label, name: printable(label.name) });
    return this.labels.length - 1;
  }
}

/** By name, then by what does not depend on which of them was seen first: views must not. */
const compareLabels = (a: KeyLabel, b: KeyLabel): number =>
  compareTexts(a.name, b.name) || compareTexts(a.image, b.image) || compareTexts(a.kind, b.kind);

/** By code units: fast, and the same everywhere. */
const compareTexts = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function grown(column: Int32Array<ArrayBuffer>, needed: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(Math.max(needed, column.length * 2));
  larger.set(column);
  return larger;
}

import { type Selection, WALL_CLOCK } from './call-tree-selection.ts';
import { FRAME_KINDS, type SessionTables } from './session-tables.ts';

/** Rows looked at together: what is kept of them stays in the processor's nearest cache. */
const BLOCK = 4096;
const WAKER = FRAME_KINDS.indexOf('waker');

/** Kinds of sources that measure what a thread did; together they are the wall clock. */
export const WALL_CLOCK_KINDS = ['on-cpu', 'off-cpu', 'run-queue'] as const;

/**
 * Which samples a selection keeps, what they weigh and where they end. THE place that knows: every model
 * that walks samples asks it, so that all views speak about the same samples.
 *
 *     for (const rows of filter.kept()) {
 *       for (let k = 0; k < rows.length; k++) use(filter.stackOf(rows[k]!), filter.weightOf(rows[k]!));
 *     }
 */
export class SampleFilter {
  private readonly length: number;
  private readonly time: Float64Array;
  private readonly thread: Int32Array;
  private readonly source: Uint8Array;
  private readonly series: Int32Array;
  private readonly value: Float64Array;
  private readonly stack: Int32Array;
  private readonly weight: Float64Array;
  private readonly from: number;
  private readonly to: number;
  private readonly least: number;
  private readonly end: number;
  /** 1 for every thread row whose samples are kept. */
  private readonly keptThread: Uint8Array;
  /** By source row, what a unit of weight counts; 0: the source's samples are left out. */
  private readonly scale: Float64Array;
  /** 1 for every series row kept; null: all. */
  private readonly keptSeries: Uint8Array | null;
  private readonly anyValue: boolean;
  /** Only time and thread can leave a sample out: sessions of one source, and no call selected. */
  private readonly isPlain: boolean;
  /** Nothing can. */
  private readonly isWhole: boolean;
  /** Whether weights need `scale`. */
  private readonly isScaled: boolean;
  /** Stack row → the row where it is cut; null: nothing is cut. */
  private readonly cut: Int32Array | null;

  constructor(tables: SessionTables, selection: Selection) {
    const { samples } = tables;
    this.length = samples.length;
    this.time = samples.time;
    this.thread = samples.thread;
    this.source = samples.source;
    this.series = samples.series;
    this.value = samples.value;
    this.stack = samples.stack;
    this.weight = samples.weight;
    this.from = selection.timeRange?.from ?? Number.NEGATIVE_INFINITY;
    this.to = selection.timeRange?.to ?? Number.POSITIVE_INFINITY;
    this.anyValue = selection.values === null;
    this.least = selection.values?.from ?? 0;
    this.end = selection.values?.to ?? Number.POSITIVE_INFINITY;
    this.keptThread = selectedThreads(tables, selection);
    this.scale = sourceScales(tables, selection);
    this.keptSeries = marked(tables.series.length, selection.series);
    this.isScaled = selection.source === WALL_CLOCK;
    const isOneSource = tables.sources.length === 1 && selection.source === 0;
    this.isPlain = isOneSource && this.anyValue && this.keptSeries === null;
    const { timeRange, processes, threads } = selection;
    this.isWhole = this.isPlain && timeRange === null && processes === null && threads === null;
    this.cut = selection.wakers && !selection.inverted ? null : cutAtWakers(tables);
  }

  /** The rows of SampleTable that the selection holds, in order, block by block; each is gone at the next. */
  *kept(): Generator<Int32Array> {
    const room = new Int32Array(BLOCK);
    for (let from = 0; from < this.length; from += BLOCK) {
      const count = this.fill(room, from, Math.min(this.length, from + BLOCK));
      yield count === BLOCK ? room : room.subarray(0, count);
    }
  }

  /** Writes the rows kept of [first, end) to `rows`; returns how many. */
  private fill(rows: Int32Array, first: number, end: number): number {
    const { time, thread, keptThread, from, to, isPlain } = this;
    let count = 0;
    if (this.isWhole) {
      for (let sample = first; sample < end; sample++) rows[count++] = sample;
      return count;
    }
    for (let sample = first; sample < end; sample++) {
      const at = time[sample]!;
      if (at < from || at >= to || keptThread[thread[sample]!] !== 1) continue;
      if (isPlain || this.keepsCall(sample)) rows[count++] = sample;
    }
    return count;
  }

  private keepsCall(sample: number): boolean {
    const isOfSource = this.scale[this.source[sample]!]! > 0;
    return isOfSource && this.isInValues(sample) && this.isInSeries(sample);
  }

  /** For models that leave a part of the selection out: whether source and thread are kept. */
  isOfSource(sample: number): boolean {
    return this.keptThread[this.thread[sample]!] === 1 && this.scale[this.source[sample]!]! > 0;
  }

  isInTime(sample: number): boolean {
    const at = this.time[sample]!;
    return at >= this.from && at < this.to;
  }

  isInValues(sample: number): boolean {
    const value = this.value[sample]!;
    return this.anyValue || (value >= this.least && value < this.end);
  }

  isInSeries(sample: number): boolean {
    return this.keptSeries === null || this.keptSeries[this.series[sample]!] === 1;
  }

  /** In the source's unit; of the wall clock ns. */
  weightOf(sample: number): number {
    const weight = this.weight[sample]!;
    return this.isScaled ? weight * this.scale[this.source[sample]!]! : weight;
  }

  /** Row of StackTable; -1: no stack. */
  stackOf(sample: number): number {
    const leaf = this.stack[sample]!;
    return this.cut === null || leaf < 0 ? leaf : this.cut[leaf]!;
  }
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

/** By source row, what a unit of weight counts in the selection; 0: nothing. */
function sourceScales({ sources }: SessionTables, selection: Selection): Float64Array {
  const scales = new Float64Array(sources.length);
  if (selection.source !== WALL_CLOCK) {
    // An empty file has no source yet, and a file may name one that it does not have.
    if (selection.source < scales.length) scales[selection.source] = 1;
    return scales;
  }
  for (let row = 0; row < sources.length; row++) {
    if (!(WALL_CLOCK_KINDS as readonly string[]).includes(sources.kind[row] ?? '')) continue;
    scales[row] = sources.unit[row] === 'nanoseconds' ? 1 : selection.sampleNs;
  }
  return scales;
}

/** 1 for the rows listed; null: no list, all. */
function marked(length: number, rows: readonly number[] | null): Uint8Array | null {
  if (rows === null) return null;
  const marks = new Uint8Array(length);
  for (const row of rows) if (row >= 0) marks[row] = 1;
  return marks;
}

/** Stack row → the last row below a waker's mark, itself where there is none; null: no mark anywhere. */
function cutAtWakers({ stacks, frames }: SessionTables): Int32Array | null {
  if (!frames.kind.subarray(0, frames.length).includes(WAKER)) return null;
  const cut = new Int32Array(stacks.length);
  for (let row = 0; row < stacks.length; row++) {
    const parent = stacks.parent[row]!;
    const isCut = frames.kind[stacks.frame[row]!] === WAKER;
    if (isCut) cut[row] = parent < 0 ? -1 : cut[parent]!;
    else cut[row] = parent >= 0 && cut[parent] !== parent ? cut[parent]! : row;
  }
  return cut;
}

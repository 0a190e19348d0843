import { invariant } from '#shared/invariant.ts';

import type {
  FunctionRow,
  SampleColumns,
  SessionBatch,
  SymbolColumns,
} from '../store/session-batch.ts';
import { Float64Column, Int32Column } from './columns.ts';

/** One sample with everything resolved to rows. */
export interface ResolvedSample {
  /** ns since session start. */
  timeNs: number;
  /** Row in the thread table. */
  thread: number;
  /** Row in the stack table; -1 no stack. */
  stack: number;
  cpu: number;
  /** In the source's weight unit. */
  weight: number;
  /** Row of the series; -1: none. */
  series: number;
  /** What was measured, whole; 0: nothing. */
  value: number;
  /** Traces: the event's fields as JSON text; null: no trace. */
  fields: string | null;
}

/** Symbols found since the last batch. */
export interface FoundSymbols {
  readonly functions: readonly FunctionRow[];
  readonly sourceFiles: readonly string[];
  readonly symbols: SymbolColumns;
  /** As SessionBatch.imageProblems. */
  readonly imageProblems: ReadonlyMap<number, string>;
}

/** Collects one source's samples between two commits, column by column. */
export class SampleBuffer {
  readonly #source: number;
  #time = new Float64Column();
  #thread = new Int32Column();
  #stack = new Int32Column();
  #cpu = new Int32Column();
  #weight = new Float64Column();
  #series = new Int32Column();
  #value = new Float64Column();
  #fields: string[] = [];

  /** `source`: row of the source. */
  constructor(source: number) {
    this.#source = source;
  }

  get length(): number {
    return this.#time.length;
  }

  add(sample: Readonly<ResolvedSample>): void {
    this.#time.push(sample.timeNs);
    this.#thread.push(sample.thread);
    this.#stack.push(sample.stack);
    this.#cpu.push(sample.cpu);
    this.#weight.push(sample.weight);
    this.#series.push(sample.series);
    this.#value.push(sample.value);
    if (sample.fields !== null) this.#fields.push(sample.fields);
  }

  /** The samples so far, as copies: the buffer starts again from empty. */
  take(): SampleColumns {
    const columns: SampleColumns = {
      length: this.length,
      source: this.#source,
      time: this.#time.since(0),
      thread: this.#thread.since(0),
      stack: this.#stack.since(0),
      cpu: Uint16Array.from(this.#cpu.since(0)),
      weight: this.#weight.since(0),
      series: noneIs(this.#series.since(0), -1),
      value: noneIs(this.#value.since(0), 0),
      fields: this.#fields.length === 0 ? null : this.#fields,
    };
    const { length } = this;
    invariant(
      columns.fields === null || columns.fields.length === length,
      'only some events of a trace have fields',
    );
    this.#fields = [];
    for (const column of [
      ...[this.#time, this.#thread, this.#stack, this.#cpu],
      ...[this.#weight, this.#series, this.#value],
    ]) {
      column.length = 0;
    }
    return columns;
  }
}

/** null if every row is the value that stands for "none". */
const noneIs = <T extends Int32Array | Float64Array>(column: T, none: number): T | null =>
  column.every((value: number) => value === none) ? null : column;

/** Whether a batch would change anything; an empty one needs no transaction. */
export function isEmptyBatch(batch: SessionBatch): boolean {
  const { samples, frames, stacks, symbols, loss, cost } = batch;
  const lists = [
    batch.images,
    batch.processes,
    batch.threads,
    batch.mappings,
    batch.functions,
    batch.processUpdates,
    batch.threadUpdates,
    frames.image,
    stacks.frame,
    symbols.frame,
    batch.sources,
    batch.series,
    batch.latencies,
    samples,
  ];
  const isQuiet = loss.size === 0 && cost === null && batch.imageProblems.size === 0;
  return isQuiet && lists.every((list) => list.length === 0);
}

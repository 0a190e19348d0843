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
}

/** Symbols found since the last batch. */
export interface FoundSymbols {
  readonly functions: readonly FunctionRow[];
  readonly sourceFiles: readonly string[];
  readonly symbols: SymbolColumns;
  /** As SessionBatch.imageProblems. */
  readonly imageProblems: ReadonlyMap<number, string>;
}

/** Collects samples between two commits, column by column, and cuts them off as a batch. */
export class SampleBuffer {
  readonly #source: string;
  #time = new Float64Column();
  #thread = new Int32Column();
  #stack = new Int32Column();
  #cpu = new Int32Column();
  #weight = new Float64Column();

  constructor(source: string) {
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
    };
    for (const column of [this.#time, this.#thread, this.#stack, this.#cpu, this.#weight]) {
      column.length = 0;
    }
    return columns;
  }
}

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
  ];
  const isQuiet =
    samples.length === 0 && loss.size === 0 && cost === null && batch.imageProblems.size === 0;
  return isQuiet && lists.every((list) => list.length === 0);
}

import type { SeriesRow } from '../store/session-batch.ts';
import type { SeriesKey, SeriesLabel } from './capture-source.ts';

/** Names a key of a source; an empty name: not known yet. */
export type SeriesNamer = (source: number, key: SeriesKey) => SeriesLabel;

/** What sources tell apart, each (source, key, process) once; ids dense from 0. */
export class SeriesInterner {
  readonly #nameOf: SeriesNamer;
  readonly #rows: SeriesRow[] = [];
  readonly #ids = new Map<string, number>();
  #taken = 0;

  constructor(nameOf: SeriesNamer) {
    this.#nameOf = nameOf;
  }

  /** `process`: row; -1: not told apart by process. */
  intern(source: number, key: SeriesKey, process: number): number {
    const text = `${source}:${key.high}:${key.low}:${process}`;
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const row = this.#rows.length;
    this.#ids.set(text, row);
    this.#rows.push({ source, process, ...this.#nameOf(source, key) });
    return row;
  }

  /** Rows made since the last call, in id order. */
  takeNew(): readonly SeriesRow[] {
    const fresh = this.#rows.slice(this.#taken);
    this.#taken = this.#rows.length;
    return fresh;
  }
}

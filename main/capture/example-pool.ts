import type { HistogramCell } from './histogram-cells.ts';

/** Where an example belongs: a cell of a histogram. `slice` 16 bits. */
export interface ExamplePlace {
  readonly source: number;
  readonly keyLow: number;
  readonly keyHigh: number;
  readonly pid: number;
  readonly bucket: number;
  readonly slice: number;
}

/** Slices an example waits for its histogram before it is given up as one call. */
const MAX_SLICES = 8;

const placeText = (place: ExamplePlace): string =>
  [place.source, place.keyHigh, place.keyLow, place.pid, place.bucket].join(':');

/**
 * The examples of histograms whose slice is not over. The kernel draws them by reservoir sampling and
 * sends each as it is drawn: a later one of the same slot replaces the earlier. Once the slice's counts
 * are here, each example stands for its share of the cell's calls.
 */
export class ExamplePool<T> {
  /** 16 bits of the slice → place → slot → example. */
  readonly #slices = new Map<number, Map<string, Map<number, T>>>();

  add(place: ExamplePlace, slot: number, example: T): void {
    let places = this.#slices.get(place.slice);
    if (places === undefined)
      this.#slices.set(place.slice, (places = new Map<string, Map<number, T>>()));
    const text = placeText(place);
    const slots = places.get(text);
    if (slots === undefined) places.set(text, new Map([[slot, example]]));
    else slots.set(slot, example);
  }

  /** The examples of a cell, which are no longer held; each stands for `calls` calls. */
  take(cell: HistogramCell): { readonly examples: readonly T[]; readonly calls: number } {
    const slice = cell.slice & 0xffff;
    const places = this.#slices.get(slice);
    const text = placeText({ ...cell, slice });
    const slots = places?.get(text);
    if (places === undefined || slots === undefined) return { examples: [], calls: 0 };
    places.delete(text);
    if (places.size === 0) this.#slices.delete(slice);
    return { examples: [...slots.values()], calls: cell.count / slots.size };
  }

  /** Examples whose histogram never came; `all`: none will. */
  takeOverdue(all: boolean): readonly T[] {
    const keep = all ? 0 : MAX_SLICES;
    const overdue: T[] = [];
    for (const [slice, places] of this.#slices) {
      if (this.#slices.size <= keep) break;
      for (const slots of places.values()) overdue.push(...slots.values());
      this.#slices.delete(slice);
    }
    return overdue;
  }
}

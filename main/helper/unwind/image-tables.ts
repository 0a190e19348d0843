import type { UnwindTableCache } from '../../unwind/table-cache.ts';
import { type CodeSegment, loadImage } from './image-loader.ts';
import type { CodeMapping } from './process-code.ts';
import type { RowStore, StoredTable } from './row-store.ts';

/** pending: waits to be read. none: has no unwind information. refused: no room in the budget. */
type State = 'pending' | 'loaded' | 'none' | 'refused';

/** An image that processes have mapped. */
export interface Image {
  readonly key: string;
  state: State;
  stored: StoredTable | null;
  /** ELF virtual address that the table's pages count from. */
  base: number;
  segments: readonly CodeSegment[];
  /** Slots of unwind_mappings that lead here. */
  readonly slots: Map<number, CodeMapping>;
  /** When a slot last led here, ms of performance.now(). */
  usedMs: number;
  /** A process to read the file through; -1: nobody asked yet. */
  pid: number;
}

/** The tables of all images, loaded in the order in which they are asked for, within the budget. */
export class ImageTables {
  readonly #store: RowStore;
  readonly #cache: UnwindTableCache | null;
  readonly #images = new Map<string, Image>();
  readonly #queue: Image[] = [];

  constructor(store: RowStore, cache: UnwindTableCache | null) {
    this.#store = store;
    this.#cache = cache;
  }

  /** Images that wait for their table. */
  get pending(): number {
    return this.#queue.length;
  }

  count(state: State): number {
    let count = 0;
    for (const image of this.#images.values()) if (image.state === state) count++;
    return count;
  }

  /** The image behind a mapping of a process; puts it in line if it is new, or was refused before. */
  imageOf(pid: number, mapping: CodeMapping): Image {
    const key = `${mapping.inode} ${mapping.path}`;
    let image = this.#images.get(key);
    if (image === undefined) {
      const slots = new Map<number, CodeMapping>();
      image = { key, state: 'pending', stored: null, base: 0, segments: [], slots, usedMs: 0, pid };
      this.#images.set(key, image);
      this.#queue.push(image);
    } else if (image.state === 'refused') {
      image.state = 'pending';
      this.#queue.push(image);
    }
    image.pid = pid;
    image.usedMs = performance.now();
    return image;
  }

  /** Loads the next image in line; null: nobody waits. It takes some ms per MB of code not seen before. */
  loadNext(): Image | null {
    const image = this.#queue.shift();
    if (image === undefined) return null;
    const [mapping] = image.slots.values();
    const loaded = mapping === undefined ? null : loadImage(image.pid, mapping, this.#cache);
    if (mapping === undefined) {
      // All who had it mapped are gone.
      this.#images.delete(image.key);
      return image;
    }
    if (loaded === null) {
      image.state = 'none';
      return image;
    }
    image.base = loaded.table.base;
    image.segments = loaded.segments;
    do image.stored = this.#store.add(loaded.table);
    while (image.stored === null && this.#evictOldest());
    image.state = image.stored === null ? 'refused' : 'loaded';
    return image;
  }

  /** Makes room: drops the table that has been without a user for longest. False: all are in use. */
  #evictOldest(): boolean {
    let oldest: Image | null = null;
    for (const image of this.#images.values()) {
      if (image.stored === null || image.slots.size > 0) continue;
      if (oldest === null || image.usedMs < oldest.usedMs) oldest = image;
    }
    if (oldest?.stored == null) return false;
    this.#store.remove(oldest.stored);
    this.#images.delete(oldest.key);
    return true;
  }
}

import { err, type Result } from '#shared/result.ts';
import {
  type CodeSegment,
  type ImageLack,
  type LoadedImage,
  loadImage,
  type TableCache,
} from './image-loader.ts';
import type { CodeMapping } from './process-code.ts';
import type { RowStore, StoredTable } from './row-store.ts';

/**
 * pending: waits to be read. none: has no unwind information. unreadable: through no process that had
 * it mapped so far. refused: no room in the budget.
 */
type State = 'pending' | 'loaded' | 'none' | 'unreadable' | 'refused';

/** Processes remembered to read a file through: the latest may have ended when its turn comes. */
const MAX_READERS = 16;

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
  /** Processes to read the file through, the latest last. */
  readonly readers: Set<number>;
}

/** The tables of all images, loaded in the order in which they are asked for, within the budget. */
export class ImageTables {
  readonly #store: RowStore;
  readonly #cache: TableCache | null;
  readonly #images = new Map<string, Image>();
  readonly #queue: Image[] = [];

  constructor(store: RowStore, cache: TableCache | null) {
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

  /** The image behind a mapping of a process; puts it in line if it is new, or did not work out before. */
  imageOf(pid: number, mapping: CodeMapping): Image {
    const key = `${mapping.inode} ${mapping.path}`;
    let image = this.#images.get(key);
    if (image === undefined) {
      const slots = new Map<number, CodeMapping>();
      const readers = new Set<number>();
      image = {
        ...{ key, state: 'pending', stored: null, base: 0, segments: [], slots, usedMs: 0 },
        readers,
      };
      this.#images.set(key, image);
      this.#queue.push(image);
    } else if (image.state === 'refused' || image.state === 'unreadable') {
      image.state = 'pending';
      this.#queue.push(image);
    }
    image.readers.delete(pid);
    image.readers.add(pid);
    if (image.readers.size > MAX_READERS) {
      for (const oldest of image.readers) {
        image.readers.delete(oldest);
        break;
      }
    }
    image.usedMs = performance.now();
    return image;
  }

  /** Loads the next image in line; null: nobody waits. It takes some ms per MB of code not seen before. */
  loadNext(): Image | null {
    const image = this.#queue.shift();
    if (image === undefined) return null;
    const [mapping] = image.slots.values();
    if (mapping === undefined) {
      // All who had it mapped are gone.
      this.#images.delete(image.key);
      return image;
    }
    const loaded = this.#load(image, mapping);
    if (!loaded.ok) {
      image.state = loaded.error === 'no-table' ? 'none' : 'unreadable';
      return image;
    }
    image.base = loaded.value.table.base;
    image.segments = loaded.value.segments;
    do image.stored = this.#store.add(loaded.value.table);
    while (image.stored === null && this.#evictOldest());
    image.state = image.stored === null ? 'refused' : 'loaded';
    return image;
  }

  /** Through whoever still lives, the latest first. */
  #load(image: Image, mapping: CodeMapping): Result<LoadedImage, ImageLack> {
    let loaded: Result<LoadedImage, ImageLack> = err('unreadable');
    for (const pid of [...image.readers].reverse()) {
      loaded = loadImage(pid, mapping, this.#cache);
      if (loaded.ok || loaded.error === 'no-table') break;
    }
    return loaded;
  }

  /** Makes room: drops the table that has been without a user for longest. False: all are in use. */
  #evictOldest(): boolean {
    let oldest: { readonly image: Image; readonly stored: StoredTable } | null = null;
    for (const image of this.#images.values()) {
      const { stored, slots, usedMs } = image;
      if (stored === null || slots.size > 0) continue;
      if (oldest === null || usedMs < oldest.image.usedMs) oldest = { image, stored };
    }
    if (oldest === null) return false;
    this.#store.remove(oldest.stored);
    this.#images.delete(oldest.image.key);
    return true;
  }
}

import { AddressMap } from './address-map.ts';

/**
 * One executable mapping of a process. User addresses lie below 2^53 (57 bits of them exist only
 * with five-level paging and are never handed out unasked), so numbers hold them exactly.
 */
export interface Mapping {
  /** First address; half-open range [start, end). */
  readonly start: number;
  readonly end: number;
  /** Offset of `start` in the file, bytes. */
  readonly fileOffset: number;
  /** When it appeared, ns since session start; 0: it was there at the start. */
  readonly fromNs: number;
  /** As the kernel says it, see ProcessFact. */
  readonly path: string;
  readonly buildId: string;
  readonly inode: string;
}

/**
 * What a process has mapped, from one exec to the next. Forked children share the list until one
 * of the two changes it.
 */
export class AddressSpace {
  /** Sorted by start, without overlap. Replaced, never changed in place: children may share it. */
  #mappings: readonly Mapping[] = [];
  /** Address → frame row, for addresses inside a mapping; emptied when a mapping is replaced. */
  readonly frames = new AddressMap();
  /** Mappings that samples fell into: those become rows, the others tell nothing. */
  readonly #used = new Set<Mapping>();

  /** What a child starts with. */
  fork(): AddressSpace {
    const child = new AddressSpace();
    child.#mappings = this.#mappings;
    return child;
  }

  get mappings(): readonly Mapping[] {
    return this.#mappings;
  }

  /** Adds a mapping; what it covers of older ones is gone, as mmap(2) does with MAP_FIXED. */
  add(mapping: Mapping): void {
    if (mapping.start >= mapping.end) return;
    const first = this.#firstEndingAfter(mapping.start);
    let last = first;
    while (last < this.#mappings.length && this.#mappings[last]!.start < mapping.end) last++;
    const replaced = this.#mappings.slice(first, last);
    if (replaced.length === 1 && isSame(replaced[0]!, mapping)) return;
    if (replaced.length > 0) this.frames.clear();
    const remains = replaced.flatMap((old) => outside(old, mapping));
    const before = remains.filter((old) => old.end <= mapping.start);
    const after = remains.filter((old) => old.start >= mapping.end);
    this.#mappings = this.#mappings
      .slice(0, first)
      .concat(before, mapping, after, this.#mappings.slice(last));
  }

  /** The mapping that holds `address`, or null. */
  find(address: number): Mapping | null {
    const candidate = this.#mappings[this.#firstEndingAfter(address)];
    return candidate !== undefined && candidate.start <= address ? candidate : null;
  }

  /** True the first time it is asked about a mapping. */
  markUsed(mapping: Mapping): boolean {
    if (this.#used.has(mapping)) return false;
    this.#used.add(mapping);
    return true;
  }

  #firstEndingAfter(address: number): number {
    let low = 0;
    let high = this.#mappings.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#mappings[middle]!.end > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

const isSame = (a: Mapping, b: Mapping): boolean =>
  a.start === b.start &&
  a.end === b.end &&
  a.fileOffset === b.fileOffset &&
  a.path === b.path &&
  (a.buildId === b.buildId || a.inode === b.inode);

/** The parts of `old` that `newer` leaves: none, one or both ends. */
function outside(old: Mapping, newer: Mapping): Mapping[] {
  const parts: Mapping[] = [];
  if (old.start < newer.start) parts.push({ ...old, end: newer.start });
  if (old.end > newer.end) {
    const fileOffset = old.fileOffset + (newer.end - old.start);
    parts.push({ ...old, start: newer.end, fileOffset });
  }
  return parts;
}

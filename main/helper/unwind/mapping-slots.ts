import { type MappedMemory, memoryFence } from '../../bpf/mapped-memory.ts';
import { MAPPING_KINDS, UNWIND_LIMITS, UNWIND_MAPPING } from '../../capture/wire/records.ts';
import { vaddrOfMapping } from './image-loader.ts';
import type { Image, ImageTables } from './image-tables.ts';
import { IntervalAllocator } from './interval-allocator.ts';
import type { CodeMapping } from './process-code.ts';

const { fields, size } = UNWIND_MAPPING;

/** A process's mappings in the kernel's map, or those of several that were forked from one. */
export interface Slice {
  readonly first: number;
  readonly count: number;
  /** What it was made of, to tell whether a process has changed. */
  readonly signature: string;
  /** By slot less `first`; null: not of a file. */
  readonly images: readonly (Image | null)[];
}

export const signatureOf = (mappings: readonly CodeMapping[]): string =>
  mappings.map(({ start, end, inode, kind }) => `${start}-${end} ${inode} ${kind}`).join('\n');

/** The map unwind_mappings. */
export class MappingSlots {
  readonly #memory: MappedMemory;
  readonly #images: ImageTables;
  readonly #trampolineRule: number;
  readonly #slots = new IntervalAllocator(UNWIND_LIMITS.mappings);

  constructor(memory: MappedMemory, images: ImageTables, trampolineRule: number) {
    this.#memory = memory;
    this.#images = images;
    this.#trampolineRule = trampolineRule;
  }

  /** Writes a process's mappings to a slice of their own; null: the map is full. */
  write(pid: number, mappings: readonly CodeMapping[]): Slice | null {
    const first = this.#slots.allocate(mappings.length);
    if (first < 0) return null;
    const bytes = new Uint8Array(mappings.length * size);
    const images = mappings.map((mapping, index) => {
      const image = mapping.kind === 'image' ? this.#images.imageOf(pid, mapping) : null;
      image?.slots.set(first + index, mapping);
      bytes.set(this.#encode(mapping, image), index * size);
      return image;
    });
    this.#memory.write(bytes, first * size);
    memoryFence();
    return { first, count: mappings.length, signature: signatureOf(mappings), images };
  }

  /** Lets walks use an image that was loaded after its slots were written. */
  complete(image: Image): void {
    for (const [slot, mapping] of image.slots) {
      const bytes = this.#encode(mapping, image);
      const at = slot * size;
      // The kind last: until then a walk takes the mapping for one without a table.
      this.#memory.write(bytes.subarray(0, fields.kind), at);
      memoryFence();
      this.#memory.write(bytes.subarray(fields.kind), at + fields.kind);
    }
  }

  /** Gives a slice back. No process may have it, nor have had it a moment ago. */
  release({ first, count, images }: Slice): void {
    images.forEach((image, index) => image?.slots.delete(first + index));
    this.#slots.release(first, count);
  }

  /** struct unwind_mapping. */
  #encode(mapping: CodeMapping, image: Image | null): Uint8Array {
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    const start = BigInt(`0x${mapping.start}`);
    view.setBigUint64(fields.start, start, true);
    view.setBigUint64(fields.end, BigInt(`0x${mapping.end}`), true);
    view.setUint32(fields.kind, this.#kindOf(mapping, image), true);
    view.setUint32(fields.rule, this.#trampolineRule, true);
    if (image === null || image.stored === null) return bytes;
    const vaddr = vaddrOfMapping(image.segments, mapping.fileOffset);
    if (vaddr === null) return bytes;
    view.setBigUint64(fields.bias, BigInt.asUintN(64, start - BigInt(vaddr - image.base)), true);
    view.setUint32(fields.first_page, image.stored.firstPage, true);
    view.setUint32(fields.pages, image.stored.pages, true);
    return bytes;
  }

  #kindOf(mapping: CodeMapping, image: Image | null): number {
    if (mapping.kind === 'trampoline') return MAPPING_KINDS.rule;
    if (image === null) return MAPPING_KINDS.jit;
    if (image.state === 'none') return MAPPING_KINDS.bare;
    if (image.state !== 'loaded') return MAPPING_KINDS.pending;
    const isCode = vaddrOfMapping(image.segments, mapping.fileOffset) !== null;
    return isCode ? MAPPING_KINDS.table : MAPPING_KINDS.jit;
  }
}

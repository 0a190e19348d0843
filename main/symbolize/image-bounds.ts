import { offsetName } from '#shared/text/frame-name.ts';
import { type ElfFile, type ElfSegment, segmentAtOffset } from '../elf/elf-file.ts';
import { readVdso } from '../elf/vdso.ts';
import { FunctionBounds } from '../unwind/function-bounds.ts';
import { type ImageRef, openImage } from './image-files.ts';

/**
 * Stands in for the symbols that an image lacks: code is told apart by the function it lies in, named by
 * where that begins ("libfoo.so+0x1230"). Its raw name is empty, by which others know that it is no name.
 */
export class ImageBounds {
  private readonly bounds: FunctionBounds;
  private readonly segments: readonly ElfSegment[];
  private readonly path: string;

  private constructor(bounds: FunctionBounds, elf: ElfFile, path: string) {
    this.bounds = bounds;
    this.segments = elf.segments;
    this.path = path;
  }

  /** null: the image is not here, or says nothing about its functions. Keeps no file open. */
  static open(image: ImageRef): ImageBounds | null {
    const { path } = image;
    if (image.kind === 'vdso') return ImageBounds.of(readVdso(), path);
    const opened = openImage(image);
    if (!opened.ok) return null;
    try {
      return ImageBounds.of(opened.value.elf, path);
    } finally {
      opened.value.source[Symbol.dispose]();
    }
  }

  private static of(elf: ElfFile | null, path: string): ImageBounds | null {
    const bounds = elf === null ? null : FunctionBounds.of(elf);
    return elf === null || bounds === null ? null : new ImageBounds(bounds, elf, path);
  }

  /** Memory kept, bytes. */
  get bytes(): number {
    return this.bounds.bytes;
  }

  /** The function that an offset in the file lies in; null: none is known there. */
  at(offset: number): { rawName: ''; name: string; startOffset: number } | null {
    const segment = segmentAtOffset(this.segments, offset);
    if (segment === null) return null;
    const toOffset = segment.offset - segment.vaddr;
    const start = this.bounds.startOf(offset - toOffset);
    if (start < 0) return null;
    const startOffset = start + toOffset;
    return { rawName: '', name: offsetName(this.path, startOffset), startOffset };
  }
}

import { type DebugFile, findDebugFile } from './debug-files.ts';
import { DebugInfo, type DebugPlace, hasDebugInfo } from './dwarf/debug-info.ts';
import { type ImageRef, openImage } from './image-files.ts';
import { wantedFor } from './image-symbols.ts';
import { RelatedImages } from './related-images.ts';
import type { UnpackAhead } from './unpack-ahead.ts';

/**
 * Source lines and inlined calls of one image, from itself or its separate debug file. The file stays
 * open until it is disposed: units are read as their addresses are asked for, and by then the process
 * that led to the file may have ended.
 */
export class ImageLines implements Disposable {
  private readonly info: DebugInfo;
  private readonly file: DebugFile;
  private readonly related: RelatedImages;

  private constructor(info: DebugInfo, file: DebugFile, related: RelatedImages) {
    this.info = info;
    this.file = file;
    this.related = related;
  }

  /**
   * null: neither the image nor a debug file that is here has debug information. later: there is some, and
   * `ahead` has begun to unpack it.
   */
  static open(image: ImageRef, ahead: UnpackAhead | null = null): ImageLines | 'later' | null {
    const file = ImageLines.find(image);
    const unpacked = file === null ? null : ahead?.take(file.path, file);
    if (file === null) return null;
    return unpacked === null ? 'later' : ImageLines.of(file, image, unpacked);
  }

  /** The file with the debug information, open. */
  private static find(image: ImageRef): DebugFile | null {
    const opened = openImage(image);
    if (!opened.ok) {
      const { buildId } = image;
      const wanted = { ...wantedFor(image), buildId, elf: null };
      const debug = buildId === '' ? null : findDebugFile(wanted);
      return debug;
    }
    const { elf, source } = opened.value;
    if (hasDebugInfo(elf)) return opened.value;
    const buildId = opened.value.buildId === '' ? image.buildId : opened.value.buildId;
    const debug = findDebugFile({ ...wantedFor(image), buildId, elf });
    source[Symbol.dispose]();
    return debug;
  }

  /** Takes the file: it is closed at once if it has no debug information. */
  private static of(
    file: DebugFile,
    image: ImageRef,
    ahead: ReadonlyMap<string, Buffer> | undefined,
  ): ImageLines | null {
    const related = new RelatedImages(file, wantedFor(image).roots);
    const info = DebugInfo.open(file.elf, { related, ...(ahead && { ahead }) });
    if (info !== null) return new ImageLines(info, file, related);
    file.source[Symbol.dispose]();
    return null;
  }

  /** Memory kept, bytes. */
  get keptBytes(): number {
    return this.info.keptBytes;
  }

  /** Where the instruction at an ELF virtual address comes from; null: nothing is told. */
  locate(vaddr: number): DebugPlace | null {
    return this.info.locate(vaddr);
  }

  [Symbol.dispose](): void {
    this.related[Symbol.dispose]();
    this.file.source[Symbol.dispose]();
  }
}

import { type DebugFile, findDebugFile } from './debug-files.ts';
import { DebugInfo, type DebugPlace, hasDebugInfo } from './dwarf/debug-info.ts';
import { type ImageRef, openImage } from './image-files.ts';
import { wantedFor } from './image-symbols.ts';
import { RelatedImages } from './related-images.ts';

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

  /** null: neither the image nor a debug file that is here has debug information. */
  static open(image: ImageRef): ImageLines | null {
    const opened = openImage(image);
    if (!opened.ok) {
      const { buildId } = image;
      const wanted = { ...wantedFor(image), buildId, elf: null };
      const debug = buildId === '' ? null : findDebugFile(wanted);
      return debug === null ? null : ImageLines.of(debug, image);
    }
    const { elf, source } = opened.value;
    if (hasDebugInfo(elf)) return ImageLines.of(opened.value, image);
    const buildId = opened.value.buildId === '' ? image.buildId : opened.value.buildId;
    const debug = findDebugFile({ ...wantedFor(image), buildId, elf });
    source[Symbol.dispose]();
    return debug === null ? null : ImageLines.of(debug, image);
  }

  /** Takes the file: it is closed at once if it has no debug information. */
  private static of(file: DebugFile, image: ImageRef): ImageLines | null {
    const related = new RelatedImages(file, wantedFor(image).roots);
    const info = DebugInfo.open(file.elf, { related });
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

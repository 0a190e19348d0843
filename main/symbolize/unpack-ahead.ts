import type { DebugFile } from './debug-files.ts';
import { packedDebugSections } from './dwarf/dwarf-file.ts';

/** Unpacked in one go this takes some 0.1 s, bytes: more is done beside. */
const LARGE_BYTES = 32 << 20;
const NOTHING: ReadonlyMap<string, Buffer> = new Map<string, Buffer>();

/**
 * Unpacks the large compressed debug sections of files on the runtime's own threads, for callers that must
 * not stand still for it: a recording has pipes to read meanwhile.
 */
export class UnpackAhead implements Disposable {
  /** By key: sections by name; null: under way. */
  private readonly files = new Map<string, ReadonlyMap<string, Buffer> | null>();
  private readonly largeBytes: number;

  constructor(largeBytes = LARGE_BYTES) {
    this.largeBytes = largeBytes;
  }

  /**
   * The large sections of a file, by name; null: they are being unpacked, ask again later. Then the file
   * is closed here when that is done. `key` stands for the file.
   */
  take(key: string, file: DebugFile): ReadonlyMap<string, Buffer> | null {
    const known = this.files.get(key);
    if (known === null) {
      file.source[Symbol.dispose]();
      return null;
    }
    if (known !== undefined) {
      this.files.delete(key);
      return known;
    }
    const large = packedDebugSections(file.elf).filter(({ bytes }) => bytes >= this.largeBytes);
    if (large.length === 0) return NOTHING;
    this.files.set(key, null);
    void this.unpack(key, file);
    return null;
  }

  [Symbol.dispose](): void {
    this.files.clear();
  }

  /** One section after the other: what is packed is read on this thread. */
  private async unpack(key: string, { elf, source }: DebugFile): Promise<void> {
    const done = new Map<string, Buffer>();
    try {
      for (const { section, bytes } of packedDebugSections(elf)) {
        if (bytes < this.largeBytes) continue;
        // What is damaged stays empty, as it would be otherwise.
        done.set(section.name, (await elf.unpackedLater(section)) ?? Buffer.alloc(0));
      }
    } finally {
      source[Symbol.dispose]();
      if (this.files.has(key)) this.files.set(key, done);
    }
  }
}

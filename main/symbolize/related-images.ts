import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { errnoOf, FileSource } from '../elf/byte-source.ts';
import { ElfFile } from '../elf/elf-file.ts';
import { altLinkOf, buildIdOf } from '../elf/elf-notes.ts';
import { DEBUG_FOLDER, type DebugFile } from './debug-files.ts';
import type { RelatedFiles } from './dwarf/related-files.ts';

/** Split files of one image open at a time; of further units the inlined calls stay unknown. */
const MAX_OPEN = 256;

/** The files that a debug file refers to. They stay open until it is disposed. */
export class RelatedImages implements RelatedFiles, Disposable {
  private readonly file: DebugFile;
  private readonly roots: readonly string[];
  private readonly open: FileSource[] = [];

  /** `roots`: folders that stand for "/", as in DebugWanted. */
  constructor(file: DebugFile, roots: readonly string[]) {
    this.file = file;
    this.roots = roots;
  }

  /** What dwz made of the common parts of several debug files: by its build id, else where it was put. */
  alt(): ElfFile | null {
    const link = altLinkOf(this.file.elf);
    if (link === null || link.buildId.length < 6) return null;
    const byId = `${DEBUG_FOLDER}/.build-id/${link.buildId.slice(0, 2)}/${link.buildId.slice(2)}.debug`;
    const named = isAbsolute(link.path)
      ? this.roots.map((root) => root + link.path)
      : [join(dirname(realPath(this.file.path)), link.path)];
    for (const path of [...this.roots.map((root) => root + byId), ...named]) {
      const elf = this.openElf(path, (found) => buildIdOf(found) === link.buildId);
      if (elf !== null) return elf;
    }
    return null;
  }

  split(folder: string, name: string): ElfFile | null {
    const path = isAbsolute(name) ? name : join(folder, name);
    if (!isAbsolute(path)) return null;
    for (const root of this.roots) {
      const elf = this.openElf(root + path, () => true);
      if (elf !== null) return elf;
    }
    return null;
  }

  [Symbol.dispose](): void {
    for (const source of this.open) source[Symbol.dispose]();
    this.open.length = 0;
  }

  private openElf(path: string, fits: (elf: ElfFile) => boolean): ElfFile | null {
    if (this.open.length >= MAX_OPEN) return null;
    const opened = FileSource.open(path);
    if (!opened.ok) return null;
    const elf = ElfFile.parse(opened.value);
    if (elf.ok && fits(elf.value)) {
      this.open.push(opened.value);
      return elf.value;
    }
    opened.value[Symbol.dispose]();
    return null;
  }
}

/** Debug files by build id are links to where they are. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return path;
  }
}

import type { ElfFile } from '../../elf/elf-file.ts';

/** Opens further files that debug information refers to; each stays open as long as the DebugInfo is used. */
export interface RelatedFiles {
  /** What .gnu_debugaltlink of the file names; null: none, or it is not here. */
  alt(): ElfFile | null;
  /** A .dwo file by its name in its working folder; null: it is not here. */
  split(folder: string, name: string): ElfFile | null;
}

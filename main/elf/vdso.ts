import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { bufferSource, errnoOf } from './byte-source.ts';
import { ElfFile } from './elf-file.ts';

/** The kernel maps a few pages. */
const MAX_VDSO_BYTES = 1 << 20;

/**
 * The kernel's [vdso] image, read from our own memory: all 64-bit processes of a machine share it, and
 * no file holds it. null: this process has none, or may not read itself.
 */
export function readVdso(): ElfFile | null {
  try {
    const line = /^([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]$/m.exec(
      readFileSync('/proc/self/maps', 'utf8'),
    );
    if (line === null) return null;
    // User addresses are below 2^47 (2^56 with 5-level paging, only on request): exact in a number.
    const start = Number.parseInt(line[1]!, 16);
    const size = Number.parseInt(line[2]!, 16) - start;
    if (size > MAX_VDSO_BYTES) return null;
    const bytes = Buffer.alloc(size);
    const memory = openSync('/proc/self/mem', 'r');
    try {
      if (readSync(memory, bytes, 0, size, start) !== size) return null;
    } finally {
      closeSync(memory);
    }
    const elf = ElfFile.parse(bufferSource(bytes));
    return elf.ok ? elf.value : null;
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
}

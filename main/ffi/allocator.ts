import { koffi } from './koffi.ts';

/** mallopt(3) of glibc. */
const M_TRIM_THRESHOLD = -1;
const M_MMAP_THRESHOLD = -3;
const TRIM_BYTES = 1 << 20;
const MMAP_BYTES = 128 << 10;

let isSet = false;

/**
 * Has the C library give large blocks back to the system when they are let go. Left alone, glibc raises its
 * limits to the largest block it ever saw, and symbol tables that were read once stay as holes in the
 * heap. For the whole process; other C libraries, which have no mallopt, need none.
 */
export function returnLargeBlocks(): void {
  if (isSet) return;
  isSet = true;
  try {
    const mallopt = koffi()
      .load('libc.so.6')
      .func('int mallopt(int option, int value)') as unknown as (
      option: number,
      value: number,
    ) => number;
    mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
    mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}

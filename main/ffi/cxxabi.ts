import { koffi } from './koffi.ts';

/** Turns an Itanium-mangled C++ name into a readable one; null: not such a name. */
export type CxxDemangle = (mangled: string) => string | null;

/** Part of GCC's runtime, present wherever a C++ program runs. */
const LIBRARY = 'libstdc++.so.6';

/** The ABI allows a null output buffer, length and status: the result is then a fresh malloc(). */
type CxaDemangle = (mangled: string, output: null, length: null, status: null) => string | null;

/**
 * Loads __cxa_demangle of libstdc++; null when the machine has no such library, and C++ names then
 * stay as they are. Loading happens here and not on import: an opened file needs no library.
 */
export function loadCxxDemangle(): CxxDemangle | null {
  try {
    const demangle = koffi()
      .load(LIBRARY)
      .func('__cxa_demangle', koffi().disposable('str'), [
        'str',
        'void *',
        'void *',
        'void *',
      ]) as unknown as CxaDemangle;
    return (mangled) => demangle(mangled, null, null, null);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

import { type CxxDemangle, loadCxxDemangle } from '../ffi/cxxabi.ts';
import { estimateCxxLength } from './cxx-name-growth.ts';
import { demangleD } from './demangle-d.ts';
import { demangleOcaml } from './demangle-ocaml.ts';
import { demangleRustLegacy } from './demangle-rust-legacy.ts';
import { demangleRustV0 } from './demangle-rust-v0.ts';

/** Longer names stay as they are; the longest of 250,000 we looked at has 604 bytes. */
const MAX_MANGLED = 1 << 15;
/** Largest result asked of libstdc++, bytes by estimateCxxLength(): real names reach 0.5 MiB of it. */
const MAX_ESTIMATE = 4 << 20;
/** Names remembered; the whole cache is dropped when it is full. */
const MAX_CACHED = 100_000;

/**
 * Readable names for mangled ones: C++ by libstdc++ (without it they stay raw), Rust, D and OCaml by our own
 * readers.
 * Everything else, and whatever cannot be read, is returned as it is.
 */
export class Demangler {
  private readonly cache = new Map<string, string>();
  private readonly load: () => CxxDemangle | null;
  private cxx: CxxDemangle | null | undefined;

  constructor(load: () => CxxDemangle | null = loadCxxDemangle) {
    this.load = load;
  }

  demangle(rawName: string): string {
    const cached = this.cache.get(rawName);
    if (cached !== undefined) return cached;
    if (this.cache.size >= MAX_CACHED) this.cache.clear();
    const name = this.readable(withoutVersion(rawName));
    this.cache.set(rawName, name);
    return name;
  }

  private readable(name: string): string {
    if (name.length > MAX_MANGLED) return name;
    if (name.startsWith('_R')) return demangleRustV0(name) ?? name;
    if (name.startsWith('_D')) return demangleD(name) ?? name;
    if (name.startsWith('caml')) return demangleOcaml(name) ?? name;
    if (!name.startsWith('_Z')) return name;
    return demangleRustLegacy(name) ?? this.cxxName(name) ?? name;
  }

  private cxxName(name: string): string | null {
    if (this.cxx === undefined) this.cxx = this.load();
    if (this.cxx === null || estimateCxxLength(name) > MAX_ESTIMATE) return null;
    return this.cxx(name);
  }
}

/** Symbol versions ("memcpy@@GLIBC_2.14") are the linker's; no language has an "@" there. */
function withoutVersion(name: string): string {
  const at = name.indexOf('@');
  return at > 0 && /^@@?[A-Za-z][A-Za-z0-9_.]*$/.test(name.slice(at)) ? name.slice(0, at) : name;
}

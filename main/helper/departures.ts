import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import { ok, type Result } from '#shared/result.ts';
import { errno, errnoName } from '../ffi/koffi.ts';
import { type Libbpf, libbpf } from '../ffi/libbpf.ts';
import { isStranger } from './target-check.ts';

/** Says when own processes turned into what their user may not look into. */
export interface Leavers {
  /**
   * When process `pid` left the target for good, CLOCK_MONOTONIC ns, if it did after `sinceNs`; 'now': at this
   * moment it is not the user's to look into, and may be about to leave by an exec. null: it is his own, or was
   * to its end.
   *
   * Holds for everything that was recorded of it before the call.
   */
  leftSince(pid: number, sinceNs: bigint): bigint | 'now' | null;
}

/**
 * What the BPF programs noted in their map of departures.
 *
 * The order of the two looks is what makes it sure: a process that was somebody else's when its record was
 * written either still is, then /proc says so; or it ran on to become the user's again or to end, then its exec
 * was over, and the programs had noted it, before the second look.
 */
export class Departures implements Leavers {
  readonly #library: Libbpf;
  readonly #fd: number;

  private constructor(library: Libbpf, fd: number) {
    this.#library = library;
    this.#fd = fd;
  }

  /** `fd`: of the map. Reading it may take CAP_BPF, which is kept for that: kept-capabilities.ts. */
  static open(fd: number): Result<Departures, ProfilerError> {
    const library = libbpf();
    return library.ok ? ok(new Departures(library.value, fd)) : library;
  }

  leftSince(pid: number, sinceNs: bigint): bigint | 'now' | null {
    const isOthersNow = isStranger(pid);
    const noted = this.#noted(pid);
    if (noted !== null && noted >= sinceNs) return noted;
    return isOthersNow ? 'now' : null;
  }

  #noted(pid: number): bigint | null {
    const key = Uint32Array.of(pid);
    const value = new BigUint64Array(1);
    const [keyBytes, valueBytes] = [new Uint8Array(key.buffer), new Uint8Array(value.buffer)];
    if (this.#library.bpf_map_lookup_elem(this.#fd, keyBytes, valueBytes) === 0) return value[0]!;
    const code = errnoName(errno());
    // Going on without an answer would be to tell what nobody is to know.
    invariant(code === 'ENOENT', `reading who left: ${code}`);
    return null;
  }
}

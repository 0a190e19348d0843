import type { ProfilerError } from '#shared/errors.ts';
import { ok, type Result } from '#shared/result.ts';
import { errno } from '../ffi/koffi.ts';
import { type Libbpf, libbpf } from '../ffi/libbpf.ts';

const ENOENT = 2;
/** Entries asked for per system call. */
const BATCH_ENTRIES = 1024;

/** Empties hash maps in batches. The descriptors are given and stay the caller's. */
export class MapReader {
  readonly #library: Libbpf;

  private constructor(library: Libbpf) {
    this.#library = library;
  }

  static open(): Result<MapReader, ProfilerError> {
    const library = libbpf();
    return library.ok ? ok(new MapReader(library.value)) : library;
  }

  /**
   * Removes all entries of a hash map and calls `visit` with each batch's keys and values, `count`
   * of each back to back. Returns 0, or the errno that stopped it early.
   */
  drainHash(
    map: { readonly fd: number; readonly keyBytes: number; readonly valueBytes: number },
    visit: (keys: Uint8Array, values: Uint8Array, count: number) => void,
  ): number {
    const keys = new Uint8Array(BATCH_ENTRIES * map.keyBytes);
    const values = new Uint8Array(BATCH_ENTRIES * map.valueBytes);
    const positions = [new Uint8Array(8), new Uint8Array(8)] as const;
    const count = new Uint32Array(1);
    const countBytes = new Uint8Array(count.buffer);
    for (let round = 0; ; round++) {
      count[0] = BATCH_ENTRIES;
      const from = round === 0 ? null : positions[round % 2]!;
      const to = positions[(round + 1) % 2]!;
      const failed = this.#library.bpf_map_lookup_and_delete_batch(
        map.fd,
        from,
        to,
        keys,
        values,
        countBytes,
        null,
      );
      const code = failed < 0 ? errno() : 0;
      if (code !== 0 && code !== ENOENT) return code;
      if (count[0] > 0) visit(keys, values, count[0]);
      if (code === ENOENT) return 0;
    }
  }
}

import { UNWIND_PROCESS } from '../../capture/wire/records.ts';
import type { Libbpf } from '../../ffi/libbpf.ts';

const { fields, size } = UNWIND_PROCESS;

/** Flags of bpf_map_update_elem: make or replace an entry; only replace one. */
const BPF_ANY = 0;
const BPF_EXIST = 2;

/** What the kernel has of a process: which slots. */
export interface ProcessSlots {
  readonly first: number;
  readonly count: number;
}

/** The map unwind_processes. Programs add forked children to it and remove what execs or exits. */
export class ProcessEntries {
  readonly #library: Libbpf;
  readonly #fd: number;

  constructor(library: Libbpf, fd: number) {
    this.#library = library;
    this.#fd = fd;
  }

  /** Gives a process its slots; false: the map is full. `askedNs`: no request before this and a period. */
  set(pid: number, slots: ProcessSlots, askedNs = 0n): boolean {
    return this.#update(pid, { ...slots, askedNs }, BPF_ANY);
  }

  /** Leaves a process its slots, and has it ask no more before `askedNs` and a period. */
  postpone(pid: number, slots: ProcessSlots, askedNs: bigint): void {
    // One that replaced its program or ended in this moment has no slots any more, and gets none.
    this.#update(pid, { ...slots, askedNs }, BPF_EXIST);
  }

  #update(
    pid: number,
    { first, count, askedNs }: ProcessSlots & { readonly askedNs: bigint },
    flags: number,
  ): boolean {
    const value = new Uint8Array(size);
    const view = new DataView(value.buffer);
    view.setUint32(fields.first, first, true);
    view.setUint32(fields.count, count, true);
    view.setBigUint64(fields.asked_ns, askedNs, true);
    return this.#library.bpf_map_update_elem(this.#fd, keyOf(pid), value, flags) === 0;
  }

  get(pid: number): ProcessSlots | null {
    const value = new Uint8Array(size);
    if (this.#library.bpf_map_lookup_elem(this.#fd, keyOf(pid), value) !== 0) return null;
    const view = new DataView(value.buffer);
    return {
      first: view.getUint32(fields.first, true),
      count: view.getUint32(fields.count, true),
    };
  }

  remove(pid: number): void {
    this.#library.bpf_map_delete_elem(this.#fd, keyOf(pid));
  }

  /** All processes now; one that comes or goes meanwhile may be missing or seen twice. */
  pids(): number[] {
    const found: number[] = [];
    let key: Uint8Array | null = null;
    for (;;) {
      const next = new Uint8Array(4);
      if (this.#library.bpf_map_get_next_key(this.#fd, key, next) !== 0) return found;
      found.push(new DataView(next.buffer).getUint32(0, true));
      // Keys deleted while we walk start the kernel's walk again; nothing lives long enough to matter.
      if (found.length > MAX_WALK) return found;
      key = next;
    }
  }
}

const MAX_WALK = 200_000;

const keyOf = (pid: number): Uint8Array => new Uint8Array(Uint32Array.of(pid).buffer);

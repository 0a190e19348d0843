import { invariant } from '#shared/invariant.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { MappedMemory } from '../../bpf/mapped-memory.ts';
import { UNWIND_LIMITS } from '../../capture/wire/records.ts';
import { errno, errnoName } from '../../ffi/koffi.ts';
import { libbpf } from '../../ffi/libbpf.ts';
import { libc } from '../../ffi/libc.ts';
import type { ChunkMemory } from './row-store.ts';

const BPF_MAP_TYPE_ARRAY = 2;
const BPF_F_MMAPABLE = 1 << 10;
/** struct bpf_map_create_opts of libbpf 1.0: its size and the offset of map_flags, bytes. */
const CREATE_OPTIONS_BYTES = 48;
const MAP_FLAGS_AT = 28;
/** Bytes of a chunk: rows of 4. */
export const CHUNK_BYTES = 2 ** UNWIND_LIMITS.chunkShift * 4;

/**
 * Chunks mapped at a time. What is mapped counts as memory of the helper as well, and nothing is written to
 * a full chunk before a table in it is replaced.
 */
const MAX_MAPPED = 4;

/** Chunks of rows, made one by one and hung into unwind_chunks. */
export class ChunkMaps {
  readonly #chunksFd: number;
  /** The latest written last. */
  readonly #mapped: MappedChunk[] = [];

  constructor(chunksFd: number) {
    this.#chunksFd = chunksFd;
  }

  /** Makes the chunk of that index; errno name if the kernel refuses. */
  create(index: number): Result<ChunkMemory, string> {
    const fd = makeMap();
    if (typeof fd === 'string') return err(fd);
    const chunk: MappedChunk = { fd, memory: null };
    const refused = this.#map(chunk) ?? this.#hang(fd, index);
    if (refused === null)
      return ok({ write: (bytes, offset) => this.#write(chunk, bytes, offset) });
    this.#unmap(chunk);
    libc().close(fd);
    return err(refused);
  }

  #write(chunk: MappedChunk, bytes: Uint8Array, offset: number): void {
    const refused = this.#map(chunk);
    invariant(refused === null, `a chunk of rows cannot be mapped again: ${refused ?? ''}`);
    chunk.memory?.write(bytes, offset);
  }

  #map(chunk: MappedChunk): string | null {
    if (chunk.memory !== null) return null;
    const region = { offset: 0, length: CHUNK_BYTES, writable: true };
    const memory = MappedMemory.map(chunk.fd, region, 'unwind chunk');
    if (!memory.ok) return 'ENOMEM';
    chunk.memory = memory.value;
    this.#mapped.push(chunk);
    if (this.#mapped.length > MAX_MAPPED) this.#unmap(this.#mapped[0]!);
    return null;
  }

  #unmap(chunk: MappedChunk): void {
    if (chunk.memory === null) return;
    chunk.memory[Symbol.dispose]();
    chunk.memory = null;
    this.#mapped.splice(this.#mapped.indexOf(chunk), 1);
  }

  #hang(fd: number, index: number): string | null {
    const library = libbpf();
    if (!library.ok) return 'ENOSYS';
    const key = new Uint8Array(Uint32Array.of(index).buffer);
    const value = new Uint8Array(Uint32Array.of(fd).buffer);
    const status = library.value.bpf_map_update_elem(this.#chunksFd, key, value, 0);
    return status === 0 ? null : errnoName(errno());
  }
}

interface MappedChunk {
  readonly fd: number;
  memory: MappedMemory | null;
}

/** Descriptor of a new map; the errno name if the kernel refuses. */
function makeMap(): number | string {
  const library = libbpf();
  if (!library.ok) return 'ENOSYS';
  const options = new Uint8Array(CREATE_OPTIONS_BYTES);
  const view = new DataView(options.buffer);
  view.setUint32(0, CREATE_OPTIONS_BYTES, true);
  view.setUint32(MAP_FLAGS_AT, BPF_F_MMAPABLE, true);
  const fd = library.value.bpf_map_create(
    ...([BPF_MAP_TYPE_ARRAY, 'unwind_chunk', 4, CHUNK_BYTES, 1, options] as const),
  );
  return fd < 0 ? errnoName(errno()) : fd;
}

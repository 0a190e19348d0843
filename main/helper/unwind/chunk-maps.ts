import { err, ok, type Result } from '#shared/result.ts';
import { MappedMemory } from '../../bpf/mapped-memory.ts';
import { UNWIND_LIMITS } from '../../capture/wire/records.ts';
import { errno, errnoName } from '../../ffi/koffi.ts';
import { libbpf } from '../../ffi/libbpf.ts';
import { libc } from '../../ffi/libc.ts';

const BPF_MAP_TYPE_ARRAY = 2;
const BPF_F_MMAPABLE = 1 << 10;
/** struct bpf_map_create_opts of libbpf 1.0: its size and the offset of map_flags, bytes. */
const CREATE_OPTIONS_BYTES = 48;
const MAP_FLAGS_AT = 28;
/** Bytes of a chunk: rows of 4. */
export const CHUNK_BYTES = 2 ** UNWIND_LIMITS.chunkShift * 4;

/** Makes one more chunk of rows and hangs it into unwind_chunks; errno name if the kernel refuses. */
export function createChunk(chunksFd: number, index: number): Result<MappedMemory, string> {
  const library = libbpf();
  if (!library.ok) return err('ENOSYS');
  const options = new Uint8Array(CREATE_OPTIONS_BYTES);
  const view = new DataView(options.buffer);
  view.setUint32(0, CREATE_OPTIONS_BYTES, true);
  view.setUint32(MAP_FLAGS_AT, BPF_F_MMAPABLE, true);
  const fd = library.value.bpf_map_create(
    BPF_MAP_TYPE_ARRAY,
    'unwind_chunk',
    4,
    CHUNK_BYTES,
    1,
    options,
  );
  if (fd < 0) return err(errnoName(errno()));
  try {
    const region = { offset: 0, length: CHUNK_BYTES, writable: true };
    const memory = MappedMemory.map(fd, region, 'unwind chunk');
    if (!memory.ok) return err('ENOMEM');
    const key = new Uint8Array(Uint32Array.of(index).buffer);
    const value = new Uint8Array(Uint32Array.of(fd).buffer);
    if (library.value.bpf_map_update_elem(chunksFd, key, value, 0) === 0) return ok(memory.value);
    const name = errnoName(errno());
    memory.value[Symbol.dispose]();
    return err(name);
  } finally {
    // The outer map holds it from here on.
    libc().close(fd);
  }
}

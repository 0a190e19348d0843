import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { outsideArchive } from '#shared/text/archive-path.ts';
import { koffi, type Pointer } from './koffi.ts';

/** An address of libbpf's own structs; null is C's NULL. */
export type Handle = bigint | null;

/** libbpf 1.x functions under their C names. Results: NULL or < 0 on failure, errno set. */
export interface Libbpf {
  libbpf_version_string(): string;
  /** Only ever called with null: silence. Its callback takes a va_list, which is not for us. */
  libbpf_set_print(callback: null): unknown;
  bpf_object__open_file(path: string, options: Pointer): Handle;
  bpf_object__load(object: Handle): number;
  bpf_object__close(object: Handle): void;
  bpf_object__find_map_by_name(object: Handle, name: string): Handle;
  bpf_object__find_program_by_name(object: Handle, name: string): Handle;
  bpf_object__next_program(object: Handle, previous: Handle): Handle;
  bpf_object__next_map(object: Handle, previous: Handle): Handle;
  bpf_map__name(map: Handle): string;
  bpf_map__fd(map: Handle): number;
  bpf_map__value_size(map: Handle): number;
  bpf_map__reuse_fd(map: Handle, fd: number): number;
  bpf_map__set_max_entries(map: Handle, entries: number): number;
  bpf_map__set_initial_value(map: Handle, data: Pointer, size: number): number;
  bpf_program__name(program: Handle): string;
  bpf_program__fd(program: Handle): number;
  bpf_program__set_autoload(program: Handle, autoload: boolean): number;
  /** `target` 0: the kernel's function of that name. */
  bpf_program__set_attach_target(program: Handle, target: number, name: string): number;
  /** `type`: enum bpf_attach_type. */
  bpf_program__set_expected_attach_type(program: Handle, type: number): number;
  /** `log` must stay where it is until the program is loaded: an address, never a JS buffer. */
  bpf_program__set_log_buf(program: Handle, log: bigint, size: number): number;
  bpf_program__set_log_level(program: Handle, level: number): number;
  /** `name` null: the program's own (tp_btf). */
  bpf_raw_tracepoint_open(name: string | null, program: number): number;
  /** `type`: enum bpf_attach_type. */
  bpf_link_create(program: number, target: number, type: number, options: Pointer): number;
  bpf_iter_create(link: number): number;
  /** `options`: struct bpf_map_create_opts. */
  bpf_map_create(
    type: number,
    name: string,
    keySize: number,
    valueSize: number,
    maxEntries: number,
    options: Uint8Array | null,
  ): number;
  /** `key` null: the first. */
  bpf_map_get_next_key(map: number, key: Pointer, next: Pointer): number;
  bpf_map_update_elem(map: number, key: Pointer, value: Pointer, flags: number): number;
  bpf_map_lookup_elem(map: number, key: Pointer, value: Pointer): number;
  bpf_map_delete_elem(map: number, key: Pointer): number;
  /** Takes and removes up to `count` entries; ENOENT once there are no more. */
  bpf_map_lookup_and_delete_batch(...args: [...BatchArguments, options: null]): number;
  libbpf_probe_bpf_map_type(type: number, options: null): number;
  /** 1: programs of the type may call the helper; 0: they may not. */
  libbpf_probe_bpf_helper(program: number, helper: number, options: null): number;
  libbpf_probe_bpf_prog_type(type: number, options: null): number;
}

/** map, in and out position, keys, values, and their count (u32, in and out). */
export type BatchArguments = [
  map: number,
  inBatch: Pointer,
  outBatch: Pointer,
  keys: Pointer,
  values: Pointer,
  count: Uint8Array,
];

const DECLARATIONS: Record<keyof Libbpf, string> = {
  libbpf_version_string: 'const char *libbpf_version_string()',
  libbpf_set_print: 'void *libbpf_set_print(void *callback)',
  bpf_object__open_file: 'void *bpf_object__open_file(const char *path, void *options)',
  bpf_object__load: 'int bpf_object__load(void *object)',
  bpf_object__close: 'void bpf_object__close(void *object)',
  bpf_object__find_map_by_name:
    'void *bpf_object__find_map_by_name(void *object, const char *name)',
  bpf_object__find_program_by_name:
    'void *bpf_object__find_program_by_name(void *object, const char *name)',
  bpf_object__next_program: 'void *bpf_object__next_program(void *object, void *previous)',
  bpf_object__next_map: 'void *bpf_object__next_map(void *object, void *previous)',
  bpf_map__name: 'const char *bpf_map__name(void *map)',
  bpf_map__fd: 'int bpf_map__fd(void *map)',
  bpf_map__value_size: 'uint32_t bpf_map__value_size(void *map)',
  bpf_map__reuse_fd: 'int bpf_map__reuse_fd(void *map, int fd)',
  bpf_map__set_max_entries: 'int bpf_map__set_max_entries(void *map, uint32_t entries)',
  bpf_map__set_initial_value: 'int bpf_map__set_initial_value(void *map, void *data, size_t size)',
  bpf_program__name: 'const char *bpf_program__name(void *program)',
  bpf_program__fd: 'int bpf_program__fd(void *program)',
  bpf_program__set_autoload: 'int bpf_program__set_autoload(void *program, bool autoload)',
  bpf_program__set_attach_target:
    'int bpf_program__set_attach_target(void *program, int target, const char *name)',
  bpf_program__set_expected_attach_type:
    'int bpf_program__set_expected_attach_type(void *program, int type)',
  bpf_program__set_log_buf: 'int bpf_program__set_log_buf(void *program, void *log, size_t size)',
  bpf_program__set_log_level: 'int bpf_program__set_log_level(void *program, uint32_t level)',
  bpf_raw_tracepoint_open: 'int bpf_raw_tracepoint_open(const char *name, int program)',
  bpf_link_create: 'int bpf_link_create(int program, int target, int type, void *options)',
  bpf_iter_create: 'int bpf_iter_create(int link)',
  bpf_map_create:
    'int bpf_map_create(int type, const char *name, uint32_t key_size, uint32_t value_size, uint32_t max_entries, void *options)',
  bpf_map_get_next_key: 'int bpf_map_get_next_key(int map, void *key, void *next)',
  bpf_map_update_elem: 'int bpf_map_update_elem(int map, void *key, void *value, uint64_t flags)',
  bpf_map_lookup_elem: 'int bpf_map_lookup_elem(int map, void *key, void *value)',
  bpf_map_delete_elem: 'int bpf_map_delete_elem(int map, void *key)',
  bpf_map_lookup_and_delete_batch:
    'int bpf_map_lookup_and_delete_batch(int map, void *in, void *out, void *keys, void *values, void *count, void *options)',
  libbpf_probe_bpf_map_type: 'int libbpf_probe_bpf_map_type(int type, void *options)',
  libbpf_probe_bpf_helper: 'int libbpf_probe_bpf_helper(int program, int helper, void *options)',
  libbpf_probe_bpf_prog_type: 'int libbpf_probe_bpf_prog_type(int type, void *options)',
};

const LIBRARY = 'libbpf.so.1';
let bound: Libbpf | undefined;

/** A copy beside the bundles, which the tar.gz package carries for systems that have only libbpf.so.0. */
const carriedLibrary = (): string =>
  outsideArchive(fileURLToPath(new URL(`../lib/${LIBRARY}`, import.meta.url)));

/** The system's libbpf if it has one, else the carried one. */
function loadLibrary(): ReturnType<ReturnType<typeof koffi>['load']> {
  try {
    return koffi().load(LIBRARY);
  } catch (cause) {
    const carried = carriedLibrary();
    if (!existsSync(carried)) throw cause;
    return koffi().load(carried);
  }
}

/** libbpf ≥ 1.0, found by the dynamic loader at the first call; an error says why it is not usable. */
export function libbpf(): Result<Libbpf, ProfilerError> {
  if (bound !== undefined) return ok(bound);
  try {
    const library = loadLibrary();
    const functions = Object.entries(DECLARATIONS).map(([name, text]) => [
      name,
      library.func(text),
    ]);
    const functionsByName = Object.fromEntries(functions) as Libbpf;
    functionsByName.libbpf_set_print(null);
    bound = functionsByName;
    return ok(bound);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return err({ kind: 'library-missing', library: LIBRARY, reason });
  }
}

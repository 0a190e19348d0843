import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { errno, errnoName, koffi } from '../ffi/koffi.ts';
import { type Handle, type Libbpf, libbpf } from '../ffi/libbpf.ts';
import { libc } from '../ffi/libc.ts';

/** Room for the verifier's explanation, per program, bytes. */
const LOG_BYTES = 1 << 20;
/** Kept of it, characters: the end, where the reason stands. */
const KEPT_LOG = 32 << 10;
const RLIMIT_MEMLOCK = 8;
const BPF_NOEXIST = 1;
/** enum bpf_attach_type */
const BPF_TRACE_ITER = 28;
const BPF_TRACE_KPROBE_MULTI = 42;
const BPF_F_KPROBE_MULTI_RETURN = 1;

/** struct bpf_link_create_opts (bpf/bpf.h) for kprobe.multi; `names`: address of C strings' addresses. */
function linkOptions(names: bigint, count: number, isReturn: boolean): Uint8Array {
  const bytes = Buffer.alloc(64);
  bytes.writeBigUInt64LE(BigInt(bytes.length), 0);
  bytes.writeUInt32LE(isReturn ? BPF_F_KPROBE_MULTI_RETURN : 0, 32);
  bytes.writeUInt32LE(count, 36);
  bytes.writeBigUInt64LE(names, 40);
  return bytes;
}

/** Descriptors of an iterator: BpfObject.openIterator(). */
export interface BpfIterator {
  readonly link: number;
  readonly iterator: number;
}

/** libbpf's own error numbers (enum libbpf_errno) on a file that is no BPF object. */
const describeOpenFailure = (code: number): string =>
  code >= 4000 ? `no valid BPF object (libbpf error ${code})` : errnoName(code);

/**
 * One compiled BPF object: open, configure, load, take descriptors. Owned: dispose() closes the
 * descriptors libbpf holds; what is attached then lives on by its own descriptors only.
 */
export class BpfObject implements Disposable {
  readonly #library: Libbpf;
  readonly #name: string;
  readonly #logs = new Map<string, bigint>();
  #handle: Handle;

  private constructor(library: Libbpf, name: string, handle: Handle) {
    this.#library = library;
    this.#name = name;
    this.#handle = handle;
  }

  /** Parses the object file. Nothing reaches the kernel yet. */
  static open(path: string): Result<BpfObject, ProfilerError> {
    const library = libbpf();
    if (!library.ok) return library;
    const name = basename(path);
    if (!existsSync(path)) {
      return err({ kind: 'bpf-object-unusable', object: name, reason: 'file not found' });
    }
    const handle = library.value.bpf_object__open_file(path, null);
    if (handle === null) {
      const reason = describeOpenFailure(errno());
      return err({ kind: 'bpf-object-unusable', object: name, reason });
    }
    return ok(new BpfObject(library.value, name, handle));
  }

  /** All maps by name, with their descriptors once loaded (before: -1); the .bss section is ".bss". */
  *maps(): Generator<readonly [name: string, fd: number]> {
    const library = this.#library;
    let map = library.bpf_object__next_map(this.#handle, null);
    while (map !== null) {
      const name = library.bpf_map__name(map);
      yield [name.endsWith('.bss') ? '.bss' : name, library.bpf_map__fd(map)];
      map = library.bpf_object__next_map(this.#handle, map);
    }
  }

  /** Has load() take an existing map, of which libbpf keeps a descriptor of its own. */
  reuseMap(name: string, fd: number): void {
    const failed = this.#library.bpf_map__reuse_fd(this.#map(name), fd);
    invariant(failed === 0, `libbpf refused to reuse ${name} in ${this.#name}: ${failed}`);
  }

  #map(name: string): Handle {
    if (name === '.bss') {
      const state = this.#section('.bss');
      invariant(state !== null, `${this.#name} has no .bss`);
      return state;
    }
    const map = this.#library.bpf_object__find_map_by_name(this.#handle, name);
    invariant(map !== null, `no map ${name} in ${this.#name}`);
    return map;
  }

  #program(name: string): Handle {
    const program = this.#library.bpf_object__find_program_by_name(this.#handle, name);
    invariant(program !== null, `no program ${name} in ${this.#name}`);
    return program;
  }

  /** The map libbpf makes of a data section; it is named ".rodata" or "<object>.rodata". */
  #section(section: '.rodata' | '.bss'): Handle {
    let map = this.#library.bpf_object__next_map(this.#handle, null);
    while (map !== null) {
      if (this.#library.bpf_map__name(map).endsWith(section)) return map;
      map = this.#library.bpf_object__next_map(this.#handle, map);
    }
    return null;
  }

  /** Sets the constants. libbpf insists on the section's exact size. */
  setRodata(data: Uint8Array): Result<void, ProfilerError> {
    const map = this.#section('.rodata');
    const size = map === null ? 0 : this.#library.bpf_map__value_size(map);
    if (map === null || size !== data.length) {
      const reason = `its constants take ${size} bytes, expected ${data.length}`;
      return err({ kind: 'bpf-object-unusable', object: this.#name, reason });
    }
    const failed = this.#library.bpf_map__set_initial_value(map, data, data.length);
    invariant(failed === 0, `libbpf refused the constants of ${this.#name}: ${failed}`);
    return ok(undefined);
  }

  /** Whether the file has these programs and maps: false for an object that is not the one meant. */
  has(names: { readonly programs: readonly string[]; readonly maps: readonly string[] }): boolean {
    const library = this.#library;
    return (
      names.programs.every(
        (name) => library.bpf_object__find_program_by_name(this.#handle, name) !== null,
      ) &&
      names.maps.every((name) => library.bpf_object__find_map_by_name(this.#handle, name) !== null)
    );
  }

  setMaxEntries(map: string, entries: number): void {
    const failed = this.#library.bpf_map__set_max_entries(this.#map(map), entries);
    invariant(failed === 0, `libbpf refused ${entries} entries for ${map}: ${failed}`);
  }

  /** Programs are loaded by default. */
  skipProgram(name: string): void {
    this.#library.bpf_program__set_autoload(this.#program(name), false);
  }

  /** Has a program of type fentry or fexit attach to a kernel function; false: BTF knows none of the name. */
  setAttachTarget(program: string, name: string): boolean {
    return this.#library.bpf_program__set_attach_target(this.#program(program), 0, name) === 0;
  }

  /** Creates the maps and has the kernel verify the programs. */
  load(): Result<void, ProfilerError> {
    allowLockedMemory();
    this.#captureLogs();
    if (this.#library.bpf_object__load(this.#handle) === 0) {
      this.#freeLogs();
      return ok(undefined);
    }
    const code = errnoName(errno());
    const [program, verifierLog] = this.#refusal();
    this.#freeLogs();
    return err({ kind: 'bpf-load-failed', program, errno: code, verifierLog });
  }

  #captureLogs(): void {
    let program = this.#library.bpf_object__next_program(this.#handle, null);
    while (program !== null) {
      const log = koffi().alloc('char', LOG_BYTES) as bigint;
      libc().memcpy(log, new Uint8Array(1), 1);
      this.#library.bpf_program__set_log_buf(program, log, LOG_BYTES);
      this.#logs.set(this.#library.bpf_program__name(program), log);
      program = this.#library.bpf_object__next_program(this.#handle, program);
    }
  }

  /** The refused program, i.e. the one with a log, and the end of its log; else the maps failed. */
  #refusal(): [program: string, log: string] {
    for (const [name, log] of this.#logs) {
      const text = koffi().decode.string(log);
      if (text !== '') return [name, text.slice(-KEPT_LOG)];
    }
    return [this.#name, ''];
  }

  #freeLogs(): void {
    for (const log of this.#logs.values()) koffi().free(log);
    this.#logs.clear();
  }

  mapFd(name: string): number {
    return this.#library.bpf_map__fd(this.#map(name));
  }

  /** Descriptor of the .bss map, for mmap. */
  stateFd(): number {
    return this.#library.bpf_map__fd(this.#map('.bss'));
  }

  programFd(name: string): number {
    return this.#library.bpf_program__fd(this.#program(name));
  }

  /** Adds a key to a hash map; false: it was there. */
  addKey(map: string, key: Uint8Array, value: Uint8Array): Result<boolean, ProfilerError> {
    const fd = this.mapFd(map);
    if (this.#library.bpf_map_update_elem(fd, key, value, BPF_NOEXIST) === 0) return ok(true);
    if (errnoName(errno()) === 'EEXIST') return ok(false);
    return err({ kind: 'attach-failed', point: map, errno: errnoName(errno()) });
  }

  /** Sets an entry of a map; null: done, else the errno name. */
  setEntry(map: string, key: Uint8Array, value: Uint8Array): string | null {
    const failed = this.#library.bpf_map_update_elem(this.mapFd(map), key, value, 0);
    return failed === 0 ? null : errnoName(errno());
  }

  /** Removes a key from a hash map; false: it was not there. */
  removeKey(map: string, key: Uint8Array): boolean {
    return this.#library.bpf_map_delete_elem(this.mapFd(map), key) === 0;
  }

  /** Puts a program of this object into a program array, for tail calls. */
  setProgramSlot(map: string, slot: number, program: string): void {
    const key = new Uint8Array(Uint32Array.of(slot).buffer);
    const value = new Uint8Array(Uint32Array.of(this.programFd(program)).buffer);
    const failed = this.#library.bpf_map_update_elem(this.mapFd(map), key, value, 0);
    invariant(failed === 0, `${program} into ${map}: ${errnoName(errno())}`);
  }

  /** Says before loading what a program will be attached to: enum bpf_attach_type. */
  setAttachType(program: string, type: number): void {
    const failed = this.#library.bpf_program__set_expected_attach_type(
      this.#program(program),
      type,
    );
    invariant(failed === 0, `libbpf refused attach type ${type} for ${program}: ${failed}`);
  }

  /** Attaches a raw tracepoint program; the descriptor returned is the attachment. */
  attachRawTracepoint(program: string, tracepoint: string): Result<number, ProfilerError> {
    const fd = this.#library.bpf_raw_tracepoint_open(tracepoint, this.programFd(program));
    if (fd >= 0) return ok(fd);
    return err({ kind: 'attach-failed', point: tracepoint, errno: errnoName(errno()) });
  }

  /** Attaches a program that names its tracepoint itself (tp_btf); the descriptor is the attachment. */
  attachTracing(program: string): Result<number, ProfilerError> {
    const fd = this.#library.bpf_raw_tracepoint_open(null, this.programFd(program));
    if (fd >= 0) return ok(fd);
    return err({ kind: 'attach-failed', point: program, errno: errnoName(errno()) });
  }

  /**
   * Attaches a program of type kprobe.multi to kernel functions, at their entry or return, all at
   * once; the descriptor is the attachment. Failures are errno names.
   */
  attachKprobeMulti(
    program: string,
    names: readonly string[],
    point: 'entry' | 'return',
  ): Result<number, string> {
    const texts = Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1');
    const memory = koffi().alloc('char', texts.length + 8 * names.length) as bigint;
    try {
      const block = Buffer.alloc(texts.length + 8 * names.length);
      let at = memory + BigInt(8 * names.length);
      for (const [index, name] of names.entries()) {
        block.writeBigUInt64LE(at, 8 * index);
        at += BigInt(name.length + 1);
      }
      texts.copy(block, 8 * names.length);
      libc().memcpy(memory, block, block.length);
      const options = linkOptions(memory, names.length, point === 'return');
      const fd = this.#library.bpf_link_create(
        this.programFd(program),
        0,
        BPF_TRACE_KPROBE_MULTI,
        options,
      );
      return fd < 0 ? err(errnoName(errno())) : ok(fd);
    } finally {
      koffi().free(memory);
    }
  }

  /** An iterator's program with its kernel objects, to be read once; `link` has to stay open. */
  openIterator(program: string): Result<BpfIterator, ProfilerError> {
    const link = this.#library.bpf_link_create(this.programFd(program), 0, BPF_TRACE_ITER, null);
    const iterator = link < 0 ? -1 : this.#library.bpf_iter_create(link);
    if (iterator >= 0) return ok({ link, iterator });
    return err({ kind: 'attach-failed', point: program, errno: errnoName(errno()) });
  }

  [Symbol.dispose](): void {
    if (this.#handle !== null) this.#library.bpf_object__close(this.#handle);
    this.#handle = null;
  }
}

/**
 * Kernels before 5.11 charge maps to RLIMIT_MEMLOCK. Raising it fails without CAP_SYS_RESOURCE,
 * which newer kernels do not need: so the result is of no interest, loading tells.
 */
function allowLockedMemory(): void {
  const unlimited = new Uint8Array(16).fill(0xff);
  libc().setrlimit(RLIMIT_MEMLOCK, unlimited);
}

import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { errno, errnoName } from '../ffi/koffi.ts';
import { libc, MAP_FAILED } from '../ffi/libc.ts';

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

const fenceCell = new Int32Array(new SharedArrayBuffer(4));
/**
 * Full memory barrier. Positions shared with the kernel are read before, and published after, the
 * bytes they guard; a plain foreign memcpy orders neither on arm64. An atomic read-modify-write does.
 */
export function memoryFence(): void {
  Atomics.add(fenceCell, 0, 0);
}

/**
 * Memory shared with the kernel, reached by memcpy only: Electron refuses buffers over foreign
 * memory, so there is no view of it. Owned: unmapped on dispose.
 */
export class MappedMemory implements Disposable {
  readonly #address: bigint;
  /** Length of the mapping, bytes. */
  readonly length: number;
  readonly #word = new Uint32Array(2);
  readonly #wordBytes = new Uint8Array(this.#word.buffer);
  #mapped = true;

  private constructor(address: bigint, length: number) {
    this.#address = address;
    this.length = length;
  }

  /** Maps `length` bytes of a map or perf event from `offset` on. `point` names it in the error. */
  static map(
    fd: number,
    region: { readonly offset: number; readonly length: number; readonly writable: boolean },
    point: string,
  ): Result<MappedMemory, ProfilerError> {
    const prot = region.writable ? PROT_READ | PROT_WRITE : PROT_READ;
    const address = libc().mmap(null, region.length, prot, MAP_SHARED, fd, region.offset);
    if (address === MAP_FAILED) {
      return err({ kind: 'attach-failed', point: `mmap ${point}`, errno: errnoName(errno()) });
    }
    return ok(new MappedMemory(address, region.length));
  }

  /** Copies `length` bytes at `offset` to the start of `target`. */
  read(target: Uint8Array, offset: number, length: number): void {
    libc().memcpy(target, this.#address + BigInt(offset), length);
  }

  /** Copies `source` to `offset`. */
  write(source: Uint8Array, offset: number): void {
    invariant(offset >= 0 && offset + source.length <= this.length, 'a write outside the mapping');
    libc().memcpy(this.#address + BigInt(offset), source, source.length);
  }

  /** A u64 position as a number: ring positions stay far below 2^53. */
  readPosition(offset: number): number {
    this.read(this.#wordBytes, offset, 8);
    return this.#word[1]! * 4_294_967_296 + this.#word[0]!;
  }

  writePosition(offset: number, value: number): void {
    this.#word[0] = value >>> 0;
    this.#word[1] = Math.floor(value / 4_294_967_296);
    libc().memcpy(this.#address + BigInt(offset), this.#wordBytes, 8);
  }

  readU32(offset: number): number {
    this.read(this.#wordBytes, offset, 4);
    return this.#word[0]!;
  }

  writeU32(offset: number, value: number): void {
    this.#word[0] = value;
    libc().memcpy(this.#address + BigInt(offset), this.#wordBytes, 4);
  }

  [Symbol.dispose](): void {
    if (this.#mapped) libc().munmap(this.#address, this.length);
    this.#mapped = false;
  }
}

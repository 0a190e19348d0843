import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { err, ok, type Result } from '#shared/result.ts';
import type { FileProblem } from './file-problem.ts';

/** Random access to the bytes of an ELF image. Everything outside answers null, never throws. */
export interface ByteSource {
  /** bytes */
  readonly size: number;
  /** Exactly `length` bytes in memory of their own, 8-byte aligned; null: not there or unreadable. */
  read(offset: number, length: number): Buffer | null;
}

/** Larger files are not images that anything runs. */
const MAX_FILE_BYTES = 4 * 2 ** 30;

/** True if [offset, offset + length) lies inside `size`; false for anything that is no whole number. */
export function inBounds(offset: number, length: number, size: number): boolean {
  return (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= size
  );
}

/** Bytes that are in memory already: the vdso, unpacked mini debug information, tests. */
export function bufferSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      if (!inBounds(offset, length, bytes.length)) return null;
      const copy = Buffer.allocUnsafeSlow(length);
      copy.set(bytes.subarray(offset, offset + length));
      return copy;
    },
  };
}

/** An open regular file. Read with pread and never mapped: a file cut short while in use is no SIGBUS. */
export class FileSource implements ByteSource, Disposable {
  readonly size: number;
  /** Number of the file in its file system; with the device, what a mapping is known by. */
  readonly inode: bigint;
  /** As /proc/PID/maps writes it, without leading zeros: "major:minor", hex. */
  readonly device: string;
  /** Modification time, ms since 1970. */
  readonly modifiedMs: number;
  /** User id. */
  readonly owner: number;
  private descriptor: number;

  private constructor(
    descriptor: number,
    facts: { size: number; inode: bigint; device: string; modifiedMs: number; owner: number },
  ) {
    this.descriptor = descriptor;
    this.size = facts.size;
    this.inode = facts.inode;
    this.device = facts.device;
    this.modifiedMs = facts.modifiedMs;
    this.owner = facts.owner;
  }

  /**
   * Opens a regular file of at most 4 GiB. What stands at a recorded path today may be a pipe or a
   * device: it is looked at before it is opened, and again after.
   */
  static open(path: string): Result<FileSource, FileProblem> {
    let descriptor = -1;
    try {
      if (!statSync(path).isFile()) return err({ kind: 'not-a-file', path });
      const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
      descriptor = openSync(path, flags);
      const stat = fstatSync(descriptor, { bigint: true });
      const problem: FileProblem | null = !stat.isFile()
        ? { kind: 'not-a-file', path }
        : stat.size > MAX_FILE_BYTES
          ? { kind: 'too-large', path, bytes: Number(stat.size) }
          : null;
      if (problem !== null) {
        closeSync(descriptor);
        return err(problem);
      }
      const facts = {
        size: Number(stat.size),
        inode: stat.ino,
        device: deviceText(stat.dev),
        modifiedMs: Number(stat.mtimeMs),
        owner: Number(stat.uid),
      };
      return ok(new FileSource(descriptor, facts));
    } catch (error) {
      if (descriptor >= 0) closeSync(descriptor);
      return err(openProblem(path, error));
    }
  }

  /** By which this process opens the very same file again, whatever stands at its path by then. */
  get openPath(): string {
    return `/proc/self/fd/${this.descriptor}`;
  }

  read(offset: number, length: number): Buffer | null {
    if (this.descriptor < 0 || !inBounds(offset, length, this.size)) return null;
    const bytes = Buffer.allocUnsafeSlow(length);
    return this.fill(bytes, offset) ? bytes : null;
  }

  /** Fills `bytes` from `offset`; false: the file ended before, or the disk failed. */
  private fill(bytes: Buffer, offset: number): boolean {
    let done = 0;
    try {
      while (done < bytes.length) {
        const got = readSync(this.descriptor, bytes, done, bytes.length - done, offset + done);
        if (got === 0) return false;
        done += got;
      }
    } catch (error) {
      if (errnoOf(error) === null) throw error;
      return false;
    }
    return true;
  }

  [Symbol.dispose](): void {
    if (this.descriptor >= 0) closeSync(this.descriptor);
    this.descriptor = -1;
  }
}

/** The errno name of a failed system call, e.g. "EACCES"; null: it was something else, a bug. */
export function errnoOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  return typeof error.code === 'string' ? error.code : null;
}

/** ENOENT and its like, or what else the system said; rethrows what is no system error. */
export function openProblem(path: string, error: unknown): FileProblem {
  const errno = errnoOf(error);
  if (errno === null) throw error;
  const gone = errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'ESRCH';
  return gone ? { kind: 'not-found', path } : { kind: 'unreadable', path, errno };
}

/** st_dev in the layout of the C library (sysmacros.h): 12 + 20 bits of major, 8 + 24 of minor. */
function deviceText(dev: bigint): string {
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
  return `${major.toString(16)}:${minor.toString(16)}`;
}

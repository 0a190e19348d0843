import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { err, ok, type Result } from '#shared/result.ts';
import { errnoOf } from '../elf/byte-source.ts';

/** Why a folder or a file in it cannot be used; facts, never thrown. */
export type FolderProblem =
  /** Somebody else's: what it holds is not to be believed. */
  | { readonly kind: 'foreign-owner'; readonly path: string; readonly uid: number }
  /** A link, or no folder. */
  | { readonly kind: 'not-a-folder'; readonly path: string }
  /** `errno` as the system says it, e.g. "ENOSPC". */
  | { readonly kind: 'system'; readonly path: string; readonly errno: string };

/** A file in the folder. */
export interface FolderEntry {
  readonly name: string;
  /** bytes */
  readonly size: number;
  /** When it was last used, ms since 1970. */
  readonly usedMs: number;
}

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * A folder that belongs to this user alone, held open. Files are reached through the descriptor
 * (/proc/self/fd, proc(5)), so nobody can put another folder under its path in between; links are refused.
 */
export class PrivateFolder implements Disposable {
  readonly path: string;
  private descriptor: number;

  private constructor(path: string, descriptor: number) {
    this.path = path;
    this.descriptor = descriptor;
  }

  /** Opens the folder; made with its parents if it is not there. Its mode becomes 0700. */
  static open(path: string): Result<PrivateFolder, FolderProblem> {
    let descriptor = -1;
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      descriptor = openSync(path, READ | constants.O_DIRECTORY);
      const { uid, mode } = fstatSync(descriptor);
      if (uid !== process.geteuid?.()) {
        closeSync(descriptor);
        return err({ kind: 'foreign-owner', path, uid });
      }
      if ((mode & 0o777) !== 0o700) fchmodSync(descriptor, 0o700);
      return ok(new PrivateFolder(path, descriptor));
    } catch (error) {
      if (descriptor >= 0) closeSync(descriptor);
      return err(problemOf(error, path));
    }
  }

  /** Regular files in it, whatever they are. */
  list(): Result<FolderEntry[], FolderProblem> {
    return this.attempt('', (folder) => {
      const entries: FolderEntry[] = [];
      for (const name of readdirSync(folder)) {
        const stat = lstatSync(`${folder}${name}`, { throwIfNoEntry: false });
        if (stat?.isFile() !== true) continue;
        entries.push({ name, size: stat.size, usedMs: stat.mtimeMs });
      }
      return entries;
    });
  }

  /** A file of this user's, at most `limit` bytes, marked as used now; null: there is none like that. */
  read(name: string, limit: number): Result<Buffer | null, FolderProblem> {
    const found = this.attempt(name, (path) => {
      const file = openSync(path, READ);
      try {
        const stat = fstatSync(file);
        if (!stat.isFile() || stat.uid !== process.geteuid?.() || stat.size > limit) return null;
        const bytes = readFileSync(file);
        const now = Date.now() / 1000;
        futimesSync(file, now, now);
        return bytes;
      } finally {
        closeSync(file);
      }
    });
    const isAbsent = !found.ok && found.error.kind === 'system' && found.error.errno === 'ENOENT';
    return isAbsent ? ok(null) : found;
  }

  /** Replaces a file in one step: readers see the old bytes or the new. */
  write(name: string, bytes: Uint8Array): Result<null, FolderProblem> {
    const part = `${name}.${randomBytes(6).toString('hex')}${PART_SUFFIX}`;
    const written = this.attempt(part, (path) => {
      const file = openSync(path, CREATE, 0o600);
      try {
        writeFileSync(file, bytes);
      } finally {
        closeSync(file);
      }
      renameSync(path, `${this.prefix()}${name}`);
      return null;
    });
    // Why the write failed is what the caller hears; a part that stays is swept when next opened.
    if (!written.ok) this.remove(part);
    return written;
  }

  remove(name: string): Result<null, FolderProblem> {
    return this.attempt(name, (path) => {
      rmSync(path, { force: true });
      return null;
    });
  }

  private prefix(): string {
    return `/proc/self/fd/${String(this.descriptor)}/`;
  }

  private attempt<T>(name: string, action: (path: string) => T): Result<T, FolderProblem> {
    try {
      return ok(action(`${this.prefix()}${name}`));
    } catch (error) {
      return err(problemOf(error, this.path));
    }
  }

  [Symbol.dispose](): void {
    if (this.descriptor >= 0) closeSync(this.descriptor);
    this.descriptor = -1;
  }
}

/** Names that end so are files that were being written. */
export const PART_SUFFIX = '.part';

function problemOf(error: unknown, path: string): FolderProblem {
  const errno = errnoOf(error);
  if (errno === null) throw error;
  const isNoFolder = errno === 'ENOTDIR' || errno === 'ELOOP' || errno === 'EEXIST';
  return isNoFolder ? { kind: 'not-a-folder', path } : { kind: 'system', path, errno };
}

import type { ProfilerError } from '#shared/errors.ts';
import type { Result } from '#shared/result.ts';
import { err, ok } from '#shared/result.ts';

/** SQLite refused something. `code` is SQLite's own name, e.g. "SQLITE_FULL"; bugs are other errors. */
export class SqliteFailure extends Error {
  override readonly name = 'SqliteFailure';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** What is in the file contradicts SESSION-FORMAT.md. */
export class DamageFound extends Error {
  override readonly name = 'DamageFound';
}

/** Codes that say "the disk took no more bytes". */
const FULL_CODES: ReadonlySet<string> = new Set(['SQLITE_FULL', 'ENOSPC', 'EDQUOT']);
/** Codes that say "this place cannot be written", whatever the reason. */
const UNWRITABLE_CODES: ReadonlySet<string> = new Set([
  ...['SQLITE_CANTOPEN', 'SQLITE_READONLY', 'SQLITE_IOERR', 'SQLITE_PERM', 'SQLITE_AUTH'],
  ...['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ENAMETOOLONG', 'EIO'],
  'ETXTBSY',
]);
const DAMAGE_CODES: ReadonlySet<string> = new Set([
  'SQLITE_CORRUPT',
  'SQLITE_NOTADB',
  'SQLITE_FORMAT',
  // A table or column that the header's version promises is not there, or holds the wrong type.
  'SQLITE_ERROR',
  'SQLITE_SCHEMA',
]);
const UNREADABLE_CODES: ReadonlySet<string> = new Set([
  ...['SQLITE_CANTOPEN', 'SQLITE_IOERR', 'SQLITE_PERM', 'SQLITE_READONLY', 'SQLITE_AUTH'],
  ...['EACCES', 'EPERM', 'EISDIR', 'EIO', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EMFILE', 'ENFILE'],
]);

/** The code of an expected failure of SQLite or the file system; null for anything else: a bug. */
export function failureCode(thrown: unknown): string | null {
  if (thrown instanceof SqliteFailure) return thrown.code;
  if (!(thrown instanceof Error) || !('code' in thrown) || !('syscall' in thrown)) return null;
  return typeof thrown.code === 'string' ? thrown.code : null;
}

const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);

/** A failure while writing `path` as an error; a bug is thrown on. */
export function writingError(thrown: unknown, path: string): ProfilerError {
  const code = failureCode(thrown);
  if (code === null) throw thrown;
  if (FULL_CODES.has(code)) return { kind: 'disk-full', path };
  if (code === 'EEXIST') return { kind: 'output-unwritable', path, reason: 'the file exists' };
  if (UNWRITABLE_CODES.has(code)) {
    return { kind: 'output-unwritable', path, reason: messageOf(thrown) };
  }
  return { kind: 'store-failed', path, sqliteCode: code };
}

/** A failure while reading `path` as an error; a bug is thrown on. */
export function readingError(thrown: unknown, path: string): ProfilerError {
  if (thrown instanceof DamageFound) {
    return { kind: 'session-damaged', path, reason: thrown.message };
  }
  const code = failureCode(thrown);
  if (code === null) throw thrown;
  if (code === 'ENOENT') return { kind: 'file-not-found', path };
  if (DAMAGE_CODES.has(code)) return { kind: 'session-damaged', path, reason: messageOf(thrown) };
  if (UNREADABLE_CODES.has(code)) {
    return { kind: 'file-unreadable', path, reason: messageOf(thrown) };
  }
  if (FULL_CODES.has(code)) return { kind: 'disk-full', path };
  return { kind: 'store-failed', path, sqliteCode: code };
}

/** Runs a step that reads `path`, turning its expected failures into an error. */
export async function attemptRead<T>(
  path: string,
  step: () => Promise<T>,
): Promise<Result<T, ProfilerError>> {
  try {
    return ok(await step());
  } catch (thrown) {
    return err(readingError(thrown, path));
  }
}

/** Throws DamageFound: what the file holds must satisfy `condition`. */
export function undamaged(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new DamageFound(reason);
}

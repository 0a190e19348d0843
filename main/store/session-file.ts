import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProfilerError } from '#shared/errors.ts';
import type { Result } from '#shared/result.ts';
import { err, ok } from '#shared/result.ts';
import type { Connection, ConnectionMode } from './connection.ts';
import { isHeld } from './file-locks.ts';
import type { FileProbe } from './file-probe.ts';
import { isWritable, probeFile } from './file-probe.ts';
import { openKnown } from './known-schema.ts';
import type { Upgrader } from './migrations.ts';
import { UPGRADERS, upgradeCopy } from './migrations.ts';
import type { PrivateCopy } from './private-copy.ts';
import { copyPrivately } from './private-copy.ts';
import { FORMAT_VERSION } from './schema.ts';
import { attemptRead, DamageFound, SqliteFailure, undamaged } from './store-failure.ts';

/** Where and how a session is to be read. */
export interface SessionFile {
  /** As the user named it. */
  readonly path: string;
  /** What to open: the path, or a private copy of it. */
  readonly readPath: string;
  readonly mode: ConnectionMode;
  /** Somebody is recording into it now: connections must be short. */
  readonly live: boolean;
  /** Its writer had died; the state to show is 'interrupted'. */
  readonly interrupted: boolean;
  /** To be disposed after the last connection is closed. */
  readonly copy: PrivateCopy | null;
}

/** How often, and how far apart (ms), the lock of a possible writer is tried. */
const LOCK_TRIES = 6;
const LOCK_TRY_MS = 40;

/**
 * Finds out what `path` is and makes it readable: recovers what a dead writer left, in place where
 * that may be written, else on a private copy; upgrades older versions on a copy. Only a session of
 * this version, left behind by its writer and found sound, is ever changed.
 */
export async function findSession(
  path: string,
  upgraders: readonly Upgrader[] = UPGRADERS,
): Promise<Result<SessionFile, ProfilerError>> {
  const outcome = await attemptRead(path, async () => {
    const probe = await probeFile(path);
    return 'kind' in probe ? err(probe) : ok(await settle(path, probe, upgraders));
  });
  return outcome.ok ? outcome.value : outcome;
}

async function settle(
  path: string,
  probe: FileProbe,
  upgraders: readonly Upgrader[],
): Promise<SessionFile> {
  if (probe.version === null) return openAlready(path);
  if (probe.version < FORMAT_VERSION) {
    return onCopy(path, (copy) => upgradeOld(copy, probe.version ?? 0, upgraders));
  }
  if (probe.unsettled) return recover(path);
  // A WAL header without -wal: SQLite would create files beside it, unless it may take it as fixed.
  const mode = probe.wal ? 'immutable' : 'read';
  const interrupted = (await stateOf(path, mode)) === 'recording';
  if (interrupted && (await isHeld(path))) return liveFile(path);
  return { path, readPath: path, mode, live: false, interrupted, copy: null };
}

/** This process has it open: as its writer, or as another reader of a settled file. */
async function openAlready(path: string): Promise<SessionFile> {
  const live = (await stateOf(path, 'read')) === 'recording';
  return { ...liveFile(path), live };
}

const liveFile = (path: string): SessionFile => ({
  ...{ path, readPath: path, mode: 'read', live: true },
  ...{ interrupted: false, copy: null },
});

/** A -wal or -journal is there: somebody records, or somebody died. */
async function recover(path: string): Promise<SessionFile> {
  if (await isHeld(path)) return liveFile(path);
  if (await isWritable(path)) {
    try {
      const settled = await settleInPlace(path);
      if (settled === null) return liveFile(path);
      const { interrupted } = settled;
      return { path, readPath: path, mode: 'read', live: false, interrupted, copy: null };
    } catch (thrown) {
      // No room or no right to write after all: the copy still serves.
      const harmless = thrown instanceof SqliteFailure && IN_PLACE_REFUSED.has(thrown.code);
      if (!harmless) throw thrown;
    }
  }
  return onCopy(path, async (copy) => (await settleInPlace(copy))?.interrupted ?? false);
}

const IN_PLACE_REFUSED: ReadonlySet<string> = new Set([
  ...['SQLITE_FULL', 'SQLITE_READONLY', 'SQLITE_IOERR', 'SQLITE_CANTOPEN', 'SQLITE_PERM'],
]);

/** Runs a change on a private copy; `change` says whether the session was interrupted. */
async function onCopy(
  path: string,
  change: (copy: string) => Promise<boolean>,
): Promise<SessionFile> {
  const copy = await copyPrivately(path);
  try {
    const interrupted = await change(copy.path);
    return { path, readPath: copy.path, mode: 'read', live: false, interrupted, copy };
  } catch (thrown) {
    await copy[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function upgradeOld(
  copy: string,
  version: number,
  upgraders: readonly Upgrader[],
): Promise<boolean> {
  await upgradeCopy(copy, version, upgraders);
  return (await settleInPlace(copy))?.interrupted ?? false;
}

/**
 * Moves everything committed from -wal into the file, removes -wal, and notes the interruption. The
 * file is checked first, read-only. null: another connection holds it, so its writer lives.
 */
async function settleInPlace(path: string): Promise<{ readonly interrupted: boolean } | null> {
  await checkSound(path);
  const connection = await openKnown(path, 'write');
  try {
    if (!(await takeOutOfWal(connection))) return null;
    const interrupted = (await readState(connection)) !== 'complete';
    if (interrupted) {
      await connection.run(`UPDATE meta SET value = 'interrupted' WHERE key = 'state'`);
    }
    return { interrupted };
  } finally {
    await connection.close();
  }
}

/** Throws DamageFound when pages are missing or make no sense. */
async function checkSound(path: string): Promise<void> {
  // A -journal must be rolled back before anything can be read at all.
  const connection = await openKnown(path, existsSync(`${path}-journal`) ? 'write' : 'read');
  try {
    const { quick_check: verdict } = await connection.one('PRAGMA quick_check(1)');
    undamaged(verdict === 'ok', `SQLite says: ${String(verdict)}`);
  } finally {
    await connection.close();
  }
}

async function takeOutOfWal(connection: Connection): Promise<boolean> {
  for (let attempt = 0; attempt < LOCK_TRIES; attempt++) {
    try {
      const { journal_mode: mode } = await connection.one('PRAGMA journal_mode = DELETE');
      if (mode === 'delete') return true;
    } catch (thrown) {
      const busy = thrown instanceof SqliteFailure && thrown.code === 'SQLITE_BUSY';
      if (!busy) throw thrown;
    }
    await delay(LOCK_TRY_MS);
  }
  return false;
}

async function stateOf(path: string, mode: ConnectionMode): Promise<string> {
  const connection = await openKnown(path, mode);
  try {
    return await readState(connection);
  } finally {
    await connection.close();
  }
}

async function readState(connection: Connection): Promise<string> {
  const [row] = await connection.all(`SELECT value FROM meta WHERE key = 'state'`);
  if (row === undefined) throw new DamageFound('meta has no "state"');
  return String(row['value']);
}

import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { open, rename, rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import type { SessionEnd, SessionState } from '#shared/model/session-info.ts';
import type { Result } from '#shared/result.ts';
import { err, ok } from '#shared/result.ts';
import type { NextIds } from './batch-insert.ts';
import { FIRST_IDS, insertBatch } from './batch-insert.ts';
import { Connection } from './connection.ts';
import { isHeld } from './file-locks.ts';
import type { SessionMeta, StoredMeta } from './meta.ts';
import { metaRows } from './meta.ts';
import { APPLICATION_ID, FORMAT_VERSION, SCHEMA } from './schema.ts';
import { SerialQueue } from './serial-queue.ts';
import type { SessionBatch } from './session-batch.ts';
import { writingError } from './store-failure.ts';

export interface CreateOptions {
  /** Take the place of an existing file; by default an existing file is an error. */
  readonly replace?: boolean;
}

/** How a recording ended, and when, ns since session start. */
export interface FinishOptions {
  readonly state: Exclude<SessionState, 'recording'>;
  readonly endNs: number;
  /** Why; not known by default. */
  readonly end?: SessionEnd;
}

/** Free space below which a failed write is called a full disk, bytes. */
const ALMOST_FULL_BYTES = 1 << 20;
/** How long finish waits for readers to let go of the file before it leaves a WAL header, ms. */
const RELEASE_TIMEOUT_MS = 3000;
const RELEASE_POLL_MS = 20;

/**
 * Writes one session while it is recorded. From the first moment the file is under its final name and
 * can be read by others; after each append the batch is safe against the death of this process.
 */
export class SessionWriter implements AsyncDisposable {
  readonly path: string;
  readonly #connection: Connection;
  readonly #queue = new SerialQueue();
  #ids: NextIds = { ...FIRST_IDS };
  /** The error that ended writing: ids would no longer be dense after a lost batch. */
  #failed: ProfilerError | null = null;
  #finished = false;

  private constructor(path: string, connection: Connection) {
    this.path = path;
    this.#connection = connection;
  }

  /** Creates the file in state 'recording'. */
  static async create(
    path: string,
    meta: SessionMeta,
    options: CreateOptions = {},
  ): Promise<Result<SessionWriter, ProfilerError>> {
    try {
      if (options.replace === true) {
        if (await isHeld(path)) {
          return err({ kind: 'output-unwritable', path, reason: 'it is open in another program' });
        }
        await putInPlace(path, meta);
      } else {
        const leftover = COMPANIONS.find((suffix) => existsSync(path + suffix));
        if (leftover !== undefined && !existsSync(path)) {
          const reason = `${path}${leftover} of an earlier recording is in the way`;
          return err({ kind: 'output-unwritable', path, reason });
        }
        await createFile(path, meta);
      }
      return ok(new SessionWriter(path, await openForRecording(path)));
    } catch (thrown) {
      return err(await explain(thrown, path));
    }
  }

  /**
   * Adds a batch in one transaction, after all earlier ones. After the first failure the file keeps
   * everything before it, and this and every further append returns that error.
   */
  append(batch: SessionBatch): Promise<Result<void, ProfilerError>> {
    invariant(!this.#finished, 'append to a finished session');
    return this.#write(async () => {
      const { statements, next } = insertBatch(batch, this.#ids);
      await this.#connection.commit(statements);
      this.#ids = next;
    });
  }

  /** Replaces facts that were not known at creation, e.g. the host's sample event. */
  setMeta(part: Partial<SessionMeta>): Promise<Result<void, ProfilerError>> {
    invariant(!this.#finished, 'setMeta on a finished session');
    return this.#write(() => writeMeta(this.#connection, part));
  }

  /**
   * Ends the recording: one plain file remains. After a failed append it saves what it can and returns
   * that first error. If another program keeps the file open, its -wal file stays, holding nothing.
   */
  finish(options: FinishOptions): Promise<Result<void, ProfilerError>> {
    invariant(!this.#finished, 'finish called twice');
    this.#finished = true;
    const leave = async (): Promise<void> => {
      try {
        await writeMeta(this.#connection, options);
        await this.#connection.all('PRAGMA wal_checkpoint(TRUNCATE)');
        await leaveWal(this.#connection);
      } finally {
        await this.#connection.close();
      }
    };
    return this.#queue.run(() => this.#attempt(leave));
  }

  /** Closes without finishing: the session stays in state 'recording' and is recovered when opened. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#finished = true;
    await this.#queue.run(() => this.#connection.close());
  }

  #write(work: () => Promise<void>): Promise<Result<void, ProfilerError>> {
    return this.#queue.run(() =>
      this.#failed === null ? this.#attempt(work) : Promise.resolve(err(this.#failed)),
    );
  }

  /** Answers with the first failure of all; notes this one if it is. What a bug throws is thrown on. */
  async #attempt(work: () => Promise<void>): Promise<Result<void, ProfilerError>> {
    try {
      await work();
    } catch (thrown) {
      if (this.#failed === null) {
        // Whatever explain() does: ids are no longer dense.
        this.#failed = { kind: 'store-failed', path: this.path, sqliteCode: 'BUG' };
        this.#failed = await explain(thrown, this.path);
      }
    }
    return this.#failed === null ? ok(undefined) : err(this.#failed);
  }
}

/** What SQLite keeps beside a file; a stranger's would be taken for part of ours. */
export const COMPANIONS = ['-wal', '-shm', '-journal'] as const;

/** A new, empty session under a name that must be free. */
async function createFile(path: string, meta: SessionMeta): Promise<void> {
  const handle = await open(path, 'wx', 0o644);
  await handle.close();
  try {
    const connection = await Connection.open(path, 'write');
    try {
      await connection.transaction('BEGIN IMMEDIATE', async () => {
        await connection.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
        await connection.exec(`PRAGMA user_version = ${FORMAT_VERSION}`);
        await connection.exec(SCHEMA);
        await writeMeta(connection, { ...meta, state: 'recording', endNs: 0, end: null });
      });
    } finally {
      await connection.close();
    }
  } catch (thrown) {
    await rm(path, { force: true });
    throw thrown;
  }
}

/** Builds the new file beside the old one, then swaps: if it cannot be built, the old one stays. */
async function putInPlace(path: string, meta: SessionMeta): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.new`;
  await createFile(temporary, meta);
  try {
    for (const suffix of COMPANIONS) await rm(path + suffix, { force: true });
    await rename(temporary, path);
  } catch (thrown) {
    await rm(temporary, { force: true });
    throw thrown;
  }
}

/** The database in WAL mode: readers do not wait, a commit is an append without fsync. */
async function openForRecording(path: string): Promise<Connection> {
  const connection = await Connection.open(path, 'write');
  try {
    await connection.all('PRAGMA journal_mode = WAL');
    await connection.exec('PRAGMA synchronous = NORMAL');
    // The first write creates the -wal file, by which readers know a recording.
    await writeMeta(connection, { state: 'recording' });
    return connection;
  } catch (thrown) {
    await connection.close();
    throw thrown;
  }
}

async function writeMeta(connection: Connection, part: Partial<StoredMeta>): Promise<void> {
  const rows = metaRows(part);
  await connection.run(
    `INSERT OR REPLACE INTO meta (key, value)
     SELECT value ->> 0, value ->> 1 FROM json_each(?)`,
    [JSON.stringify(rows)],
  );
}

/** Turns the database into one plain file; needs a moment in which nobody else has it open. */
async function leaveWal(connection: Connection): Promise<void> {
  const deadline = performance.now() + RELEASE_TIMEOUT_MS;
  for (;;) {
    try {
      await connection.all('PRAGMA journal_mode = DELETE');
      return;
    } catch (thrown) {
      const busy = thrown instanceof Error && 'code' in thrown && thrown.code === 'SQLITE_BUSY';
      if (!busy) throw thrown;
      if (performance.now() > deadline) return;
      await delay(RELEASE_POLL_MS);
    }
  }
}

/** A full disk shows up as other failures too (no room for the index file); free space tells. */
async function explain(thrown: unknown, path: string): Promise<ProfilerError> {
  const error = writingError(thrown, path);
  if (error.kind !== 'output-unwritable') return error;
  try {
    const { bavail, bsize } = await statfs(dirname(path));
    const full = bavail * bsize < ALMOST_FULL_BYTES;
    return full && error.reason.startsWith('SQLITE_IOERR') ? { kind: 'disk-full', path } : error;
  } catch (failure) {
    // No folder to ask about: the first error already says so.
    writingError(failure, path);
    return error;
  }
}

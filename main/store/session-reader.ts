import { existsSync } from 'node:fs';
import type { ProfilerError } from '#shared/errors.ts';
import type { SessionInfo } from '#shared/model/session-info.ts';
import type { SessionCursor, SessionDelta } from '#shared/model/session-tables.ts';
import type { Result } from '#shared/result.ts';
import { err, ok } from '#shared/result.ts';
import type { Connection } from './connection.ts';
import { isWithin, readCursor, readDelta } from './delta-read.ts';
import { type EventFields, readEventFields } from './event-read.ts';
import { readInfo } from './info-read.ts';
import { openKnown } from './known-schema.ts';
import type { Upgrader } from './migrations.ts';
import { SerialQueue } from './serial-queue.ts';
import type { SessionFile } from './session-file.ts';
import { findSession } from './session-file.ts';
import { attemptRead, readingError } from './store-failure.ts';

export interface OpenedSession {
  readonly reader: SessionReader;
  /** The file was left by a dead writer; everything it had committed is there. */
  readonly recovered: boolean;
}

/**
 * Reads one session, finished or still being recorded, by this process or another.
 *
 * While a session records, every question opens a connection of its own and closes it after: the
 * writer needs a moment without readers to leave one plain file behind.
 */
export class SessionReader implements AsyncDisposable {
  readonly path: string;
  readonly #file: SessionFile;
  readonly #queue = new SerialQueue();
  #live: boolean;
  #connection: Connection | null = null;

  private constructor(file: SessionFile) {
    this.path = file.path;
    this.#file = file;
    this.#live = file.live;
  }

  /** Opens and checks a session; the file is only changed to recover what its dead writer left. */
  static async open(
    path: string,
    upgraders?: readonly Upgrader[],
  ): Promise<Result<OpenedSession, ProfilerError>> {
    const found = await findSession(path, upgraders);
    if (!found.ok) return found;
    const reader = new SessionReader(found.value);
    const info = await reader.info();
    if (info.ok) return ok({ reader, recovered: found.value.interrupted });
    await reader.close();
    return info;
  }

  /** Facts and totals as of now. */
  info(): Promise<Result<SessionInfo, ProfilerError>> {
    return this.#read(async (connection) => {
      const info = await readInfo(connection);
      // Finished since, and its writer is done with -wal: from here on the connection may stay.
      const isLeft = info.state !== 'recording' && !existsSync(`${this.path}-wal`);
      if (isLeft) this.#live = false;
      return ok(this.#file.interrupted ? { ...info, state: 'interrupted' } : info);
    });
  }

  /** What the file holds beyond `cursor`; EMPTY_CURSOR gives all of it. */
  delta(cursor: SessionCursor): Promise<Result<SessionDelta, ProfilerError>> {
    return this.#read(async (connection) => {
      const end = await readCursor(connection);
      if (!isWithin(cursor, end)) {
        return err({ kind: 'request-invalid', channel: 'delta', reason: 'cursor beyond the end' });
      }
      return ok(await readDelta(connection, cursor, end));
    });
  }

  /** Fields of a trace's events by their ordinals among the source's samples. */
  eventFields(
    source: number,
    ordinals: readonly number[],
  ): Promise<Result<readonly EventFields[], ProfilerError>> {
    return this.#read(async (connection) =>
      ok(await readEventFields(connection, source, ordinals)),
    );
  }

  /** Waits for reads under way and lets go of the file. */
  close(): Promise<void> {
    return this.#queue.run(async () => {
      await this.#disconnect();
      await this.#file.copy?.[Symbol.asyncDispose]();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** One question on one unchanging state of the file, after the questions before. */
  #read<T>(
    ask: (connection: Connection) => Promise<Result<T, ProfilerError>>,
  ): Promise<Result<T, ProfilerError>> {
    return this.#queue.run(async () => {
      try {
        this.#connection ??= await openKnown(this.#file.readPath, this.#file.mode);
        const connection = this.#connection;
        return await connection.transaction('BEGIN', () => ask(connection));
      } catch (thrown) {
        return err(readingError(thrown, this.path));
      } finally {
        if (this.#live) await this.#disconnect();
      }
    });
  }

  async #disconnect(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    await connection?.close();
  }
}

/** Opens a connection to a session for free questions, runs them, and lets go of everything. */
export async function withSession<T>(
  path: string,
  ask: (connection: Connection) => Promise<Result<T, ProfilerError>>,
): Promise<Result<T, ProfilerError>> {
  const found = await findSession(path);
  if (!found.ok) return found;
  const { readPath, mode, copy } = found.value;
  const outcome = await attemptRead(path, async () => {
    try {
      const connection = await openKnown(readPath, mode);
      try {
        return await ask(connection);
      } finally {
        await connection.close();
      }
    } finally {
      await copy?.[Symbol.asyncDispose]();
    }
  });
  return outcome.ok ? outcome.value : outcome;
}

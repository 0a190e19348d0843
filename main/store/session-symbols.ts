import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { insertBatch, type NextIds } from './batch-insert.ts';
import type { Connection } from './connection.ts';
import { openKnown } from './known-schema.ts';
import type { SessionBatch } from './session-batch.ts';
import { findSession } from './session-file.ts';
import { attemptRead, writingError } from './store-failure.ts';
import { readCode, type StoredCode } from './stored-code.ts';

/** Rows with dense ids, each with its table. */
const TABLES: Readonly<Record<keyof NextIds, string>> = {
  images: 'image',
  processes: 'process',
  threads: 'thread',
  mappings: 'mapping',
  frames: 'frame',
  stacks: 'stack',
  functions: 'function',
  sourceFiles: 'source_file',
  symbols: 'symbol',
  chunks: 'sample_chunk',
  sources: 'source',
  series: 'series',
  latencies: 'latency',
};

/**
 * Adds symbols to a session that is complete, or was left by its writer: samples, stacks and frames stay
 * as they are. After every append the file is whole, whatever happens to this process.
 */
export class SessionSymbols implements AsyncDisposable {
  readonly path: string;
  readonly #connection: Connection;
  #ids: NextIds;

  private constructor(path: string, connection: Connection, ids: NextIds) {
    this.path = path;
    this.#connection = connection;
    this.#ids = ids;
  }

  /** Refuses a session that is being recorded, and one that cannot be written in place. */
  static async open(path: string): Promise<Result<SessionSymbols, ProfilerError>> {
    const found = await findSession(path);
    if (!found.ok) return found;
    const { live, copy } = found.value;
    await copy?.[Symbol.asyncDispose]();
    const refuse = (reason: string): Result<SessionSymbols, ProfilerError> =>
      err({ kind: 'output-unwritable', path, reason });
    if (live) return refuse('it is being recorded; symbols can be added when that has ended');
    if (copy !== null) return refuse('it cannot be changed in place');
    try {
      const connection = await openKnown(path, 'write');
      try {
        await settle(connection);
        return ok(new SessionSymbols(path, connection, await nextIds(connection)));
      } catch (thrown) {
        await connection.close();
        throw thrown;
      }
    } catch (thrown) {
      return err(writingError(thrown, path));
    }
  }

  /** Reads what there is to name. */
  read(): Promise<Result<StoredCode, ProfilerError>> {
    return attemptRead(this.path, () =>
      this.#connection.transaction('BEGIN', () => readCode(this.#connection, this.#ids)),
    );
  }

  /** Adds rows in one transaction; their ids follow those there are. */
  async append(batch: SessionBatch): Promise<Result<void, ProfilerError>> {
    const connection = this.#connection;
    try {
      const following = await connection.transaction('BEGIN IMMEDIATE', async () => {
        const now = await nextIds(connection);
        const isAlone = Object.entries(now).every(
          ([table, id]) => id === this.#ids[table as keyof NextIds],
        );
        if (!isAlone) return null;
        const { statements, next } = insertBatch(batch, now);
        await connection.runAll(statements);
        return next;
      });
      if (following !== null) {
        this.#ids = following;
        return ok(undefined);
      }
      const reason = 'another program adds symbols to it at the same time';
      return err({ kind: 'output-unwritable', path: this.path, reason });
    } catch (thrown) {
      return err(writingError(thrown, this.path));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close();
  }
}

/** Out of WAL, if its writer could not do that; and no more "recording". */
async function settle(connection: Connection): Promise<void> {
  await connection.all('PRAGMA journal_mode = DELETE');
  await connection.run(
    `UPDATE meta SET value = 'interrupted' WHERE key = 'state' AND value = 'recording'`,
  );
}

async function nextIds(connection: Connection): Promise<NextIds> {
  const fields = Object.entries(TABLES);
  const picks = fields.map(([field, table]) => `(SELECT max(id) FROM ${table}) AS ${field}`);
  const row = await connection.one(`SELECT ${picks.join(', ')}`);
  const ids = fields.map(([field]) => [field, Number(row[field] ?? -1) + 1]);
  return Object.fromEntries(ids) as NextIds;
}

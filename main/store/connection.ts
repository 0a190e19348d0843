import { statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type * as Sqlite from 'sqlite3';
import { invariant } from '#shared/invariant.ts';
import { checkValue, inlined, type SqlValue, type Statement } from './statement.ts';
import { failureCode, SqliteFailure } from './store-failure.ts';

export type SqlRow = Readonly<Record<string, SqlValue>>;

/**
 * read: no write to the file; in WAL mode SQLite may create its index file beside it.
 * immutable: the same, without locks and without any file beside it; nobody may be writing.
 * write: the file exists and is changed. temporary: a private database in memory.
 */
export type ConnectionMode = 'read' | 'immutable' | 'write' | 'temporary';

/** How long a statement waits for another connection's lock, ms. */
const BUSY_TIMEOUT_MS = 5000;

/** Files this process has open through SQLite, by device and inode. */
const openHere = new Map<string, number>();

/** Device and inode of a file: one for all its names; null when there is none that can be reached. */
export function fileIdentity(path: string): string | null {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch (thrown) {
    if (failureCode(thrown) === null) throw thrown;
    return null;
  }
}

/**
 * Whether this process holds the file open through SQLite. Such a file must not be opened by other
 * means: closing any descriptor of it drops every POSIX lock the process holds on it (fcntl(2)).
 */
export function isOpenHere(path: string): boolean {
  const id = fileIdentity(path);
  return id !== null && openHere.has(id);
}

/** Loaded on first use: processes that only link this module do not pay for the native library. */
async function loadSqlite(): Promise<typeof Sqlite> {
  // CommonJS: everything is on the default export, which the package's types do not mention.
  const module = (await import('sqlite3')) as unknown as { readonly default: typeof Sqlite };
  return module.default;
}

function failure(thrown: Error): SqliteFailure {
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'SQLITE_MISUSE';
  return new SqliteFailure(code, thrown.message);
}

/** As sqlite3 takes them. */
function bindable(params: readonly SqlValue[]): readonly SqlValue[] {
  for (const value of params) checkValue(value);
  return params.map((value) =>
    value instanceof Uint8Array
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      : value,
  );
}

/** One SQLite connection; statements run in the order of the calls, on a worker thread. */
export class Connection implements AsyncDisposable {
  readonly path: string;
  readonly #database: Sqlite.Database;
  readonly #identity: string | null;
  readonly #statements = new Map<string, Sqlite.Statement>();
  #closed = false;

  private constructor(path: string, database: Sqlite.Database) {
    this.path = path;
    this.#database = database;
    this.#identity = fileIdentity(path);
    if (this.#identity !== null) {
      openHere.set(this.#identity, (openHere.get(this.#identity) ?? 0) + 1);
    }
    database.serialize();
    database.configure('busyTimeout', BUSY_TIMEOUT_MS);
  }

  /** Opens an existing file (or memory); throws SqliteFailure. */
  static async open(path: string, mode: ConnectionMode): Promise<Connection> {
    const sqlite = await loadSqlite();
    const write = mode === 'write' || mode === 'temporary';
    const flags = (write ? sqlite.OPEN_READWRITE : sqlite.OPEN_READONLY) | sqlite.OPEN_URI;
    const query = mode === 'immutable' ? '?immutable=1' : '';
    const name = mode === 'temporary' ? ':memory:' : pathToFileURL(path).href + query;
    return new Promise((resolve, reject) => {
      const database = new sqlite.Database(name, flags, (thrown) => {
        if (thrown === null) resolve(new Connection(path, database));
        else reject(failure(thrown));
      });
    });
  }

  /**
   * Runs statements in one go. Each visit to the worker thread takes this one about a tenth of a
   * millisecond, which is more than most statements of a batch take.
   */
  runAll(statements: readonly Statement[]): Promise<void> {
    return this.exec(statements.map(inlined).join(';\n'));
  }

  /** The same as a transaction: if one fails, nothing is done. */
  async commit(statements: readonly Statement[]): Promise<void> {
    try {
      await this.exec(['BEGIN IMMEDIATE', ...statements.map(inlined), 'COMMIT'].join(';\n'));
    } catch (thrown) {
      await this.#rollBack();
      throw thrown;
    }
  }

  /** Runs statements that return nothing and take no values. */
  exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#database.exec(sql, (thrown) => {
        if (thrown === null) resolve();
        else reject(failure(thrown));
      });
    });
  }

  /** Runs one statement; it stays prepared for the next time. */
  async run(sql: string, params: readonly SqlValue[] = []): Promise<void> {
    const values = bindable(params);
    const statement = await this.#prepare(sql);
    return new Promise((resolve, reject) => {
      statement.run(values, (thrown: Error | null) => {
        if (thrown === null) resolve();
        else reject(failure(thrown));
      });
    });
  }

  /** All rows of one statement; it stays prepared for the next time. */
  async all(sql: string, params: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    const values = bindable(params);
    const statement = await this.#prepare(sql);
    return new Promise((resolve, reject) => {
      statement.all<SqlRow>(values, (thrown, rows) => {
        if (thrown === null) resolve(rows);
        else reject(failure(thrown));
      });
    });
  }

  /** The only row of a statement that always gives exactly one. */
  async one(sql: string, params: readonly SqlValue[] = []): Promise<SqlRow> {
    const [row] = await this.all(sql, params);
    invariant(row !== undefined, `no row from ${sql}`);
    return row;
  }

  /** Runs `work` between BEGIN and COMMIT; whatever it throws rolls everything back. */
  async transaction<T>(begin: 'BEGIN' | 'BEGIN IMMEDIATE', work: () => Promise<T>): Promise<T> {
    await this.exec(begin);
    try {
      const result = await work();
      await this.exec('COMMIT');
      return result;
    } catch (thrown) {
      await this.#rollBack();
      throw thrown;
    }
  }

  async #rollBack(): Promise<void> {
    try {
      await this.exec('ROLLBACK');
    } catch (thrown) {
      // After a full disk SQLite may have rolled back by itself; then this one fails, rightly.
      if (!(thrown instanceof SqliteFailure)) throw thrown;
    }
  }

  /** Finalizes every statement and closes; a second call does nothing. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const statement of this.#statements.values()) statement.finalize();
    this.#statements.clear();
    await new Promise<void>((resolve, reject) => {
      this.#database.close((thrown) => {
        if (thrown === null) resolve();
        else reject(failure(thrown));
      });
    });
    if (this.#identity === null) return;
    const left = (openHere.get(this.#identity) ?? 1) - 1;
    if (left === 0) openHere.delete(this.#identity);
    else openHere.set(this.#identity, left);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #prepare(sql: string): Promise<Sqlite.Statement> {
    invariant(!this.#closed, 'statement on a closed connection');
    const known = this.#statements.get(sql);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const statement = this.#database.prepare(sql, (thrown) => {
        if (thrown !== null) {
          reject(failure(thrown));
          return;
        }
        this.#statements.set(sql, statement);
        resolve(statement);
      });
    });
  }
}

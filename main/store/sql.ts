import type { ProfilerError } from '#shared/errors.ts';
import type { Result } from '#shared/result.ts';
import { err, ok } from '#shared/result.ts';
import type { Connection } from './connection.ts';
import { readCursor } from './delta-read.ts';
import { readSamples } from './sample-read.ts';
import { withSession } from './session-reader.ts';
import { scanSql } from './sql-scan.ts';
import type { SqlValue } from './statement.ts';
import { SqliteFailure } from './store-failure.ts';

/** Rows as arrays, in the order of the columns. Integers beyond 2^53 are rounded. */
export interface SqlAnswer {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
}

/** What a question may begin with; everything else changes something or does nothing. */
const QUESTIONS: ReadonlySet<string> = new Set(['select', 'with', 'values', 'explain']);

/** The samples as an ordinary table: in the file they are packed columns. */
const SAMPLE_TABLE = `CREATE TEMP TABLE sample (
  time_ns INTEGER NOT NULL,
  thread INTEGER NOT NULL,
  stack INTEGER NOT NULL,
  cpu INTEGER NOT NULL,
  weight INTEGER NOT NULL,
  source INTEGER NOT NULL,
  series INTEGER,
  value INTEGER NOT NULL
)`;

/**
 * Asks a session one SQL question. Beside the file's tables there is `sample (time_ns, thread, stack,
 * cpu, weight, source, series, value)`, unpacked in memory if the question names it. Nothing can be changed.
 */
export function runSql(path: string, query: string): Promise<Result<SqlAnswer, ProfilerError>> {
  const scan = scanSql(query);
  const refuse = (reason: string): Promise<Result<SqlAnswer, ProfilerError>> =>
    Promise.resolve(err({ kind: 'sql-failed', reason }));
  const [first] = scan.words;
  if (first === undefined) return refuse('there is no statement');
  if (scan.hasMore) return refuse('one statement at a time');
  if (!QUESTIONS.has(first)) {
    return refuse(`only questions are allowed (${[...QUESTIONS].join(', ')}), not "${first}"`);
  }
  return withSession(path, async (connection) => {
    await connection.exec('PRAGMA temp_store = MEMORY');
    if (scan.words.includes('sample')) await unpackSamples(connection);
    return ask(connection, first, query.slice(0, scan.end));
  });
}

async function ask(
  connection: Connection,
  first: string,
  statement: string,
): Promise<Result<SqlAnswer, ProfilerError>> {
  try {
    // A view names its columns even when there are no rows or two columns share a name.
    if (first === 'explain') {
      await connection.exec('PRAGMA query_only = ON');
      return ok(await answer(connection, statement, null));
    }
    await connection.exec(`CREATE TEMP VIEW emberscope_question AS ${statement}`);
    await connection.exec('PRAGMA query_only = ON');
    const described = await connection.all('PRAGMA temp.table_info(emberscope_question)');
    const columns = described.map((row) => String(row['name']));
    return ok(await answer(connection, 'SELECT * FROM emberscope_question', columns));
  } catch (thrown) {
    if (!(thrown instanceof SqliteFailure) || thrown.code !== 'SQLITE_ERROR') throw thrown;
    return err({ kind: 'sql-failed', reason: thrown.message.replace(/^SQLITE_ERROR: /, '') });
  }
}

async function answer(
  connection: Connection,
  statement: string,
  known: readonly string[] | null,
): Promise<SqlAnswer> {
  const rows = await connection.all(statement);
  const columns = known ?? Object.keys(rows[0] ?? {});
  return { columns, rows: rows.map((row) => columns.map((name) => row[name] ?? null)) };
}

/** Fills the table `sample`, some chunks at a time. */
async function unpackSamples(connection: Connection): Promise<void> {
  await connection.exec(SAMPLE_TABLE);
  const { chunks } = await readCursor(connection);
  for (let id = 0; id < chunks; id++) {
    const samples = await readSamples(connection, { from: id, to: id + 1 });
    const rows = Array.from(samples.time, (time, i) => [
      ...[time, samples.thread[i]!, samples.stack[i]!, samples.cpu[i]!, samples.weight[i]!],
      ...[samples.source[i]!, samples.series[i]!, samples.value[i]!],
    ]);
    await connection.run(
      `INSERT INTO sample SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4,
       value ->> 5, nullif(value ->> 6, -1), value ->> 7 FROM json_each(?)`,
      [JSON.stringify(rows)],
    );
  }
}

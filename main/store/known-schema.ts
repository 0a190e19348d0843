import { Connection, type ConnectionMode } from './connection.ts';
import { SCHEMA } from './schema.ts';
import { undamaged } from './store-failure.ts';

/**
 * A session file may come from anybody, and the definitions in it are programs: a view in place of a table
 * can count for ever, a trigger or a computed column runs whenever rows are touched. So definitions are compared
 * with ours before any question is asked. Plain tables of somebody's own, and indexes of their columns, may stay.
 */

/** Every definition of a database, by name; what SQLite makes by itself for a key has none. */
type Definitions = ReadonlyMap<string, string>;

const DEFINITIONS = `SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL`;

/**
 * Nothing but columns: no virtual table, and no computed column, which needs "AS". Constraints of it are not
 * looked at: see ignore_check_constraints. The text decides, as it does for SQLite; the type beside it may lie.
 */
const isPlainTable = (sql: string): boolean =>
  /^CREATE TABLE /i.test(sql) && !/\b(?:as|generated)\b/i.test(sql);
/** Of columns alone: no expression, no condition. */
const isPlainIndex = (sql: string): boolean =>
  /^CREATE (?:UNIQUE )?INDEX [^()]*\([^()]*\)\s*$/i.test(sql);

/** Opens a database and makes sure that it holds what `schema` says, before it is asked anything. */
export async function openKnown(
  path: string,
  mode: ConnectionMode,
  schema = SCHEMA,
): Promise<Connection> {
  const connection = await Connection.open(path, mode);
  try {
    // Second lines of defence: definitions call no function with side effects, quick_check() runs no constraint.
    await connection.exec('PRAGMA trusted_schema = OFF; PRAGMA ignore_check_constraints = ON');
    compare(await read(connection), await definitionsOf(schema));
    return connection;
  } catch (thrown) {
    await connection.close();
    throw thrown;
  }
}

function compare(found: readonly Definition[], known: Definitions): void {
  for (const { name, sql } of found) {
    const expected = known.get(name);
    if (expected === undefined) {
      const isHarmless = isPlainTable(sql) || isPlainIndex(sql);
      undamaged(isHarmless, `it holds a definition that no session has: "${name}"`);
    } else {
      undamaged(compact(sql) === expected, `"${name}" in it is defined in another way`);
    }
  }
}

interface Definition {
  readonly name: string;
  readonly sql: string;
}

async function read(connection: Connection): Promise<readonly Definition[]> {
  const rows = await connection.all(DEFINITIONS);
  return rows.map(({ name, sql }) => ({ name: String(name), sql: String(sql) }));
}

/** Of each schema asked for, as a fresh database holds it. */
const known = new Map<string, Promise<Definitions>>();

function definitionsOf(schema: string): Promise<Definitions> {
  let definitions = known.get(schema);
  if (definitions === undefined) known.set(schema, (definitions = build(schema)));
  return definitions;
}

async function build(schema: string): Promise<Definitions> {
  await using connection = await Connection.open('', 'temporary');
  await connection.exec(schema);
  return new Map((await read(connection)).map(({ name, sql }) => [name, compact(sql)]));
}

/** The same for definitions that differ in layout alone: ALTER TABLE quotes names and moves commas. */
const compact = (sql: string): string =>
  sql
    .replaceAll('"', '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?([(),]) ?/g, '$1');

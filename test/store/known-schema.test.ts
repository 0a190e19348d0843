import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Connection } from '../../main/store/connection.ts';
import { SessionReader } from '../../main/store/session-reader.ts';
import { SessionSymbols } from '../../main/store/session-symbols.ts';
import { runSql } from '../../main/store/sql.ts';
import {
  digestOf,
  errorOf,
  openReader,
  samplesOf,
  temporaryFolder,
  valueOf,
  writeSmallSession,
} from '../support/store.ts';

/** A query that never ends. */
const FOR_EVER = `WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r)`;

/** A session into which a stranger wrote. */
async function changedBy(sql: string): Promise<string> {
  const path = join(temporaryFolder(), 'a.ember');
  await writeSmallSession(path);
  const connection = await Connection.open(path, 'write');
  await connection.exec(sql);
  await connection.close();
  return path;
}

const asView = (table: string): string => `
  ALTER TABLE ${table} RENAME TO real_one;
  CREATE VIEW ${table} AS ${FOR_EVER} SELECT real_one.* FROM real_one, r`;
/** Puts a definition into the file as nobody could make it. */
const written = (name: string, sql: string): string => `PRAGMA writable_schema = ON;
  UPDATE sqlite_schema SET sql = '${sql}' WHERE name = '${name}'`;

describe('SessionReader.open', () => {
  it.each([
    ['an endless view in place of meta', asView('meta'), 'in another way'],
    ['an endless view in place of cost', asView('cost'), 'in another way'],
    [
      'a view of ours that asks something else',
      'DROP VIEW hot_stack; CREATE VIEW hot_stack AS SELECT 1',
      '"hot_stack" in it',
    ],
    ['a further view', `CREATE VIEW mine AS ${FOR_EVER} SELECT n FROM r`, '"mine"'],
    ['a trigger', `CREATE TRIGGER mine AFTER UPDATE ON meta BEGIN DELETE FROM cost; END`, '"mine"'],
    ['a virtual table', 'CREATE VIRTUAL TABLE mine USING fts5(a)', '"mine"'],
    [
      'a column of ours that is computed',
      `ALTER TABLE loss ADD COLUMN extra AS (printf('%01000000d', 1))`,
      '"loss" in it',
    ],
    [
      'a computed column elsewhere',
      `CREATE TABLE mine (a, b AS (printf('%01000000d', 1)))`,
      '"mine"',
    ],
    ['an index of an expression', 'CREATE INDEX mine ON loss (abs(count))', '"mine"'],
    ['an index with a condition', 'CREATE INDEX mine ON loss (count) WHERE count > 1', '"mine"'],
    [
      'a table that says what it is not',
      `CREATE TABLE mine (a); ${written('mine', 'CREATE VIEW mine AS SELECT 1')}`,
      'mine',
    ],
  ])('refuses %s, and leaves the file as it is', async (_, sql, name) => {
    const path = await changedBy(sql);
    const before = digestOf(path);
    const damage = {
      kind: 'session-damaged',
      path,
      reason: expect.stringContaining(name) as string,
    };
    expect(errorOf(await SessionReader.open(path))).toEqual(damage);
    expect(errorOf(await runSql(path, 'SELECT 1'))).toEqual(damage);
    expect(errorOf(await SessionSymbols.open(path))).toEqual(damage);
    expect(digestOf(path)).toBe(before);
  });

  it('bears with plain tables and indexes of somebody else, and with statistics', async () => {
    const path = await changedBy(
      'CREATE TABLE mine (id INTEGER PRIMARY KEY, note TEXT UNIQUE); CREATE INDEX by_note ON mine (note, id); ANALYZE; VACUUM',
    );
    expect(await samplesOf((await openReader(path)).reader)).toBe(100);
    expect(valueOf(await runSql(path, 'SELECT count(*) FROM mine')).rows).toEqual([[0]]);
  });

  it('runs no constraint of a stranger while it recovers', async () => {
    const path = await changedBy(`CREATE TABLE mine (a CHECK (length(randomblob(a)) > 0));
      INSERT INTO mine VALUES (1); UPDATE meta SET value = 'recording' WHERE key = 'state';
      PRAGMA ignore_check_constraints = ON; UPDATE mine SET a = 'no number';
      PRAGMA journal_mode = WAL`);
    const { recovered } = await openReader(path);
    expect(recovered).toBe(true);
  });
});

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Connection, isOpenHere } from '../../main/store/connection.ts';
import { locksName } from '../../main/store/file-locks.ts';
import { inlined, type SqlValue } from '../../main/store/statement.ts';
import { readingError, writingError } from '../../main/store/store-failure.ts';
import { newWriter, temporaryFolder } from '../support/store.ts';

describe('Connection', () => {
  it.each([
    ['a bigint', 5n],
    ['NaN', NaN],
    ['undefined', undefined],
  ])('throws when %s is bound', async (_, value) => {
    const connection = await Connection.open('', 'temporary');
    const params = [value as SqlValue];
    await expect(connection.all('SELECT ?', params)).rejects.toThrow(/^Bug: /);
    expect(() => inlined({ sql: 'SELECT ?', params })).toThrow(/^Bug: /);
    await connection.close();
  });

  it('keeps whole numbers up to 2^53, text and bytes as they are', async () => {
    const connection = await Connection.open('', 'temporary');
    await connection.exec('CREATE TABLE t (i INTEGER, s TEXT, b BLOB)');
    const row = [Number.MAX_SAFE_INTEGER, 'ü☃', new Uint8Array([0, 255]).subarray(1)] as const;
    await connection.run('INSERT INTO t VALUES (?, ?, ?)', row);
    const { i, s, b } = await connection.one('SELECT * FROM t');
    expect([i, s, b]).toEqual([row[0], row[1], Buffer.from([255])]);
    await connection.close();
  });

  it('stores values written into a statement as it stores bound ones', async () => {
    const connection = await Connection.open('', 'temporary');
    await connection.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, i INTEGER, s TEXT, b BLOB)');
    const sql = 'INSERT INTO t (i, s, b) VALUES (?1, ?2, ?3)';
    const rows = [
      [Number.MAX_SAFE_INTEGER, "it's ü☃ '' ?1 $& --;", new Uint8Array([0, 39, 255])],
      [-0.5, 'a\0b', new Uint8Array()],
      [null, '', null],
      [1e300, '"\\\n', new Uint8Array([7, 8, 9]).subarray(1, 2)],
    ] as const;
    for (const params of rows) await connection.run(sql, params);
    await connection.commit(rows.map((params) => ({ sql, params })));
    const all = await connection.all(
      'SELECT i, s, b, typeof(i), typeof(s), typeof(b), hex(s) FROM t ORDER BY id',
    );
    expect(all).toHaveLength(2 * rows.length);
    expect(all.slice(rows.length)).toEqual(all.slice(0, rows.length));
    expect(all[0]).toMatchObject({ i: rows[0][0], s: rows[0][1] });
    await connection.close();
  });

  it('does nothing of a commit of which one statement fails', async () => {
    const connection = await Connection.open('', 'temporary');
    await connection.exec('CREATE TABLE t (i INTEGER UNIQUE)');
    const insert = { sql: 'INSERT INTO t VALUES (?)', params: [1] };
    await expect(connection.commit([insert, insert])).rejects.toThrow('SQLITE_CONSTRAINT');
    expect(await connection.all('SELECT * FROM t')).toEqual([]);
    await connection.commit([insert]);
    expect(await connection.all('SELECT * FROM t')).toEqual([{ i: 1 }]);
    await connection.close();
  });

  it('takes back everything of a transaction that throws', async () => {
    const connection = await Connection.open('', 'temporary');
    await connection.exec('CREATE TABLE t (i INTEGER)');
    const work = connection.transaction('BEGIN', async () => {
      await connection.run('INSERT INTO t VALUES (1)');
      throw new Error('midway');
    });
    await expect(work).rejects.toThrow('midway');
    expect(await connection.all('SELECT * FROM t')).toEqual([]);
    await connection.close();
  });
});

describe('isOpenHere', () => {
  it('is true exactly while a connection is open', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    const writer = await newWriter(path);
    expect(isOpenHere(path)).toBe(true);
    await writer.finish({ state: 'complete', endNs: 0 });
    expect(isOpenHere(path)).toBe(false);
  });
});

describe('locksName', () => {
  const line = '7: POSIX  ADVISORY  READ 4711 fe:00:1234 1073741826 1073742335';
  it('finds a lock of SQLite on the inode', () => {
    expect(locksName(`1: FLOCK  ADVISORY  WRITE 1 fe:00:99 0 EOF\n${line}\n`, 1234)).toBe(true);
  });
  it('passes over other inodes, ranges and kinds', () => {
    expect(locksName(line, 234)).toBe(false);
    expect(locksName(line.replace('1073741826', '0'), 1234)).toBe(false);
    expect(locksName(line.replace('POSIX', 'FLOCK'), 1234)).toBe(false);
  });
});

describe('writingError and readingError', () => {
  it('throw on what is no failure of SQLite or the file system', () => {
    const bug = new TypeError('undefined is not a function');
    expect(() => writingError(bug, 'x')).toThrow(bug);
    expect(() => readingError(bug, 'x')).toThrow(bug);
  });
});

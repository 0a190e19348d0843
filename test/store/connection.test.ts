import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SqlValue } from '../../main/store/connection.ts';
import { Connection, isOpenHere } from '../../main/store/connection.ts';
import { locksName } from '../../main/store/file-locks.ts';
import { readingError, writingError } from '../../main/store/store-failure.ts';
import { newWriter, temporaryFolder } from '../support/store.ts';

describe('Connection', () => {
  it.each([
    ['a bigint', 5n],
    ['NaN', NaN],
    ['undefined', undefined],
  ])('throws when %s is bound', async (_, value) => {
    const connection = await Connection.open('', 'temporary');
    const bind = connection.all('SELECT ?', [value as SqlValue]);
    await expect(bind).rejects.toThrow(/^Bug: /);
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

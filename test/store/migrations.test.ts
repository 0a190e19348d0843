import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Connection } from '../../main/store/connection.ts';
import type { Upgrader } from '../../main/store/migrations.ts';
import { SCHEMA } from '../../main/store/schema.ts';
import { SessionReader } from '../../main/store/session-reader.ts';
import {
  digestOf,
  errorOf,
  samplesOf,
  temporaryFolder,
  valueOf,
  writeSmallSession,
} from '../support/store.ts';

/** An invented version 0, in which the table `meta` had another name. */
async function oldSession(): Promise<string> {
  const path = join(temporaryFolder(), 'old.ember');
  await writeSmallSession(path);
  const connection = await Connection.open(path, 'write');
  await connection.exec('ALTER TABLE meta RENAME TO facts; PRAGMA user_version = 0');
  await connection.close();
  return path;
}

const FROM_ZERO: Upgrader = {
  from: 0,
  schema: SCHEMA.replace('CREATE TABLE meta', 'CREATE TABLE facts'),
  upgrade: (connection) => connection.exec('ALTER TABLE facts RENAME TO meta'),
};

describe('SessionReader.open of an older version', () => {
  it('upgrades a copy and leaves the file as it is', async () => {
    const path = await oldSession();
    const before = digestOf(path);
    const { reader } = valueOf(await SessionReader.open(path, [FROM_ZERO]));
    expect(await samplesOf(reader)).toBe(100);
    await reader.close();
    expect(digestOf(path)).toBe(before);
  });

  it('refuses a version for which there is no step', async () => {
    const path = await oldSession();
    expect(errorOf(await SessionReader.open(path))).toEqual({
      ...{ kind: 'session-damaged', path, reason: 'format version 0 was never released' },
    });
  });

  it('upgrades nothing that holds what the old version did not', async () => {
    const path = await oldSession();
    const connection = await Connection.open(path, 'write');
    await connection.exec('CREATE VIEW stranger AS SELECT 1');
    await connection.close();
    const reason = 'it holds a definition that no session has: "stranger"';
    const error = errorOf(await SessionReader.open(path, [FROM_ZERO]));
    expect(error).toEqual({ kind: 'session-damaged', path, reason });
  });

  it('says what is wrong when a step fails', async () => {
    const path = await oldSession();
    const wrong: Upgrader = {
      ...FROM_ZERO,
      upgrade: (connection) => connection.exec('DROP TABLE no'),
    };
    expect(errorOf(await SessionReader.open(path, [wrong])).kind).toBe('session-damaged');
  });
});

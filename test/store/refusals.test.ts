import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EMPTY_CURSOR } from '../../main/shared/model/session-tables.ts';
import { Connection } from '../../main/store/connection.ts';
import { APPLICATION_ID, FORMAT_VERSION } from '../../main/store/schema.ts';
import { SessionReader } from '../../main/store/session-reader.ts';
import { SessionWriter } from '../../main/store/session-writer.ts';
import { randomFrom } from '../support/random.ts';
import {
  asNobody,
  digestOf,
  errorOf,
  newWriter,
  openReader,
  samplesOf,
  temporaryFolder,
  valueOf,
  writeSmallSession,
} from '../support/store.ts';
import { baseBatch, samplesBatch } from '../support/store-batches.ts';
import { syntheticMeta } from '../support/synthetic-session.ts';

const open = async (path: string) => errorOf(await SessionReader.open(path));

/** A database made by somebody else's statements. */
async function databaseOf(path: string, ...statements: readonly string[]): Promise<void> {
  writeFileSync(path, '');
  const connection = await Connection.open(path, 'write');
  for (const statement of statements) await connection.exec(statement);
  await connection.close();
}

describe('SessionReader.open', () => {
  it('says that there is no file', async () => {
    const path = join(temporaryFolder(), 'none.ember');
    expect(await open(path)).toEqual({ kind: 'file-not-found', path });
  });

  it('says that a folder is no session', async () => {
    expect((await open(temporaryFolder())).kind).toBe('file-unreadable');
  });

  it('says that the user may not read the file', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    await writeSmallSession(path);
    chmodSync(path, 0o000);
    expect((await asNobody(() => open(path))).kind).toBe('file-unreadable');
  });

  it.each([
    ['an empty file', ''],
    ['a perf.data file', 'PERFILE2 and so on'],
    ['a text file', 'main;parse 3\n'],
    ['a binary file of an unknown kind', '\u0000\u0001\u0002'],
  ])('tells %s from a session', async (found, content) => {
    const path = join(temporaryFolder(), 'a.ember');
    writeFileSync(path, content);
    expect(await open(path)).toEqual({ kind: 'not-a-session', path, found });
  });

  it('tells a foreign SQLite database from a session', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    await databaseOf(path, 'PRAGMA application_id = 7', 'CREATE TABLE meta (key, value)');
    const found = 'an SQLite database of another program (application id 0x00000007)';
    expect(await open(path)).toEqual({ kind: 'not-a-session', path, found });
  });

  it('leaves a foreign database with a -wal alone', async () => {
    const folder = temporaryFolder();
    const origin = join(folder, 'origin');
    await databaseOf(origin, 'PRAGMA journal_mode = WAL');
    const writer = await Connection.open(origin, 'write');
    await writer.exec('CREATE TABLE precious (a)');
    const path = join(folder, 'a.ember');
    for (const suffix of ['', '-wal']) copyFileSync(origin + suffix, path + suffix);
    const before = [digestOf(path), digestOf(`${path}-wal`)];
    expect((await open(path)).kind).toBe('not-a-session');
    expect([digestOf(path), digestOf(`${path}-wal`)]).toEqual(before);
    await writer.close();
  });

  it('refuses a session from a newer version', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    await writeSmallSession(path);
    const found = FORMAT_VERSION + 1;
    const connection = await Connection.open(path, 'write');
    await connection.exec(`PRAGMA user_version = ${found}`);
    await connection.close();
    expect(await open(path)).toEqual({
      ...{ kind: 'session-too-new', path, found, supported: FORMAT_VERSION },
    });
  });

  it('calls a session damaged that lacks a table', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    const mark = [`PRAGMA application_id = ${APPLICATION_ID}`, `PRAGMA user_version = 1`];
    await databaseOf(path, ...mark, 'CREATE TABLE other (a)');
    expect((await open(path)).kind).toBe('session-damaged');
  });

  it('calls a truncated session damaged at every length, and leaves it as it is', async () => {
    const folder = temporaryFolder();
    const whole = join(folder, 'whole.ember');
    await writeSmallSession(whole, 5000);
    const size = readFileSync(whole).length;
    const random = randomFrom(11);
    const lengths = [1, 15, 16, 99, 100, 511, 4095, 4096, 8192, size - 4096, size - 1];
    for (let i = 0; i < 30; i++) lengths.push(1 + Math.floor(random() * (size - 1)));
    for (const length of lengths) {
      const path = join(folder, `cut-${length}.ember`);
      copyFileSync(whole, path);
      truncateSync(path, length);
      const before = digestOf(path);
      expect((await open(path)).kind, `cut to ${length}`).toBe('session-damaged');
      expect(digestOf(path)).toBe(before);
    }
  });

  it('says so or reads on when bytes are overwritten, but never throws', async () => {
    const folder = temporaryFolder();
    const whole = join(folder, 'whole.ember');
    await writeSmallSession(whole, 3000);
    const bytes = readFileSync(whole);
    const random = randomFrom(5);
    let damaged = 0;
    for (let round = 0; round < 60; round++) {
      const path = join(folder, `${round}.ember`);
      const copy = Buffer.from(bytes);
      const at = 100 + Math.floor(random() * (bytes.length - 400));
      for (let i = 0; i < 300; i++) copy[at + i] = Math.floor(random() * 256);
      writeFileSync(path, copy);
      const opened = await SessionReader.open(path);
      const outcome = opened.ok ? await opened.value.reader.delta(EMPTY_CURSOR) : opened;
      if (opened.ok) await opened.value.reader.close();
      if (!outcome.ok) {
        damaged++;
        expect(outcome.error.kind).toBe('session-damaged');
      }
    }
    expect(damaged).toBeGreaterThan(5);
  });

  it('reads a finished session where nothing may be written', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a.ember');
    await writeSmallSession(path);
    chmodSync(path, 0o444);
    chmodSync(folder, 0o555);
    const samples = await asNobody(async () => {
      const { reader } = valueOf(await SessionReader.open(path));
      const count = await samplesOf(reader);
      await reader.close();
      return count;
    });
    expect(samples).toBe(100);
    expect(readdirSync(folder)).toEqual(['a.ember']);
  });

  it('reads a session whose -wal was lost, as interrupted and without files beside it', async () => {
    const folder = temporaryFolder();
    const writer = await newWriter(join(folder, 'a.ember'));
    valueOf(await writer.append(baseBatch()));
    const path = join(folder, 'b.ember');
    execFileSync('cp', [join(folder, 'a.ember'), path]);
    const { reader, recovered } = await openReader(path);
    const { state } = valueOf(await reader.info());
    expect({ recovered, state }).toEqual({ recovered: true, state: 'interrupted' });
    expect(readdirSync(folder).filter((name) => name.startsWith('b.ember'))).toEqual(['b.ember']);
  });
});

describe('SessionReader.delta', () => {
  it('refuses a cursor that lies beyond the end', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    await writeSmallSession(path);
    const { reader } = await openReader(path);
    const outcome = await reader.delta({ ...EMPTY_CURSOR, stacks: 99 });
    expect(errorOf(outcome).kind).toBe('request-invalid');
  });
});

describe('SessionWriter.create', () => {
  it('refuses to take the place of an existing file', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    writeFileSync(path, 'precious');
    const error = errorOf(await SessionWriter.create(path, syntheticMeta()));
    expect(error).toEqual({ kind: 'output-unwritable', path, reason: 'the file exists' });
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('takes its place when told to, with nothing of the old one left', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a.ember');
    await writeSmallSession(path, 300);
    writeFileSync(`${path}-wal`, 'left behind');
    const writer = await newWriter(path, { replace: true });
    valueOf(await writer.append(baseBatch()));
    valueOf(await writer.append(samplesBatch(5, 0)));
    valueOf(await writer.finish({ state: 'complete', endNs: 0 }));
    expect(await samplesOf((await openReader(path)).reader)).toBe(5);
    expect(readdirSync(folder)).toEqual(['a.ember']);
  });

  it('refuses to replace a session that is being recorded', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    const writer = await newWriter(path);
    const error = errorOf(await SessionWriter.create(path, syntheticMeta(), { replace: true }));
    expect(error.kind).toBe('output-unwritable');
    valueOf(await writer.append(baseBatch()));
  });

  it('refuses to start beside the -wal of a file that is gone', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    writeFileSync(`${path}-wal`, 'left behind');
    const error = errorOf(await SessionWriter.create(path, syntheticMeta()));
    expect(error.kind).toBe('output-unwritable');
    expect(existsSync(path)).toBe(false);
  });

  it('says that a folder is missing, or may not be written, and leaves nothing', async () => {
    const folder = temporaryFolder();
    const missing = join(folder, 'none', 'a.ember');
    expect(errorOf(await SessionWriter.create(missing, syntheticMeta())).kind).toBe(
      'output-unwritable',
    );
    const closed = join(folder, 'closed');
    mkdirSync(closed, 0o555);
    const error = await asNobody(() => SessionWriter.create(join(closed, 'a'), syntheticMeta()));
    expect(errorOf(error).kind).toBe('output-unwritable');
    expect(readdirSync(closed)).toEqual([]);
  });
});

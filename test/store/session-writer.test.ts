import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { SessionEnd } from '../../main/shared/model/session-info.ts';
import { Connection } from '../../main/store/connection.ts';
import { SessionReader } from '../../main/store/session-reader.ts';
import { SqliteFailure } from '../../main/store/store-failure.ts';
import {
  afterwards,
  errorOf,
  newWriter,
  openReader,
  temporaryFolder,
  valueOf,
  writeSmallSession,
} from '../support/store.ts';
import { baseBatch, samplesBatch } from '../support/store-batches.ts';

afterEach(() => void vi.restoreAllMocks());

describe('SessionWriter.finish', () => {
  it.each<[string, SessionEnd | undefined, SessionEnd | null]>([
    [
      'keeps why it ended',
      { reason: 'target-exited', error: '' },
      { reason: 'target-exited', error: '' },
    ],
    [
      'keeps what went wrong',
      { reason: 'failed', error: 'The disk is full. None.' },
      { reason: 'failed', error: 'The disk is full. None.' },
    ],
    ['says nothing of an end that nobody told', undefined, null],
  ])('%s', async (_, end, kept) => {
    const path = join(temporaryFolder(), 'a.ember');
    const writer = await newWriter(path);
    const { reader } = await openReader(path);
    expect(valueOf(await reader.info()).end).toBeNull();
    const facts = { state: 'complete', endNs: 0 } as const;
    valueOf(await writer.finish(end === undefined ? facts : { ...facts, end }));
    expect(valueOf(await reader.info()).end).toEqual(kept);
  });

  it('reads a file without the reason, and refuses one with a reason that there is not', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    await writeSmallSession(path);
    const change = async (sql: string): Promise<void> => {
      const connection = await Connection.open(path, 'write');
      await connection.run(sql);
      await connection.close();
    };
    await change(`DELETE FROM meta WHERE key LIKE 'end_%' AND key <> 'end_ns'`);
    const { reader } = await openReader(path);
    expect(valueOf(await reader.info()).end).toBeNull();
    await reader.close();
    await change(`INSERT INTO meta VALUES ('end_reason', 'a whim')`);
    expect(errorOf(await SessionReader.open(path))).toMatchObject({ kind: 'session-damaged' });
  });

  it('answers with an error when the file cannot be closed', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    const writer = await newWriter(path);
    const closing = vi
      .spyOn(Connection.prototype, 'close')
      .mockRejectedValueOnce(new SqliteFailure('SQLITE_BUSY', 'on purpose'));
    afterwards(() => closing.mockRestore());
    expect(await writer.finish({ state: 'complete', endNs: 0 })).toEqual({
      ok: false,
      error: { kind: 'store-failed', path, sqliteCode: 'SQLITE_BUSY' },
    });
  });

  it('saves what was written before a bug threw, and answers with an error', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    const writer = await newWriter(path);
    valueOf(await writer.append(baseBatch()));
    vi.spyOn(Connection.prototype, 'commit').mockRejectedValueOnce(new TypeError('on purpose'));
    await expect(writer.append(samplesBatch(10, 0))).rejects.toThrow('on purpose');
    const failed = { ok: false, error: { kind: 'store-failed', path, sqliteCode: 'BUG' } };
    expect(await writer.append(samplesBatch(10, 0))).toEqual(failed);
    expect(await writer.finish({ state: 'complete', endNs: 5e9 })).toEqual(failed);
    const { reader } = await openReader(path);
    expect(valueOf(await reader.info())).toMatchObject({ state: 'complete', duration: 5e9 });
  });
});

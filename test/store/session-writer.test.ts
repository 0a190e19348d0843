import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Connection } from '../../main/store/connection.ts';
import { SqliteFailure } from '../../main/store/store-failure.ts';
import { afterwards, newWriter, openReader, temporaryFolder, valueOf } from '../support/store.ts';
import { baseBatch, samplesBatch } from '../support/store-batches.ts';

afterEach(() => void vi.restoreAllMocks());

describe('SessionWriter.finish', () => {
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
    vi.spyOn(Connection.prototype, 'transaction').mockRejectedValueOnce(
      new TypeError('on purpose'),
    );
    await expect(writer.append(samplesBatch(10, 0))).rejects.toThrow('on purpose');
    const failed = { ok: false, error: { kind: 'store-failed', path, sqliteCode: 'BUG' } };
    expect(await writer.append(samplesBatch(10, 0))).toEqual(failed);
    expect(await writer.finish({ state: 'complete', endNs: 5e9 })).toEqual(failed);
    const { reader } = await openReader(path);
    expect(valueOf(await reader.info())).toMatchObject({ state: 'complete', duration: 5e9 });
  });
});

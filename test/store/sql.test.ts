import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runSql } from '../../main/store/sql.ts';
import {
  digestOf,
  errorOf,
  newWriter,
  temporaryFolder,
  valueOf,
  writeSmallSession,
} from '../support/store.ts';
import { baseBatch, samplesBatch } from '../support/store-batches.ts';

async function smallSession(): Promise<string> {
  const path = join(temporaryFolder(), 'a.ember');
  await writeSmallSession(path);
  return path;
}

describe('runSql', () => {
  it('unpacks the samples into a table', async () => {
    const path = await smallSession();
    const query =
      'SELECT count(*), min(time_ns), max(time_ns), sum(weight), max(stack) FROM sample';
    expect(valueOf(await runSql(path, query)).rows).toEqual([[100, 0, 99e6, 100, 1]]);
    const sources = valueOf(await runSql(path, 'SELECT DISTINCT source FROM "Sample"'));
    expect(sources).toEqual({ columns: ['source'], rows: [[0]] });
  });

  it('counts no sample without a stack among the functions', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    const writer = await newWriter(path);
    valueOf(await writer.append({ ...baseBatch(), samples: samplesBatch(3, 0).samples }));
    const bare = samplesBatch(2, 5e6);
    bare.samples[0]!.stack.fill(-1);
    valueOf(await writer.append(bare));
    valueOf(await writer.finish({ state: 'complete', endNs: 0 }));
    const answer = valueOf(await runSql(path, 'SELECT * FROM hot_function'));
    expect(answer).toEqual({
      columns: ['source', 'name', 'image', 'self_samples', 'self_weight'],
      rows: [
        [0, '/bin/kiln+0x1000', '/bin/kiln', 3, 3],
        [0, '[no stack]', '', 2, 2],
      ],
    });
  });

  it('names the columns even when there are no rows or names repeat', async () => {
    const path = await smallSession();
    const none = valueOf(await runSql(path, 'SELECT pid AS "the pid" FROM process WHERE 0;'));
    expect(none).toEqual({ columns: ['the pid'], rows: [] });
    const twice = valueOf(await runSql(path, 'SELECT 1 AS a, 2 AS a -- two; of them'));
    expect(twice.rows).toEqual([[1, 2]]);
  });

  it('keeps the order asked for', async () => {
    const path = await smallSession();
    const query = 'WITH n(i) AS (VALUES (2), (3), (1)) SELECT i FROM n ORDER BY i DESC';
    expect(valueOf(await runSql(path, query)).rows).toEqual([[3], [2], [1]]);
  });

  it('explains', async () => {
    const path = await smallSession();
    const answer = valueOf(await runSql(path, 'EXPLAIN QUERY PLAN SELECT * FROM stack'));
    expect(answer.columns).toContain('detail');
  });

  it.each([
    ['DELETE FROM meta', /only questions/],
    ['PRAGMA user_version = 9', /only questions/],
    [`ATTACH '/tmp/x' AS x`, /only questions/],
    ['SELECT 1; DELETE FROM meta', /one statement/],
    ['-- nothing', /no statement/],
    ['SELECT nonsense FROM meta', /no such column: nonsense/],
    ['SELECT (', /syntax|incomplete/],
    ['WITH x AS (SELECT 1) DELETE FROM meta', /syntax/],
  ])('refuses %s and changes nothing', async (query, reason) => {
    const path = await smallSession();
    const before = digestOf(path);
    const error = errorOf(await runSql(path, query));
    expect(error.kind === 'sql-failed' ? error.reason : error.kind).toMatch(reason);
    expect(digestOf(path)).toBe(before);
  });
});

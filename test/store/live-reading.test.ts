import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EMPTY_CURSOR } from '../../main/shared/model/session-tables.ts';
import { Connection } from '../../main/store/connection.ts';
import { newWriter, openReader, temporaryFolder, valueOf } from '../support/store.ts';
import { baseBatch, samplesBatch } from '../support/store-batches.ts';
import { syntheticMeta } from '../support/synthetic-session.ts';

describe('SessionReader of a live session', () => {
  it('sees whole appends only, while the writer goes on', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    const writer = await newWriter(path);
    valueOf(await writer.append(baseBatch()));
    const { reader } = await openReader(path);
    const progress = { writing: true };
    const written = (async () => {
      for (let i = 0; i < 200; i++) valueOf(await writer.append(samplesBatch(50, i * 5e7)));
      progress.writing = false;
    })();
    let cursor = EMPTY_CURSOR;
    let seen = 0;
    const partial: number[] = [];
    while (progress.writing) {
      const delta = valueOf(await reader.delta(cursor));
      cursor = delta.to;
      seen += delta.tables.samples.length;
      if (delta.tables.samples.length % 50 !== 0) partial.push(delta.tables.samples.length);
      const info = valueOf(await reader.info());
      if (info.sampleCount < seen) partial.push(info.sampleCount);
    }
    await written;
    seen += valueOf(await reader.delta(cursor)).tables.samples.length;
    expect({ seen, partial }).toEqual({ seen: 10_000, partial: [] });
  });

  it('lets the writer leave one plain file', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a.ember');
    const writer = await newWriter(path);
    valueOf(await writer.append(baseBatch()));
    const { reader } = await openReader(path);
    expect(valueOf(await reader.info()).state).toBe('recording');
    valueOf(await writer.finish({ state: 'complete', endNs: 7e9 }));
    expect(readdirSync(folder)).toEqual(['a.ember']);
    const { state, duration } = valueOf(await reader.info());
    expect({ state, duration }).toEqual({ state: 'complete', duration: 7e9 });
  });

  it('never keeps the writer from leaving one plain file, however often it asks', async () => {
    const folder = temporaryFolder();
    const writer = await newWriter(join(folder, 'a.ember'));
    valueOf(await writer.append(baseBatch()));
    const { reader } = await openReader(writer.path);
    const progress = { finishing: true };
    const finished = writer.finish({ state: 'complete', endNs: 7e9 }).finally(() => {
      progress.finishing = false;
    });
    while (progress.finishing) valueOf(await reader.info());
    valueOf(await finished);
    expect(readdirSync(folder)).toEqual(['a.ember']);
  });

  it('finishes a session that a stranger holds open, which then is still complete', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    const writer = await newWriter(path);
    valueOf(await writer.append(baseBatch()));
    const stranger = await Connection.open(path, 'read');
    await stranger.all('SELECT * FROM meta');
    valueOf(await writer.finish({ state: 'complete', endNs: 0 }));
    await stranger.close();
    const { reader, recovered } = await openReader(path);
    const { state } = valueOf(await reader.info());
    expect({ recovered, state, wal: existsSync(`${path}-wal`) }).toEqual({
      ...{ recovered: false, state: 'complete', wal: false },
    });
  });
});

describe('SessionReader.info', () => {
  it('sums samples and takes the latest loss and cost', async () => {
    const path = join(temporaryFolder(), 'a.ember');
    const writer = await newWriter(path);
    const cost = {
      ...{ timeNs: 2e9, bpfRuns: 7, bpfNs: 8, helperCpuNs: 9, helperRssBytes: 10 },
      ...{ engineCpuNs: 11, engineRssBytes: 12, samples: 13, idleSamples: 14, backoff: 0 },
      unwind: null,
    };
    valueOf(await writer.append({ ...baseBatch(), cost, loss: new Map([['throttled', 1]]) }));
    const tables = {
      ...{ tables: 1, tableBytes: 2, budgetBytes: 3, pending: 4, overBudget: 5, failed: 6 },
    };
    const later = { ...cost, timeNs: 3e9, bpfNs: 80, idleSamples: 15, unwind: tables };
    const loss = new Map([
      ['throttled', 4],
      ['stack-missed', 2],
    ]);
    valueOf(await writer.append({ ...samplesBatch(20, 0), cost: later, loss }));
    const host = { ...syntheticMeta().host, sampleEvent: 'cycles' };
    valueOf(await writer.setMeta({ host }));
    const { reader } = await openReader(path);
    expect(valueOf(await reader.info())).toEqual({
      formatVersion: 1,
      ...{ recordedBy: '0.0.0-test', state: 'recording', host, spec: syntheticMeta().spec },
      ...{ startedAt: '2026-01-02T03:04:05.000Z', duration: 3e9 },
      ...{ totalWeight: 20, sampleCount: 20, idleSamples: 15 },
      loss: [
        { reason: 'stack-missed', count: 2 },
        { reason: 'throttled', count: 4 },
      ],
      cost: {
        ...{ bpfNs: 80, bpfRuns: 7, helperCpuNs: 9, helperRssBytes: 10 },
        ...{ engineCpuNs: 11, engineRssBytes: 12 },
      },
      unwind: { mode: 'auto', fallback: '', tables },
      end: null,
    });
  });
});

import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SessionDelta } from '../../main/shared/model/session-tables.ts';
import { EMPTY_CURSOR } from '../../main/shared/model/session-tables.ts';
import type { SessionBatch } from '../../main/store/session-batch.ts';
import { anyBatches, expectedDelta } from '../support/any-batches.ts';
import { joinDeltas } from '../support/join-deltas.ts';
import { newWriter, openReader, temporaryFolder, valueOf } from '../support/store.ts';

/** Writes the batches and returns a delta after each, and the whole at the end. */
async function throughFile(batches: readonly SessionBatch[]): Promise<{
  readonly steps: readonly SessionDelta[];
  readonly whole: SessionDelta;
}> {
  const path = join(temporaryFolder(), 'a.ember');
  const writer = await newWriter(path);
  const { reader: live } = await openReader(path);
  const steps: SessionDelta[] = [];
  let cursor = EMPTY_CURSOR;
  for (const batch of batches) {
    valueOf(await writer.append(batch));
    const step = valueOf(await live.delta(cursor));
    steps.push(step);
    cursor = step.to;
  }
  valueOf(await writer.finish({ state: 'complete', endNs: 0 }));
  const { reader } = await openReader(path);
  return { steps, whole: valueOf(await reader.delta(EMPTY_CURSOR)) };
}

describe('SessionWriter and SessionReader', () => {
  it('give back exactly what was appended', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(anyBatches(), async (batches) => {
        const { whole } = await throughFile(batches);
        expect(whole).toEqual(expectedDelta(batches));
      }),
      { numRuns: 40 },
    );
  });

  it('read the same in steps, while recording, as at once', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(anyBatches(), async (batches) => {
        const { steps, whole } = await throughFile(batches);
        expect(joinDeltas(steps)).toEqual(whole);
      }),
      { numRuns: 20 },
    );
  });
});

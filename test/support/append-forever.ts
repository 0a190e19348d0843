import { writeSync } from 'node:fs';
import { SessionWriter } from '../../main/store/session-writer.ts';
import { baseBatch, samplesBatch } from './store-batches.ts';
import { syntheticMeta } from './synthetic-session.ts';

/** Samples per append. */
const BATCH = 200;

/** A recording that never ends: says after each append how many samples are committed. */
const path = process.argv[2] ?? '';
const created = await SessionWriter.create(path, syntheticMeta());
if (!created.ok) throw new Error(JSON.stringify(created.error));
await created.value.append(baseBatch());
for (let samples = BATCH; ; samples += BATCH) {
  const outcome = await created.value.append(samplesBatch(BATCH, samples * 1e6));
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.error));
  writeSync(1, `${samples}\n`);
}

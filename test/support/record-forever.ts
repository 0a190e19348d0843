import { writeSync } from 'node:fs';
import { SessionWriter } from '../../main/store/session-writer.ts';
import { baseBatch, samplesBatch } from './store-batches.ts';
import { syntheticMeta } from './synthetic-session.ts';

/** One short recording after the other, in argv[2] + number: says which ones hold their samples. */
for (let n = 0; ; n++) {
  const created = await SessionWriter.create(`${process.argv[2] ?? ''}${n}`, syntheticMeta());
  if (!created.ok) throw new Error(JSON.stringify(created.error));
  await created.value.append(baseBatch());
  await created.value.append(samplesBatch(500, 0));
  writeSync(1, `${n}\n`);
  await created.value.finish({ state: 'complete', endNs: 0 });
}

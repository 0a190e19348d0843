import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EMPTY_CURSOR } from '../../main/shared/model/session-tables.ts';
import { SessionWriter } from '../../main/store/session-writer.ts';
import { afterwards, newWriter, openReader, temporaryFolder, valueOf } from '../support/store.ts';
import { baseBatch, samplesBatch } from '../support/store-batches.ts';
import { syntheticMeta } from '../support/synthetic-session.ts';

/** A file system of the given size, or the reason why there is none. */
function smallDisk(kibibytes: number): { readonly folder: string } | { readonly reason: string } {
  const folder = temporaryFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kibibytes}k`, 'tmpfs', folder], {
      stdio: 'pipe',
    });
  } catch (thrown) {
    return { reason: `cannot mount a tmpfs: ${String(thrown)}` };
  }
  afterwards(() => void execFileSync('umount', [folder]));
  return { folder };
}

describe('SessionWriter on a full disk', () => {
  it('says so and keeps every append before', { timeout: 60_000 }, async ({ skip }) => {
    for (const kibibytes of [512, 700, 1024, 1500, 2048]) {
      const disk = smallDisk(kibibytes);
      if ('reason' in disk) return skip(disk.reason);
      const path = join(disk.folder, 'a.ember');
      const writer = await newWriter(path);
      valueOf(await writer.append(baseBatch()));
      let committed = 0;
      let error = null;
      while (error === null && committed < 1e6) {
        const outcome = await writer.append(samplesBatch(1000, committed * 1e6));
        if (outcome.ok) committed += 1000;
        else error = outcome.error;
      }
      expect(error).toEqual({ kind: 'disk-full', path });
      expect(await writer.append(samplesBatch(1, 0))).toEqual({ ok: false, error });
      expect(await writer.finish({ state: 'complete', endNs: 0 })).toEqual({ ok: false, error });
      const { reader } = await openReader(path);
      const { tables } = valueOf(await reader.delta(EMPTY_CURSOR));
      expect(tables.samples.length).toBe(committed);
      await reader.close();
    }
  });

  it('says so when not even an empty session fits', async ({ skip }) => {
    const disk = smallDisk(16);
    if ('reason' in disk) return skip(disk.reason);
    const path = join(disk.folder, 'a.ember');
    const outcome = await SessionWriter.create(path, syntheticMeta());
    expect(outcome).toEqual({ ok: false, error: { kind: 'disk-full', path } });
  });
});

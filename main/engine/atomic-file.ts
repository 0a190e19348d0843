import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { copyFile, open, rename, rm, writeFile } from 'node:fs/promises';

import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import { err, ok, type Result } from '#shared/result.ts';

/** Replaces a small text file in one step: a reader sees the old text or the new, never half. */
export async function writeTextAtomically(path: string, text: string): Promise<void> {
  const temporary = temporaryBeside(path);
  try {
    await writeFile(temporary, text, { mode: 0o600 });
    await rename(temporary, path);
  } catch (thrown) {
    await discard(temporary);
    throw thrown;
  }
}

/** One file to be copied. */
export interface CopyJob {
  readonly source: string;
  readonly path: string;
}

/**
 * Copies files, replacing what is there only once every copy is on the disk and has been read back
 * equal; then `stale` files go, and the copies take their names in the order given. The originals stay.
 */
export async function copyVerified(
  jobs: readonly CopyJob[],
  stale: readonly string[] = [],
): Promise<Result<null, ProfilerError>> {
  const staged = jobs.map((job) => ({ ...job, temporary: temporaryBeside(job.path) }));
  let at = jobs[0]?.path ?? '';
  try {
    for (const { source, path, temporary } of staged) {
      at = path;
      await copyFile(source, temporary);
      await flush(temporary);
      const [original, copy] = await Promise.all([digest(source), digest(temporary)]);
      if (original !== copy) throw new Error('the copy differs from the original');
    }
    for (const path of stale) await rm(path, { force: true });
    for (const { path, temporary } of staged) {
      at = path;
      await rename(temporary, path);
    }
    return ok(null);
  } catch (thrown) {
    for (const { temporary } of staged) await discard(temporary);
    return err(writeError(thrown, at));
  }
}

/** The failed write of a file, as facts. */
export function writeError(thrown: unknown, path: string): ProfilerError {
  invariant(thrown instanceof Error, 'node:fs throws errors');
  const code = 'code' in thrown ? thrown.code : '';
  if (code === 'ENOSPC' || code === 'EDQUOT') return { kind: 'disk-full', path };
  return { kind: 'output-unwritable', path, reason: thrown.message };
}

/** rm's own `force` forgives a missing file, not a path that cannot be (ENOTDIR, ENAMETOOLONG). */
async function discard(temporary: string): Promise<void> {
  if (existsSync(temporary)) await rm(temporary, { force: true });
}

const temporaryBeside = (path: string): string => `${path}.${randomBytes(4).toString('hex')}.part`;

async function flush(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

import { createHash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
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
    await rm(temporary, { force: true });
    throw thrown;
  }
}

/**
 * Copies a file to `path`, replacing what is there only once the copy is on the disk and has been
 * read back equal. The original stays.
 */
export async function copyVerified(
  source: string,
  path: string,
): Promise<Result<null, ProfilerError>> {
  const temporary = temporaryBeside(path);
  try {
    await copyFile(source, temporary);
    await flush(temporary);
    const [original, copy] = await Promise.all([digest(source), digest(temporary)]);
    if (original !== copy) throw new Error('the copy differs from the original');
    await rename(temporary, path);
    return ok(null);
  } catch (thrown) {
    await rm(temporary, { force: true });
    return err(writeError(thrown, path));
  }
}

/** The failed write of a file, as facts. */
export function writeError(thrown: unknown, path: string): ProfilerError {
  invariant(thrown instanceof Error, 'node:fs throws errors');
  const code = 'code' in thrown ? thrown.code : '';
  if (code === 'ENOSPC' || code === 'EDQUOT') return { kind: 'disk-full', path };
  return { kind: 'output-unwritable', path, reason: thrown.message };
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

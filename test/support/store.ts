import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { ProfilerError } from '../../main/shared/errors.ts';
import type { Result } from '../../main/shared/result.ts';
import type { OpenedSession } from '../../main/store/session-reader.ts';
import { SessionReader } from '../../main/store/session-reader.ts';
import type { CreateOptions } from '../../main/store/session-writer.ts';
import { SessionWriter } from '../../main/store/session-writer.ts';
import { baseBatch, samplesBatch } from './store-batches.ts';
import { syntheticMeta } from './synthetic-session.ts';

/** Unprivileged user of every Linux system. */
const NOBODY = 65_534;

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

/** Runs after the test, last registered first. */
export const afterwards = (clean: () => Promise<void> | void): void => {
  cleanups.push(clean);
};

/** A folder that any user may enter and the test removes. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'emberscope-test-'));
  chmodSync(folder, 0o755);
  afterwards(() => {
    chmodSync(folder, 0o755);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** The value of a Result that must be ok. */
export function valueOf<T>(result: Result<T, ProfilerError>): T {
  if (!result.ok) throw new Error(`unexpected error ${JSON.stringify(result.error)}`);
  return result.value;
}

/** The error of a Result that must be one. */
export function errorOf<T>(result: Result<T, ProfilerError>): ProfilerError {
  if (result.ok) throw new Error('unexpected success');
  return result.error;
}

/** A writer that is closed after the test. */
export async function newWriter(path: string, options?: CreateOptions): Promise<SessionWriter> {
  const writer = valueOf(await SessionWriter.create(path, syntheticMeta(), options));
  afterwards(() => writer[Symbol.asyncDispose]());
  return writer;
}

/** A reader that is closed after the test. */
export async function openReader(path: string): Promise<OpenedSession> {
  const opened = valueOf(await SessionReader.open(path));
  afterwards(() => opened.reader.close());
  return opened;
}

/** How many samples a reader sees now. */
export const samplesOf = async (reader: SessionReader): Promise<number> =>
  valueOf(await reader.info()).sampleCount;

/** A finished session of `count` samples. */
export async function writeSmallSession(path: string, count = 100): Promise<void> {
  const writer = await newWriter(path);
  valueOf(await writer.append(baseBatch()));
  valueOf(await writer.append(samplesBatch(count, 0)));
  valueOf(await writer.finish({ state: 'complete', endNs: 5e9 }));
}

/** Runs `work` as a user without any right to root's files; as itself when already unprivileged. */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.setegid?.(NOBODY);
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
    process.setegid?.(0);
  }
}

/** A file's content in short, to see that it did not change. */
export const digestOf = (path: string): string =>
  createHash('sha256').update(readFileSync(path)).digest('hex');

/** Hands a path to the user that asNobody becomes. */
export function giveToNobody(path: string): void {
  if (process.getuid?.() === 0) chownSync(path, NOBODY, NOBODY);
}

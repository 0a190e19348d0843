import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { failureCode } from './store-failure.ts';

/** A copy of a session in a folder of its own, mode 0700, deleted with dispose. */
export interface PrivateCopy extends AsyncDisposable {
  readonly path: string;
}

/** Copies the file with what SQLite keeps beside it, so that it can be changed without harm. */
export async function copyPrivately(path: string): Promise<PrivateCopy> {
  const folder = await mkdtemp(join(tmpdir(), 'emberscope-'));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const copy = join(folder, 'session.ember');
  try {
    for (const suffix of ['', '-wal', '-journal']) await copyIfThere(path + suffix, copy + suffix);
    return { path: copy, [Symbol.asyncDispose]: remove };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}

/** The copy may be written, whatever the original's mode. */
async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to);
    await chmod(to, 0o600);
  } catch (thrown) {
    if (failureCode(thrown) !== 'ENOENT') throw thrown;
  }
}

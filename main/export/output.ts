import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Writable } from 'node:stream';
import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';

/** Pieces are joined up to this size before they are written, characters. */
const BLOCK_CHARACTERS = 1 << 16;

/** How much was written where. */
export interface Written {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Writes a text under a name that readers see only once it is complete: into a new file beside it,
 * then renamed. What is no ordinary file (a pipe, /dev/stdout) is written to directly.
 */
export async function writeFileAtomically(
  path: string,
  text: Iterable<string>,
): Promise<Result<Written, ProfilerError>> {
  try {
    if (await isSpecial(path)) return await writeDirectly(path, text);
    return ok({ path, bytes: await writeAndRename(path, text) });
  } catch (cause) {
    return err(writingError(path, cause));
  }
}

/**
 * Writes a text to a stream as fast as its reader takes it. A reader that has seen enough (EPIPE, as
 * with "| head") is no error.
 */
export async function writeToStream(
  stream: Writable,
  name: string,
  text: Iterable<string>,
): Promise<Result<Written, ProfilerError>> {
  let failure: unknown = null;
  const onError = (cause: unknown): void => {
    failure ??= cause;
  };
  stream.on('error', onError);
  let bytes = 0;
  try {
    for (const block of blocks(text)) {
      if (failure !== null) break;
      bytes += block.length;
      if (!stream.write(block)) await Promise.race([once(stream, 'drain'), once(stream, 'close')]);
    }
    await new Promise<void>((resolve) => {
      stream.write('', (cause) => {
        if (cause) onError(cause);
        resolve();
      });
    });
  } catch (cause) {
    onError(cause);
  } finally {
    // A late error of a closed pipe must not become an uncaught exception.
    stream.off('error', onError);
    stream.on('error', () => undefined);
  }
  if (failure === null || codeOf(failure) === 'EPIPE') return ok({ path: name, bytes });
  return err(writingError(name, failure));
}

async function writeAndRename(path: string, text: Iterable<string>): Promise<number> {
  const draft = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.part`);
  const file = await open(draft, 'wx', 0o644);
  let bytes = 0;
  try {
    try {
      for (const block of blocks(text)) {
        await file.appendFile(block);
        bytes += block.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
    return bytes;
  } catch (cause) {
    await rm(draft, { force: true });
    throw cause;
  }
}

async function writeDirectly(
  path: string,
  text: Iterable<string>,
): Promise<Result<Written, ProfilerError>> {
  const stream = createWriteStream(path, { flags: 'w' });
  const written = await writeToStream(stream, path, text);
  stream.destroy();
  return written;
}

/** Exists and is neither an ordinary file nor a folder. */
async function isSpecial(path: string): Promise<boolean> {
  try {
    const found = await stat(path);
    return !found.isFile() && !found.isDirectory();
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return false;
    throw cause;
  }
}

function* blocks(text: Iterable<string>): Iterable<Buffer> {
  let block = '';
  for (const piece of text) {
    block += piece;
    if (block.length < BLOCK_CHARACTERS) continue;
    yield Buffer.from(block);
    block = '';
  }
  if (block !== '') yield Buffer.from(block);
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';

/** Errors that have words of their own; any other keeps its code. */
const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder does not exist',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  EISDIR: 'it is a folder',
};

function writingError(path: string, cause: unknown): ProfilerError {
  const code = codeOf(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') return { kind: 'disk-full', path };
  if (code === '' && cause instanceof Error && !('code' in cause)) throw cause;
  return { kind: 'output-unwritable', path, reason: REASONS[code] ?? code };
}

import type { ProfilerError } from '#shared/errors.ts';
import type { Result } from '#shared/result.ts';
import { SessionReader } from '../store/session-reader.ts';
import { log } from './terminal.ts';

/** Opens a session, does something with it, closes it. Says so when a crash had left the file. */
export async function withSession<T>(
  path: string,
  use: (reader: SessionReader) => Promise<Result<T, ProfilerError>>,
): Promise<Result<T, ProfilerError>> {
  const opened = await SessionReader.open(path);
  if (!opened.ok) return opened;
  const { reader, recovered } = opened.value;
  try {
    if (recovered) {
      log.line('Its recorder died: everything up to about the last second has been recovered.');
    }
    return await use(reader);
  } finally {
    await reader.close();
  }
}

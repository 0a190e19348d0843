import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ProfilerError } from '#shared/errors.ts';
import { formatBytes } from '#shared/text/format-value.ts';
import { printable } from '#shared/text/printable-text.ts';
import { exportSession } from '../../export/index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { log, out, printError } from '../terminal.ts';
import { withSession } from '../with-session.ts';

/** Writes a session in another format, to a file or to standard output. */
export async function runExport(
  path: string,
  options: { readonly format: string; readonly output?: string },
): Promise<ExitCode> {
  const { format, output = '-' } = options;
  const target = output === '-' ? out.raw : output;
  const same = typeof target === 'string' ? await wouldReplaceItself(path, target) : null;
  if (same !== null) return printError(same);
  const written = await withSession(path, (reader) => exportSession(reader, format, target));
  if (!written.ok) return printError(written.error);
  if (typeof target === 'string') {
    log.line(`written to ${printable(target)} (${formatBytes(written.value.bytes)})`);
  }
  return EXIT.ok;
}

/** An export would replace the session it is made from. */
async function wouldReplaceItself(session: string, output: string): Promise<ProfilerError | null> {
  const [from, to] = await Promise.all([session, output].map(realPathOr));
  if (from !== to) return null;
  return { kind: 'output-unwritable', path: output, reason: 'it is the session itself' };
}

async function realPathOr(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    // Does not exist yet: its name is all there is to compare.
    return resolve(path);
  }
}

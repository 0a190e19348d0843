import type { ProfilerError } from '#shared/errors.ts';
import { EMPTY_CURSOR } from '#shared/model/session-tables.ts';
import { ok, type Result } from '#shared/result.ts';
import type { ExportSource, ReadableSession } from './exporter.ts';

/** Reads a whole session: facts and tables, frames with every symbol found so far. */
export async function readSession(
  session: ReadableSession,
): Promise<Result<ExportSource, ProfilerError>> {
  const info = await session.info();
  if (!info.ok) return info;
  const delta = await session.delta(EMPTY_CURSOR);
  if (!delta.ok) return delta;
  return ok({ tables: delta.value.tables, info: info.value });
}

import type { ProfilerError } from '#shared/errors.ts';
import {
  EMPTY_CURSOR,
  type SessionDelta,
  type SessionTables,
} from '#shared/model/session-tables.ts';
import { ok, type Result } from '#shared/result.ts';
import type { ExportSource, ReadableSession } from './exporter.ts';

/** Reads a whole session: facts and tables, with every symbol found so far put in. */
export async function readSession(
  session: ReadableSession,
): Promise<Result<ExportSource, ProfilerError>> {
  const info = await session.info();
  if (!info.ok) return info;
  const delta = await session.delta(EMPTY_CURSOR);
  if (!delta.ok) return delta;
  return ok({ tables: tablesWithSymbols(delta.value), info: info.value });
}

/** The tables of a delta from the empty cursor, its symbols assigned to their frames. */
function tablesWithSymbols(delta: SessionDelta): SessionTables {
  const { tables, symbolFrame, symbolFunction } = delta;
  const func = Int32Array.from(tables.frames.func);
  for (let row = 0; row < symbolFrame.length; row++) func[symbolFrame[row]!] = symbolFunction[row]!;
  return { ...tables, frames: { ...tables.frames, func } };
}

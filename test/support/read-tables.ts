import type { SessionInfo } from '../../main/shared/model/session-info.ts';
import { EMPTY_CURSOR, type SessionTables } from '../../main/shared/model/session-tables.ts';
import { SessionReader } from '../../main/store/session-reader.ts';

/** Everything in a session file; throws with the reader's own words. */
export async function readTables(
  file: string,
): Promise<{ readonly tables: SessionTables; readonly info: SessionInfo }> {
  const opened = await SessionReader.open(file);
  if (!opened.ok) throw new Error(JSON.stringify(opened.error));
  const { reader } = opened.value;
  try {
    const [delta, info] = [await reader.delta(EMPTY_CURSOR), await reader.info()];
    if (!delta.ok) throw new Error(JSON.stringify(delta.error));
    if (!info.ok) throw new Error(JSON.stringify(info.error));
    return { tables: delta.value.tables, info: info.value };
  } finally {
    await reader.close();
  }
}

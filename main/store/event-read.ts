import type { TraceValue } from '#shared/model/trace-fields.ts';
import type { Connection } from './connection.ts';
import { undamaged } from './store-failure.ts';

/** Values of one event's fields; null: there is no such event, or the source has no fields. */
export type EventFields = readonly TraceValue[] | null;

/**
 * Fields of a source's samples. An ordinal counts the source's samples in the order of the file, which
 * is the order of their rows in SampleTable.
 */
export async function readEventFields(
  connection: Connection,
  source: number,
  ordinals: readonly number[],
): Promise<readonly EventFields[]> {
  const chunks = await connection.all(
    'SELECT id, samples FROM sample_chunk WHERE source = ? ORDER BY id',
    [source],
  );
  const found = new Map<number, EventFields>();
  let first = 0;
  for (const { id, samples } of chunks) {
    undamaged(typeof samples === 'number', 'sample_chunk.samples is no number');
    const end = first + samples;
    const wanted = ordinals.filter((ordinal) => ordinal >= first && ordinal < end);
    if (wanted.length > 0) {
      const row = await connection.one('SELECT fields FROM sample_chunk WHERE id = ?', [id ?? 0]);
      const events = parseFields(row['fields'] ?? null, samples);
      for (const ordinal of wanted) found.set(ordinal, events?.[ordinal - first] ?? null);
    }
    first = end;
  }
  return ordinals.map((ordinal) => found.get(ordinal) ?? null);
}

function parseFields(blob: unknown, samples: number): readonly (readonly TraceValue[])[] | null {
  if (blob === null) return null;
  undamaged(blob instanceof Uint8Array, 'sample_chunk.fields is no blob');
  let events: unknown;
  try {
    events = JSON.parse(new TextDecoder().decode(blob));
  } catch (thrown) {
    undamaged(!(thrown instanceof SyntaxError), 'sample_chunk.fields is no JSON');
    throw thrown;
  }
  const isSound =
    Array.isArray(events) && events.length === samples && events.every(isListOfValues);
  undamaged(isSound, 'sample_chunk.fields is no list of events');
  return events as (readonly TraceValue[])[];
}

const isListOfValues = (event: unknown): boolean =>
  Array.isArray(event) &&
  event.every((value) => typeof value === 'string' || typeof value === 'number');

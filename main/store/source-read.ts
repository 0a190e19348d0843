import { LATENCY_BUCKETS } from '#shared/model/latency-buckets.ts';
import {
  type LatencyTable,
  type SeriesTable,
  type SessionCursor,
  type SourceTable,
  WEIGHT_UNITS,
} from '#shared/model/session-tables.ts';
import { type RowRange, readNumbers, readTexts } from './column-query.ts';
import type { Connection } from './connection.ts';
import { undamaged } from './store-failure.ts';

/** What was measured: all sources, in the order of their ids. */
export async function readSources(connection: Connection, to: SessionCursor): Promise<SourceTable> {
  const range = { table: 'source', from: 0, to: to.sources };
  const [kind = [], title = [], unit = [], mechanism = [], note = [], detail = [], fields = []] =
    await readTexts(connection, range, [
      ...['kind', 'title', 'unit', 'mechanism', 'note', 'detail', 'fields'],
    ]);
  const known: readonly string[] = WEIGHT_UNITS;
  undamaged(
    unit.every((name) => known.includes(name)),
    'source.unit is none we know',
  );
  undamaged(fields.every(isFieldList), 'source.fields is no list of fields');
  return { length: to.sources, kind, title, unit, mechanism, note, detail, fields };
}

/** JSON text of TraceField values, whose names are shown; empty: no trace. */
function isFieldList(text: string): boolean {
  if (text === '') return true;
  try {
    const fields: unknown = JSON.parse(text);
    return Array.isArray(fields) && fields.every(hasName);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return false;
    throw thrown;
  }
}

const hasName = (field: unknown): boolean =>
  typeof field === 'object' && field !== null && 'name' in field && typeof field.name === 'string';

export async function readSeries(
  connection: Connection,
  range: RowRange,
  to: SessionCursor,
): Promise<SeriesTable> {
  const length = range.to - range.from;
  const source = new Uint8Array(length);
  const process = new Int32Array(length);
  await readNumbers(connection, range, [
    { sql: 'source', into: source },
    { sql: 'coalesce(process, -1)', into: process },
  ]);
  undamaged(
    source.every((row) => row < to.sources),
    'series.source names a row that is not there',
  );
  undamaged(
    process.every((row) => row >= -1 && row < to.processes),
    'series.process names a row that is not there',
  );
  const [name = [], variant = []] = await readTexts(connection, range, ['name', 'variant']);
  return { length, source, process, name, variant };
}

export async function readLatencies(
  connection: Connection,
  range: RowRange,
  to: SessionCursor,
): Promise<LatencyTable> {
  const length = range.to - range.from;
  const series = new Int32Array(length);
  const slice = new Int32Array(length);
  const bucket = new Int32Array(length);
  const count = new Float64Array(length);
  const total = new Float64Array(length);
  const max = new Float64Array(length);
  await readNumbers(connection, range, [
    { sql: 'series', into: series },
    { sql: 'slice', into: slice },
    { sql: 'bucket', into: bucket },
    { sql: 'count', into: count },
    { sql: 'total', into: total },
    { sql: 'max', into: max },
  ]);
  const isSound =
    series.every((row) => row >= 0 && row < to.series) &&
    bucket.every((at) => at >= 0 && at < LATENCY_BUCKETS);
  undamaged(isSound, 'latency names a series or a bucket that is not there');
  return { length, series, slice, bucket: Uint16Array.from(bucket), count, total, max };
}

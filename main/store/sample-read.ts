import { MAX_SOURCES } from '#shared/model/capture-spec.ts';
import type { SampleTable } from '#shared/model/session-tables.ts';
import { type PackableColumn, unpackColumn } from './chunk-codec.ts';
import { parseNumbers } from './column-query.ts';
import type { Connection, SqlRow } from './connection.ts';
import type { SqlValue } from './statement.ts';
import { undamaged } from './store-failure.ts';

/** Most samples, and most chunks, fetched and decoded at once: bounds memory and pauses. */
const PAGE_SAMPLES = 131_072;
const PAGE_CHUNKS = 512;

/** Chunks [from, to) by id. */
export interface ChunkRange {
  readonly from: number;
  readonly to: number;
}

/** The sample columns, still being filled. */
interface Columns {
  readonly time: Float64Array;
  readonly thread: Int32Array;
  readonly stack: Int32Array;
  readonly cpu: Uint16Array;
  readonly weight: Float64Array;
  readonly source: Uint8Array;
  readonly series: Int32Array;
  readonly value: Float64Array;
}

/** Number of samples of each chunk of the range. */
async function chunkSizes(connection: Connection, { from, to }: ChunkRange): Promise<Int32Array> {
  const sizes = new Int32Array(to - from);
  if (to === from) return sizes;
  const { text } = await connection.one(
    `SELECT CAST(group_concat(samples) AS BLOB) AS text
     FROM sample_chunk WHERE id >= ? AND id < ?`,
    [from, to],
  );
  const sound = text instanceof Uint8Array && parseNumbers(text, sizes);
  undamaged(sound && sizes.every((size) => size > 0), 'sample_chunk has gaps');
  return sizes;
}

/** Decodes the samples of a range of chunks, in the order they were written. */
export async function readSamples(connection: Connection, range: ChunkRange): Promise<SampleTable> {
  const sizes = await chunkSizes(connection, range);
  const length = sizes.reduce((sum, size) => sum + size, 0);
  const columns: Columns = {
    time: new Float64Array(length),
    thread: new Int32Array(length),
    stack: new Int32Array(length),
    cpu: new Uint16Array(length),
    weight: new Float64Array(length),
    source: new Uint8Array(length),
    series: new Int32Array(length),
    value: new Float64Array(length),
  };
  let at = 0;
  for (let id = range.from; id < range.to; ) {
    const end = pageEnd(sizes, range, id);
    const rows = await connection.all(
      `SELECT source, first_ns, samples, times, threads, stacks, cpus, weights, series, measured
       FROM sample_chunk WHERE id >= ? AND id < ? ORDER BY id`,
      [id, end],
    );
    undamaged(rows.length === end - id, 'sample_chunk has gaps');
    for (const row of rows) at += decodeChunk(row, columns, at);
    id = end;
  }
  return { length, ...columns };
}

function pageEnd(sizes: Int32Array, { from, to }: ChunkRange, start: number): number {
  let end = start + 1;
  let samples = sizes[start - from]!;
  while (end < to && end - start < PAGE_CHUNKS && samples + sizes[end - from]! <= PAGE_SAMPLES) {
    samples += sizes[end - from]!;
    end++;
  }
  return end;
}

/** Decodes one row into the columns from `at` on and returns its number of samples. */
function decodeChunk(row: SqlRow, columns: Columns, at: number): number {
  const count = whole(row['samples']);
  undamaged(at + count <= columns.time.length, 'sample_chunk changed while it was read');
  const column = (name: string, into: PackableColumn, base: number): void =>
    unpackColumn(blob(row[name]), { into, at, count, base });
  column('times', columns.time, whole(row['first_ns']));
  column('threads', columns.thread, 0);
  column('stacks', columns.stack, -1);
  column('cpus', columns.cpu, 0);
  if (row['weights'] === null) columns.weight.fill(1, at, at + count);
  else column('weights', columns.weight, 0);
  const source = whole(row['source']);
  undamaged(source >= 0 && source < MAX_SOURCES, 'sample_chunk.source is out of range');
  columns.source.fill(source, at, at + count);
  if (row['series'] === null) columns.series.fill(-1, at, at + count);
  else column('series', columns.series, -1);
  if (row['measured'] !== null) column('measured', columns.value, 0);
  return count;
}

function whole(value: SqlValue | undefined): number {
  undamaged(typeof value === 'number' && Number.isSafeInteger(value), 'sample_chunk has no number');
  return value;
}

function blob(value: SqlValue | undefined): Uint8Array {
  undamaged(value instanceof Uint8Array, 'sample_chunk has no bytes where a column belongs');
  return value;
}

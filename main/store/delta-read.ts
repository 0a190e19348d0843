import type {
  FrameTable,
  FunctionTable,
  ImageProblemTable,
  ImageTable,
  ProcessTable,
  SampleTable,
  SessionCursor,
  SessionDelta,
  SourceFileTable,
  StackTable,
  SymbolTable,
  ThreadTable,
} from '#shared/model/session-tables.ts';
import { FRAME_KINDS, IMAGE_KINDS } from '#shared/model/session-tables.ts';
import { applySymbols, MAX_INLINE_DEPTH } from '#shared/model/symbols.ts';
import { isInterpretedName } from '#shared/text/runtime-names.ts';
import type { RowRange } from './column-query.ts';
import { readNumbers, readTexts } from './column-query.ts';
import type { Connection } from './connection.ts';
import { readSamples } from './sample-read.ts';
import { readLatencies, readSeries, readSources } from './source-read.ts';
import type { SqlValue } from './statement.ts';
import { undamaged } from './store-failure.ts';

const CURSOR_TABLES = [
  ['images', 'image'],
  ['processes', 'process'],
  ['threads', 'thread'],
  ['functions', 'function'],
  ['sourceFiles', 'source_file'],
  ['frames', 'frame'],
  ['stacks', 'stack'],
  ['chunks', 'sample_chunk'],
  ['symbols', 'symbol'],
  ['sources', 'source'],
  ['series', 'series'],
  ['latencies', 'latency'],
] as const;

/** How many rows of everything the file holds now. */
export async function readCursor(connection: Connection): Promise<SessionCursor> {
  const counts = CURSOR_TABLES.map(
    ([field, table]) => `(SELECT coalesce(max(id) + 1, 0) FROM ${table}) AS ${field}`,
  );
  const row = await connection.one(`SELECT ${counts.join(', ')}`);
  const { bytes } = await connection.one(
    'SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size',
  );
  // Ids are dense and a row takes a byte at least: more are damage, and no memory is taken for them.
  const rows = (field: keyof SessionCursor): number => {
    const count = asCount(row[field]);
    undamaged(count <= asCount(bytes), 'a table has ids beyond the size of the file');
    return count;
  };
  return {
    images: rows('images'),
    processes: rows('processes'),
    threads: rows('threads'),
    functions: rows('functions'),
    sourceFiles: rows('sourceFiles'),
    frames: rows('frames'),
    stacks: rows('stacks'),
    chunks: rows('chunks'),
    symbols: rows('symbols'),
    sources: rows('sources'),
    series: rows('series'),
    latencies: rows('latencies'),
  };
}

/** Whether a cursor can have come from this file at an earlier time. */
export const isWithin = (cursor: SessionCursor, end: SessionCursor): boolean =>
  CURSOR_TABLES.every(
    ([field]) =>
      Number.isInteger(cursor[field]) && cursor[field] >= 0 && cursor[field] <= end[field],
  );

function asCount(value: SqlValue | undefined): number {
  undamaged(typeof value === 'number' && value >= 0, 'a table has negative ids');
  return value;
}

/** Rows from one cursor to another; the caller's transaction keeps the file still meanwhile. */
export async function readDelta(
  connection: Connection,
  from: SessionCursor,
  to: SessionCursor,
): Promise<SessionDelta> {
  const range = (field: keyof SessionCursor, table: string): RowRange => ({
    table,
    from: from[field],
    to: to[field],
  });
  const images = await readImages(connection, range('images', 'image'));
  const processes = await readProcesses(connection, to.processes);
  const threads = await readThreads(connection, to);
  const imageProblems = await readImageProblems(connection, to);
  const functions = await readFunctions(connection, range('functions', 'function'), to);
  const sourceFiles = await readSourceFiles(connection, range('sourceFiles', 'source_file'));
  const frames = await readFrames(connection, range('frames', 'frame'), to);
  const stacks = await readStacks(connection, range('stacks', 'stack'), to);
  const samples = await readSamples(connection, { from: from.chunks, to: to.chunks });
  checkSamples(samples, to);
  const symbols = await readSymbols(connection, range('symbols', 'symbol'), to);
  applySymbols(frames, symbols, { firstRow: from.symbols, firstFrame: from.frames });
  const sources = await readSources(connection, to);
  const series = await readSeries(connection, range('series', 'series'), to);
  const latencies = await readLatencies(connection, range('latencies', 'latency'), to);
  return {
    ...{ from, to },
    tables: {
      ...{ images, imageProblems, processes, threads, functions, sourceFiles },
      ...{ symbols, frames, stacks, samples, sources, series, latencies },
    },
  };
}

/** Throws DamageFound unless every value lies in [least, limit). */
function within(column: Int32Array | Uint8Array, least: number, limit: number, what: string): void {
  let sound = true;
  for (const value of column) sound &&= value >= least && value < limit;
  undamaged(sound, `${what} names a row that is not there`);
}

async function readImages(connection: Connection, range: RowRange): Promise<ImageTable> {
  const length = range.to - range.from;
  const kind = new Uint8Array(length);
  await readNumbers(connection, range, [{ sql: 'kind', into: kind }]);
  within(kind, 0, IMAGE_KINDS.length, 'image.kind');
  const [path = [], buildId = []] = await readTexts(connection, range, ['path', 'build_id']);
  return { length, kind, path, buildId };
}

async function readProcesses(connection: Connection, length: number): Promise<ProcessTable> {
  const range = { table: 'process', from: 0, to: length };
  const pid = new Int32Array(length);
  const parentPid = new Int32Array(length);
  const start = new Float64Array(length);
  const end = new Float64Array(length);
  await readNumbers(connection, range, [
    { sql: 'pid', into: pid },
    { sql: 'parent_pid', into: parentPid },
    { sql: 'start_ns', into: start },
    { sql: `coalesce(end_ns, 'n')`, into: end },
  ]);
  const [comm = [], exe = []] = await readTexts(connection, range, ['comm', 'exe']);
  return { length, pid, parentPid, start, end, comm, exe };
}

async function readThreads(connection: Connection, to: SessionCursor): Promise<ThreadTable> {
  const length = to.threads;
  const range = { table: 'thread', from: 0, to: length };
  const process = new Int32Array(length);
  const tid = new Int32Array(length);
  await readNumbers(connection, range, [
    { sql: 'process', into: process },
    { sql: 'tid', into: tid },
  ]);
  within(process, 0, to.processes, 'thread.process');
  const [comm = []] = await readTexts(connection, range, ['comm']);
  return { length, process, tid, comm };
}

/** The runtime's own name of a function in generated code; empty for others. */
const GENERATED_NAME = `(SELECT CASE image.kind WHEN ${IMAGE_KINDS.indexOf('jit')} THEN raw_name ELSE '' END
  FROM image WHERE image.id = function.image)`;

async function readFunctions(
  connection: Connection,
  range: RowRange,
  to: SessionCursor,
): Promise<FunctionTable> {
  const length = range.to - range.from;
  const image = new Int32Array(length);
  await readNumbers(connection, range, [{ sql: 'image', into: image }]);
  within(image, 0, to.images, 'function.image');
  const [name = [], generated = []] = await readTexts(connection, range, ['name', GENERATED_NAME]);
  const interpreted = Uint8Array.from(generated, (raw) => (isInterpretedName(raw) ? 1 : 0));
  return { length, name, image, interpreted };
}

async function readFrames(
  connection: Connection,
  range: RowRange,
  to: SessionCursor,
): Promise<FrameTable> {
  const length = range.to - range.from;
  const image = new Int32Array(length);
  const offset = new Float64Array(length);
  const kind = new Uint8Array(length);
  await readNumbers(connection, range, [
    { sql: 'image', into: image },
    { sql: 'offset', into: offset },
    { sql: 'kind', into: kind },
  ]);
  within(image, 0, to.images, 'frame.image');
  within(kind, 0, FRAME_KINDS.length, 'frame.kind');
  const func = new Int32Array(length).fill(-1);
  return { length, image, offset, kind, func, symbol: func.slice() };
}

async function readStacks(
  connection: Connection,
  range: RowRange,
  to: SessionCursor,
): Promise<StackTable> {
  const length = range.to - range.from;
  const parent = new Int32Array(length);
  const frame = new Int32Array(length);
  // Mostly 1: short texts are quick to make and to parse.
  await readNumbers(connection, range, [
    { sql: 'coalesce(id - parent, 0)', into: parent },
    { sql: 'frame', into: frame },
  ]);
  within(frame, 0, to.frames, 'stack.frame');
  let ordered = true;
  for (let i = 0; i < length; i++) {
    const id = range.from + i;
    const distance = parent[i]!;
    ordered &&= distance >= 0 && distance <= id;
    parent[i] = distance === 0 ? -1 : id - distance;
  }
  undamaged(ordered, 'stack.parent does not precede its children');
  return { length, parent, frame };
}

function checkSamples({ thread, stack, source, series }: SampleTable, to: SessionCursor): void {
  within(source, 0, to.sources, 'a sample source');
  within(series, -1, to.series, 'a sample series');
  within(thread, 0, to.threads, 'a sample thread');
  within(stack, -1, to.stacks, 'a sample stack');
}

async function readSymbols(
  connection: Connection,
  range: RowRange,
  to: SessionCursor,
): Promise<SymbolTable> {
  const length = range.to - range.from;
  const frame = new Int32Array(length);
  const depth = new Float64Array(length);
  const func = new Int32Array(length);
  const file = new Int32Array(length);
  const line = new Int32Array(length);
  await readNumbers(connection, range, [
    { sql: 'frame', into: frame },
    { sql: 'depth', into: depth },
    { sql: 'function', into: func },
    { sql: 'coalesce(file, -1)', into: file },
    { sql: 'coalesce(line, 0)', into: line },
  ]);
  within(frame, 0, to.frames, 'symbol.frame');
  within(func, 0, to.functions, 'symbol.function');
  within(file, -1, to.sourceFiles, 'symbol.file');
  const isSound = depth.every((value) => value >= 0 && value <= MAX_INLINE_DEPTH);
  undamaged(isSound, 'symbol.depth is out of range');
  return { length, frame, depth: Uint8Array.from(depth), func, file, line };
}

async function readSourceFiles(connection: Connection, range: RowRange): Promise<SourceFileTable> {
  const [path = []] = await readTexts(connection, range, ['path']);
  return { length: range.to - range.from, path };
}

/** At most a row per image. */
async function readImageProblems(
  connection: Connection,
  to: SessionCursor,
): Promise<ImageProblemTable> {
  const rows = await connection.all('SELECT image, problem FROM image_problem ORDER BY image');
  const image = Int32Array.from(rows, (row) => Number(row['image']));
  within(image, 0, to.images, 'image_problem.image');
  return { length: rows.length, image, problem: rows.map((row) => String(row['problem'])) };
}

import { invariant } from '../invariant.ts';
import type { SessionCursor, SessionDelta, SessionTables } from './session-tables.ts';
import { EMPTY_CURSOR } from './session-tables.ts';

/**
 * A SessionDelta as bytes, for transfer between processes (never stored). Layout, little endian:
 *
 *   u32 magic "EMD1", u32 header length H, H bytes of JSON in UTF-8 padded with spaces to 8 bytes,
 *   then the numeric columns as raw typed arrays, each starting at a multiple of 8.
 *
 * The header holds the cursors, the text columns, and of every numeric column its name, type, length
 * and offset from the end of the header. Decoding makes views where the buffer is aligned.
 */
const MAGIC = 0x31_44_4d_45; // "EMD1"
const PREFIX_BYTES = 8;
const ALIGNMENT = 8;

/** Web standard, in every runtime of ours; the language's own library does not declare them. */
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  label: string,
  options: { readonly fatal: boolean },
) => { decode(bytes: Uint8Array): string };

const ARRAY_TYPES = {
  u8: Uint8Array,
  u16: Uint16Array,
  i32: Int32Array,
  f64: Float64Array,
} as const;
type ArrayType = keyof typeof ARRAY_TYPES;
type NumericColumn = Uint8Array | Uint16Array | Int32Array | Float64Array;
type ColumnType = ArrayType | 'text';

/** Every column of every table; a column missing here would not compile as SessionTables. */
const LAYOUT = {
  images: { kind: 'u8', path: 'text', buildId: 'text' },
  processes: { pid: 'i32', parentPid: 'i32', start: 'f64', end: 'f64', comm: 'text', exe: 'text' },
  threads: { process: 'i32', tid: 'i32', comm: 'text' },
  imageProblems: { image: 'i32', problem: 'text' },
  functions: { name: 'text', image: 'i32', interpreted: 'u8' },
  sourceFiles: { path: 'text' },
  symbols: { frame: 'i32', depth: 'u8', func: 'i32', file: 'i32', line: 'i32' },
  frames: { image: 'i32', offset: 'f64', kind: 'u8', func: 'i32', symbol: 'i32' },
  stacks: { parent: 'i32', frame: 'i32' },
  samples: {
    ...{ time: 'f64', thread: 'i32', stack: 'i32', cpu: 'u16', weight: 'f64' },
    ...{ source: 'u8', series: 'i32', value: 'f64' },
  },
  sources: {
    ...{ kind: 'text', title: 'text', unit: 'text', mechanism: 'text' },
    ...{ note: 'text', detail: 'text', fields: 'text' },
  },
  series: { source: 'u8', process: 'i32', name: 'text', variant: 'text' },
  latencies: {
    ...{ series: 'i32', slice: 'i32', bucket: 'u16' },
    ...{ count: 'f64', total: 'f64', max: 'f64' },
  },
} as const satisfies {
  readonly [T in keyof SessionTables]: {
    readonly [C in Exclude<keyof SessionTables[T], 'length'>]: TypeOf<SessionTables[T][C]>;
  };
};
type TypeOf<Column> = Column extends readonly string[]
  ? 'text'
  : Column extends Uint8Array
    ? 'u8'
    : Column extends Uint16Array
      ? 'u16'
      : Column extends Int32Array
        ? 'i32'
        : 'f64';

const TABLE_NAMES = Object.keys(LAYOUT) as (keyof SessionTables)[];
const CURSOR_FIELDS = Object.keys(EMPTY_CURSOR) as (keyof SessionCursor)[];

interface ColumnEntry {
  readonly name: string;
  readonly type: ArrayType;
  /** Elements. */
  readonly length: number;
  /** Bytes from the end of the header. */
  readonly offset: number;
}
interface Header {
  readonly from: SessionCursor;
  readonly to: SessionCursor;
  readonly columns: readonly ColumnEntry[];
  /** "table.column" → texts. */
  readonly texts: Readonly<Record<string, readonly string[]>>;
  /** Table → rows. */
  readonly lengths: Readonly<Record<string, number>>;
}

const padded = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Columns of a table as a plain record; the static types are known to LAYOUT. */
type LooseTable = Readonly<Record<string, unknown>>;

const columnsOf = (table: keyof SessionTables): readonly (readonly [string, ColumnType])[] =>
  Object.entries(LAYOUT[table]);

/** Packs a delta; the result owns its bytes. */
export function encodeDelta(delta: SessionDelta): Uint8Array<ArrayBuffer> {
  const columns: ColumnEntry[] = [];
  const raw: NumericColumn[] = [];
  const texts: Record<string, readonly string[]> = {};
  const lengths: Record<string, number> = {};
  let offset = 0;
  const add = (name: string, type: ArrayType, column: NumericColumn): void => {
    columns.push({ name, type, length: column.length, offset });
    raw.push(column);
    offset += padded(column.byteLength);
  };
  for (const table of TABLE_NAMES) {
    lengths[table] = delta.tables[table].length;
    const source = delta.tables[table] as unknown as LooseTable;
    for (const [name, type] of columnsOf(table)) {
      if (type === 'text') texts[`${table}.${name}`] = source[name] as readonly string[];
      else add(`${table}.${name}`, type, source[name] as NumericColumn);
    }
  }
  const header: Header = { from: delta.from, to: delta.to, columns, texts, lengths };
  return assemble(new TextEncoder().encode(JSON.stringify(header)), columns, raw);
}

function assemble(
  json: Uint8Array,
  columns: readonly ColumnEntry[],
  raw: readonly NumericColumn[],
): Uint8Array<ArrayBuffer> {
  const headerBytes = padded(json.length);
  const body = PREFIX_BYTES + headerBytes;
  const last = columns.at(-1);
  const end = last === undefined ? 0 : last.offset + padded(raw.at(-1)?.byteLength ?? 0);
  const bytes = new Uint8Array(body + end);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, headerBytes, true);
  bytes.set(json, PREFIX_BYTES);
  bytes.fill(0x20, PREFIX_BYTES + json.length, body);
  raw.forEach((column, k) => {
    const source = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
    bytes.set(source, body + columns[k]!.offset);
  });
  return bytes;
}

/** The bytes come from encodeDelta of the same product: anything else is a bug or a broken transfer. */
function demand(condition: boolean, reason: string): asserts condition {
  invariant(condition, `session delta: ${reason}`);
}

/** Unpacks a delta, as views into `bytes` where they are aligned. Throws if the bytes are no delta. */
export function decodeDelta(bytes: Uint8Array): SessionDelta {
  demand(bytes.length >= PREFIX_BYTES, 'shorter than its prefix');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  demand(view.getUint32(0, true) === MAGIC, 'not a session delta');
  const body = PREFIX_BYTES + view.getUint32(4, true);
  demand(body <= bytes.length && body % ALIGNMENT === 0, 'its header is cut off');
  const json = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(PREFIX_BYTES, body));
  const header = checkHeader(JSON.parse(json));
  const columns = new Map<string, NumericColumn>();
  for (const entry of header.columns) columns.set(entry.name, columnAt(bytes, body, entry));
  const numbers = (name: string, type: ArrayType): NumericColumn => {
    const column = columns.get(name);
    demand(column instanceof ARRAY_TYPES[type], `column ${name} is missing or of another type`);
    return column;
  };
  const tables: Record<string, unknown> = {};
  for (const table of TABLE_NAMES) tables[table] = decodeTable(table, header, numbers);
  return { from: header.from, to: header.to, tables: tables as unknown as SessionTables };
}

function decodeTable(
  table: keyof SessionTables,
  header: Header,
  numbers: (name: string, type: ArrayType) => NumericColumn,
): LooseTable {
  const length = header.lengths[table];
  demand(isCount(length), `table ${table} has no length`);
  const out: Record<string, unknown> = { length };
  for (const [name, type] of columnsOf(table)) {
    const full = `${table}.${name}`;
    const column = type === 'text' ? header.texts[full] : numbers(full, type);
    demand(column?.length === length, `column ${full} has another length than its table`);
    out[name] = column;
  }
  return out;
}

/** The bytes of one column: a view if aligned, else a copy. */
function columnAt(bytes: Uint8Array, body: number, entry: ColumnEntry): NumericColumn {
  const Column = ARRAY_TYPES[entry.type];
  const start = body + entry.offset;
  const byteLength = entry.length * Column.BYTES_PER_ELEMENT;
  demand(start + byteLength <= bytes.length, `column ${entry.name} is cut off`);
  const at = bytes.byteOffset + start;
  if (at % Column.BYTES_PER_ELEMENT === 0)
    return new Column(bytes.buffer as ArrayBuffer, at, entry.length);
  return new Column(bytes.slice(start, start + byteLength).buffer);
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCursor = (value: unknown): value is SessionCursor =>
  isRecord(value) && CURSOR_FIELDS.every((field) => isCount(value[field]));
const isText = (value: unknown): boolean => typeof value === 'string';
const isColumn = (value: unknown): value is ColumnEntry =>
  isRecord(value) &&
  typeof value['name'] === 'string' &&
  Object.hasOwn(ARRAY_TYPES, String(value['type'])) &&
  isCount(value['length']) &&
  isCount(value['offset']);

function checkHeader(header: unknown): Header {
  demand(isRecord(header), 'its header is no object');
  const { from, to, columns, texts, lengths } = header;
  demand(isCursor(from) && isCursor(to), 'its header has no cursors');
  demand(Array.isArray(columns) && columns.every(isColumn), 'its header has no columns');
  demand(isRecord(lengths) && isRecord(texts), 'its header has no tables');
  const areTexts = Object.values(texts).every((list) => Array.isArray(list) && list.every(isText));
  demand(areTexts, 'a text column holds something else');
  return {
    ...{ from, to, columns },
    texts: texts as Header['texts'],
    lengths: lengths as Header['lengths'],
  };
}

/** A cursor for a URL: its counts in the order of EMPTY_CURSOR, joined by "." */
export function cursorToText(cursor: SessionCursor): string {
  for (const field of CURSOR_FIELDS) invariant(isCount(cursor[field]), `cursor.${field}`);
  return CURSOR_FIELDS.map((field) => cursor[field]).join('.');
}

/** Reads cursorToText's form; null for anything else. */
export function cursorFromText(text: string): SessionCursor | null {
  if (!/^\d{1,15}(\.\d{1,15})*$/.test(text)) return null;
  const counts = text.split('.').map(Number);
  if (counts.length !== CURSOR_FIELDS.length) return null;
  const cursor = { ...EMPTY_CURSOR };
  CURSOR_FIELDS.forEach((field, k) => (cursor[field] = counts[k]!));
  return cursor;
}

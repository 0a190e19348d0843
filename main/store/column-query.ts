import type { Connection } from './connection.ts';
import { undamaged } from './store-failure.ts';

/**
 * Reads tables column by column: SQLite joins a page of one column into one text, on its own thread,
 * and a loop over bytes makes a typed array of it. Measured 12 times faster than row objects, and
 * the event loop is held only for the loop over one page.
 */
const PAGE_ROWS = 65_536;

const COMMA = 44;
const MINUS = 45;
const ZERO = 48;
const NINE = 57;
const LETTER_N = 110;

type NumberColumn = Int32Array | Float64Array | Uint8Array;

/** Rows [from, to) of a table whose ids are dense. */
export interface RowRange {
  readonly table: string;
  readonly from: number;
  readonly to: number;
}

/** One column: an SQL expression over the table's columns, never NULL ("n" stands for NaN). */
export interface NumberQuery {
  readonly sql: string;
  readonly into: NumberColumn;
}

/** Fills the columns with the range's rows; throws DamageFound unless every row is there. */
export async function readNumbers(
  connection: Connection,
  range: RowRange,
  columns: readonly NumberQuery[],
): Promise<void> {
  const { table, from, to } = range;
  const picks = columns.map(({ sql }, k) => `CAST(group_concat(${sql}) AS BLOB) AS c${k}`);
  const query = `SELECT ${picks.join(', ')} FROM ${table} WHERE id >= ? AND id < ?`;
  for (let start = from; start < to; start += PAGE_ROWS) {
    const end = Math.min(to, start + PAGE_ROWS);
    const row = await connection.one(query, [start, end]);
    columns.forEach(({ into }, k) => {
      const text = row[`c${k}`];
      undamaged(text instanceof Uint8Array, `${table} has no rows ${start} to ${end}`);
      const target = into.subarray(start - from, end - from);
      undamaged(
        parseNumbers(text, target),
        `${table} has gaps or no numbers in ${start} to ${end}`,
      );
    });
  }
}

/** Parses exactly `into.length` whole numbers (or "n") separated by commas; false otherwise. */
export function parseNumbers(text: Uint8Array, into: NumberColumn): boolean {
  let at = 0;
  for (let i = 0; i < into.length; i++) {
    let value = 0;
    const negative = text[at] === MINUS;
    if (negative) at++;
    const first = at;
    for (let byte = text[at]!; byte >= ZERO && byte <= NINE; byte = text[++at]!) {
      value = value * 10 + (byte - ZERO);
    }
    if (at === first) {
      if (text[at] !== LETTER_N) return false;
      value = NaN;
      at++;
    }
    if (at < text.length && text[at] !== COMMA) return false;
    at++;
    into[i] = negative ? -value : value;
  }
  return at === text.length + 1;
}

/** Text columns of the range's rows, in the order of `columns`. */
export async function readTexts(
  connection: Connection,
  range: RowRange,
  columns: readonly string[],
): Promise<readonly (readonly string[])[]> {
  const { table, from, to } = range;
  const out = columns.map((): string[] => []);
  const picks = columns.map((column, k) => `json_group_array(${column}) AS c${k}`);
  const query = `SELECT ${picks.join(', ')} FROM ${table} WHERE id >= ? AND id < ?`;
  for (let start = from; start < to; start += PAGE_ROWS) {
    const end = Math.min(to, start + PAGE_ROWS);
    const row = await connection.one(query, [start, end]);
    columns.forEach((column, k) => {
      const page: unknown = JSON.parse(String(row[`c${k}`]));
      undamaged(isTexts(page, end - start), `${table}.${column} has gaps or no text`);
      for (const text of page) out[k]!.push(text);
    });
  }
  return out;
}

const isTexts = (page: unknown, rows: number): page is readonly string[] =>
  Array.isArray(page) && page.length === rows && page.every((value) => typeof value === 'string');

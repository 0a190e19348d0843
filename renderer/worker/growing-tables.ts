import {
  EMPTY_CURSOR,
  type SessionCursor,
  type SessionDelta,
  type SessionTables,
} from '#shared/model/session-tables.ts';
import { applySymbols } from '#shared/model/symbols.ts';

type Column = Int32Array | Float64Array | Uint16Array | Uint8Array;
type Growable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * The tables of one session, grown delta by delta. Columns have room beyond `length`: readers go by
 * `length`, never by the column's own. The first delta is taken as it is, without a copy.
 */
export class GrowingTables {
  cursor: SessionCursor = EMPTY_CURSOR;
  private held: SessionTables | null = null;

  get tables(): SessionTables | null {
    return this.held;
  }

  /** Adds the rows of `delta`, which must start where the last one ended. True: something changed. */
  append(delta: SessionDelta): boolean {
    const { tables } = delta;
    if (this.held === null) {
      this.held = tables;
    } else {
      const { held } = this;
      this.held = {
        images: appended(held.images, tables.images),
        imageProblems: tables.imageProblems,
        processes: tables.processes,
        threads: tables.threads,
        functions: appended(held.functions, tables.functions),
        sourceFiles: appended(held.sourceFiles, tables.sourceFiles),
        symbols: appended(held.symbols, tables.symbols),
        frames: appended(held.frames, tables.frames),
        stacks: appended(held.stacks, tables.stacks),
        samples: appended(held.samples, tables.samples),
        sources: tables.sources,
        series: appended(held.series, tables.series),
        latencies: appended(held.latencies, tables.latencies),
      };
    }
    applySymbols(this.held.frames, tables.symbols, {
      firstRow: delta.from.symbols,
      firstFrame: 0,
    });
    const changed = !sameCursor(this.cursor, delta.to);
    this.cursor = delta.to;
    return changed;
  }
}

/** `added` behind `table`: in place where there is room, else into columns of twice the size. */
function appended<T extends { readonly length: number }>(table: T, added: T): T {
  if (added.length === 0) return table;
  const result: Growable<T> = { ...table };
  const length = table.length + added.length;
  for (const name of Object.keys(table) as (keyof T)[]) {
    if (name === 'length') continue;
    const held = table[name];
    const fresh = added[name];
    if (Array.isArray(held)) {
      // String columns are only ever read through the newest table, so they may grow in place.
      for (const text of fresh as readonly string[]) (held as string[]).push(text);
    } else {
      const room = withRoom(held as Column, table.length, length);
      room.set((fresh as Column).subarray(0, added.length), table.length);
      result[name] = room as T[keyof T];
    }
  }
  (result as { length: number }).length = length;
  return result;
}

function withRoom(column: Column, used: number, needed: number): Column {
  if (column.length >= needed) return column;
  const Kind = column.constructor as new (length: number) => Column;
  const grown = new Kind(Math.max(needed, used * 2));
  grown.set(column.subarray(0, used));
  return grown;
}

function sameCursor(a: SessionCursor, b: SessionCursor): boolean {
  return (Object.keys(a) as (keyof SessionCursor)[]).every((name) => a[name] === b[name]);
}

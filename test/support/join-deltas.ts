import type { SessionDelta, SessionTables } from '../../main/shared/model/session-tables.ts';
import { applySymbols } from '../../main/shared/model/symbols.ts';

type Column = Int32Array | Uint8Array | Uint16Array | Float64Array | readonly string[];

function joinColumns(parts: readonly Column[]): Column {
  const [first] = parts;
  if (first === undefined) throw new Error('nothing to join');
  const values = parts.flatMap((part) => [...part] as unknown[]);
  if (Array.isArray(first)) return values as string[];
  const Typed = first.constructor as new (values: readonly unknown[]) => Column;
  return new Typed(values);
}

/** What a reader of deltas holds after all of them: processes and threads are always sent whole. */
export function joinDeltas(deltas: readonly SessionDelta[]): SessionDelta {
  const first = deltas[0]!;
  const last = deltas.at(-1)!;
  const tables: Record<string, Record<string, unknown>> = {};
  for (const name of Object.keys(first.tables) as (keyof SessionTables)[]) {
    const isWhole = ['processes', 'threads', 'imageProblems', 'sources'].includes(name);
    const parts = (isWhole ? [last] : deltas).map(
      (delta) => delta.tables[name] as unknown as Readonly<Record<string, Column | number>>,
    );
    const table: Record<string, unknown> = {};
    for (const column of Object.keys(parts[0]!)) {
      table[column] =
        column === 'length'
          ? parts.reduce((sum, part) => sum + Number(part['length']), 0)
          : joinColumns(parts.map((part) => part[column] as Column));
    }
    tables[name] = table;
  }
  const joined = tables as unknown as SessionTables;
  applySymbols(joined.frames, joined.symbols, { firstRow: 0, firstFrame: 0 });
  return { from: first.from, to: last.to, tables: joined };
}

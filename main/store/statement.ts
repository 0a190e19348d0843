import { invariant } from '#shared/invariant.ts';

/** What a column can hold on this side. 64-bit values that exceed 2^53 are hex text, never bigint. */
export type SqlValue = number | string | null | Uint8Array;

/** One SQL statement; `params` stand for its ?, ?1, ?2 … (their numbers start at 1). */
export interface Statement {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/** sqlite3 binds a bigint, undefined or NaN as NULL without a word; here they are bugs. */
export function checkValue(value: SqlValue): void {
  const type = typeof value;
  invariant(type !== 'bigint', 'a bigint is bound to SQL; absolute values are hex text');
  invariant(type !== 'undefined', 'undefined is bound to SQL');
  invariant(type !== 'number' || Number.isFinite(value), 'NaN or infinity is bound to SQL');
}

/** The value as SQL text, stored like the value when bound (sqlite.org/lang_expr.html, literal values). */
function literal(value: SqlValue): string {
  checkValue(value);
  if (value === null) return 'NULL';
  if (typeof value === 'number') return `${value}`;
  if (typeof value !== 'string') return `x'${hexOf(value)}'`;
  // A statement's text ends at a NUL.
  if (value.includes('\0')) return `CAST(x'${hexOf(new TextEncoder().encode(value))}' AS TEXT)`;
  return `'${value.replaceAll("'", "''")}'`;
}

const hexOf = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString('hex');

/** A statement with its values in it. */
export function inlined({ sql, params }: Statement): string {
  let next = 0;
  return sql.replaceAll(/\?(\d*)/g, (_, number: string) => {
    const index = number === '' ? next++ : Number(number) - 1;
    invariant(index < params.length, 'a statement lacks a value');
    return literal(params[index]!);
  });
}

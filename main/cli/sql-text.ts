/** A value of SQLite as text; blobs as lower-case hex. `nothing`: what NULL is called. */
export function cellText(
  value: string | number | Uint8Array | null | undefined,
  nothing: string,
): string {
  if (value === null || value === undefined) return nothing;
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : String(value);
}

/** One record of RFC 4180. Raw: CSV is for programs, and escaping would change the data. */
export const csvLine = (cells: readonly string[]): string => cells.map(csvCell).join(',');

const csvCell = (cell: string): string =>
  /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;

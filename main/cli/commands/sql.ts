import { printable } from '#shared/text/printable-text.ts';
import { runSql as askSession } from '../../store/sql.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { cellText, csvLine } from '../sql-text.ts';
import { out, printError } from '../terminal.ts';
import { textTable } from '../text-table.ts';

/** Asks a session one SQL question and prints the rows as a table, JSON objects or CSV. */
export async function runSqlCommand(
  path: string,
  query: string,
  options: { readonly json?: boolean; readonly csv?: boolean },
): Promise<ExitCode> {
  const answer = await askSession(path, query);
  if (!answer.ok) return printError(answer.error);
  const { columns, rows } = answer.value;
  if (options.json === true) {
    const objects = rows.map((row) =>
      Object.fromEntries(columns.map((name, at) => [name, jsonValue(row[at])])),
    );
    out.write(jsonText(objects));
  } else if (options.csv === true) {
    // CSV is for programs, which get every character; a terminal would act on some.
    const shown = out.isTerminal ? printable : (line: string): string => line;
    out.write(`${shown(csvLine(columns))}\n`);
    for (const row of rows) {
      out.write(`${shown(csvLine(row.map((value) => cellText(value, ''))))}\n`);
    }
  } else {
    const heads = columns.map((heading, at) => ({
      heading,
      align: rows.some((row) => typeof row[at] === 'string')
        ? ('left' as const)
        : ('right' as const),
    }));
    const cells = rows.map((row) => row.map((value) => cellText(value, 'NULL')));
    for (const line of textTable(heads, cells, out.columns)) out.line(line);
  }
  return EXIT.ok;
}

/** Blobs as hex text, which JSON has no better word for. */
const jsonValue = (value: unknown): unknown =>
  value instanceof Uint8Array ? cellText(value, '') : value;

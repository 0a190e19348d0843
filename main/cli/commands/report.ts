import type { ProfilerError } from '#shared/errors.ts';
import { ok, type Result } from '#shared/result.ts';
import { readSession } from '../../export/read-session.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { type Report, reportOf } from '../report-data.ts';
import { qualityReportLines } from '../report-quality.ts';
import { reportLines } from '../report-text.ts';
import { out, printError } from '../terminal.ts';
import { withSession } from '../with-session.ts';

/** Reads a session and computes its report. */
export function readReport(path: string, top: number): Promise<Result<Report, ProfilerError>> {
  return withSession(path, async (reader) => {
    const session = await readSession(reader);
    if (!session.ok) return session;
    return ok(reportOf(session.value.tables, session.value.info, top));
  });
}

/** Prints the report of a session as text or JSON. */
export async function runReport(
  path: string,
  options: { readonly top: number; readonly json?: boolean; readonly quality?: boolean },
): Promise<ExitCode> {
  const report = await readReport(path, options.top);
  if (!report.ok) return printError(report.error);
  if (options.json === true) out.write(jsonText(report.value));
  else if (options.quality === true) {
    for (const line of qualityReportLines(report.value.quality, out.columns)) out.line(line);
  } else for (const line of reportLines(report.value, out.columns)) out.line(line);
  return EXIT.ok;
}

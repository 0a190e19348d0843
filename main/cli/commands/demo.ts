import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type CaptureSpec, DEFAULT_COST_LIMIT } from '#shared/model/capture-spec.ts';
import { hertz, NS_PER_S, nanoseconds } from '#shared/units.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { functionLines, headLines } from '../report-text.ts';
import { log, out, printError } from '../terminal.ts';
import { runExport } from './export.ts';
import { recordToEnd } from './record.ts';
import { readReport } from './report.ts';

const SESSION = 'emberscope-demo.ember';
const PAGE = 'emberscope-demo.html';
const RATE_HZ = 999;
const TOP = 12;

/** Records the bundled workload, prints its hottest functions and writes session and HTML page here. */
export async function runDemo(seconds: number): Promise<ExitCode> {
  const workload = fileURLToPath(new URL('../demo/workload', import.meta.url));
  if (!existsSync(workload)) {
    log.line('emberscope: the demo workload is not built');
    log.line('  In a checkout run "npm run build".');
    return EXIT.failed;
  }
  log.line(
    `Recording the demo workload for ${seconds} s: 70 % work_hot, 20 % work_warm, 10 % work_cold.`,
  );
  const end = await recordToEnd(specOf(workload, seconds), SESSION, {
    force: true,
    quiet: false,
    json: false,
  });
  if (typeof end === 'number') return end;
  if (end.error !== null) return printError(end.error);
  return await showDemo();
}

function specOf(workload: string, seconds: number): CaptureSpec {
  const threads = Math.min(4, availableParallelism());
  return {
    sources: [{ kind: 'on-cpu' }],
    // It would run a little longer than asked for: the recording's length is exact.
    target: {
      kind: 'command',
      argv: [workload, String(seconds + 1), String(threads)],
      cwd: process.cwd(),
    },
    rate: hertz(RATE_HZ),
    mode: 'precise',
    includeIdle: false,
    costLimit: DEFAULT_COST_LIMIT,
    kernelStacks: true,
    userStacks: true,
    unwind: 'auto',
    duration: nanoseconds(seconds * NS_PER_S),
  };
}

async function showDemo(): Promise<ExitCode> {
  const report = await readReport(SESSION, TOP);
  if (!report.ok) return printError(report.error);
  for (const line of headLines(report.value.session)) out.line(line);
  out.line();
  out.line('Hottest functions by self weight');
  for (const line of functionLines(
    report.value.hottestBySelf,
    { by: 'self', unit: report.value.unit },
    out.columns,
  ))
    out.line(line);
  out.line();
  const exported = await runExport(SESSION, { format: 'html', output: PAGE });
  if (exported !== EXIT.ok) return exported;
  log.line(`written to ${SESSION}`);
  out.line('Look at it:');
  out.line(
    `  emberscope open ${SESSION}     in the desktop app (checkout: npm start -- ${SESSION})`,
  );
  out.line(`  xdg-open ${PAGE}          in any browser, on any machine`);
  out.line(`  emberscope report ${SESSION}   here`);
  return EXIT.ok;
}

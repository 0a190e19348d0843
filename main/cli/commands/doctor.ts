import type { DoctorCheck } from '#shared/ipc/contract.ts';
import { printable } from '#shared/text/printable-text.ts';
import { captureSource } from '../../capture/sources/index.ts';
import { runDoctor as lookAround } from '../../engine/doctor.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { out, type Style } from '../terminal.ts';

/** Prints what works on this machine; fails when nothing can be recorded here. */
export async function runDoctor(options: { readonly json?: boolean }): Promise<ExitCode> {
  const { checks } = await lookAround(true);
  const canRecord = missingForRecording(checks).length === 0;
  if (options.json === true) {
    out.write(jsonText({ canRecord, checks }));
  } else {
    for (const check of checks) printCheck(check);
    out.line();
    out.line(verdict(checks));
  }
  return canRecord ? EXIT.ok : EXIT.failed;
}

/** The checks that recording on-CPU time cannot do without and that failed. */
export function missingForRecording(checks: readonly DoctorCheck[]): readonly DoctorCheck[] {
  const required = captureSource('on-cpu').requiredFeatures;
  return checks.filter(({ id, status }) => status === 'missing' && required.includes(id));
}

const STYLES: Readonly<Record<DoctorCheck['status'], Style>> = {
  ok: 'green',
  limited: 'yellow',
  missing: 'red',
  info: 'dim',
};

function printCheck({ status, title, found, fix }: DoctorCheck): void {
  const mark = out.styled(STYLES[status], status.padEnd(8));
  out.line(`${mark} ${printable(title)}: ${printable(found)}`);
  if (fix !== '') out.line(`         ${out.styled('dim', 'fix:')} ${printable(fix)}`);
}

function verdict(checks: readonly DoctorCheck[]): string {
  const missing = missingForRecording(checks).map(({ title }) => title);
  return missing.length === 0
    ? out.styled('bold', 'Recording works here.')
    : `${out.styled('bold', 'Recording does not work here.')} Missing: ${printable(missing.join(', '))}. Opening sessions does.`;
}

import type { ProfilerError } from '#shared/errors.ts';
import type { DoctorCheck, DoctorReport } from '#shared/ipc/contract.ts';
import type { HelperWay } from '#shared/model/helper-scope.ts';
import { describeError } from '#shared/text/error-text.ts';
import { probeKernelFeatures } from '../bpf/kernel-features.ts';
import { findWay } from '../capture/privileges.ts';

/** What this process may not do by itself, the helper can. */
const WAYS: Readonly<Record<Exclude<HelperWay, 'direct'>, string>> = {
  polkit: 'recording asks for a password (polkit)',
  launcher: 'recording is allowed by your group, without a password',
};

/** What works on this machine, each with the fix where it does not. `canElevate`: polkit may be asked. */
export async function runDoctor(canElevate: boolean): Promise<DoctorReport> {
  const checks = await probeKernelFeatures();
  const way = findWay('system', canElevate);
  if (way.ok) {
    const { value } = way;
    return { checks: value === 'direct' ? checks : checks.map((check) => raised(check, value)) };
  }
  const fix = fixOf(way.error);
  const told = (check: DoctorCheck): string => (check.id === 'capabilities' ? fix : '');
  return {
    checks: checks.map((check) =>
      check.needsPrivilege === true ? { ...check, fix: told(check) } : check,
    ),
  };
}

/** What was refused to this process says nothing about the helper. */
function raised(check: DoctorCheck, way: Exclude<HelperWay, 'direct'>): DoctorCheck {
  if (check.needsPrivilege !== true) return check;
  if (check.id === 'capabilities') return { ...check, status: 'ok', found: WAYS[way], fix: '' };
  return { ...check, status: 'info', fix: '' };
}

function fixOf(error: ProfilerError): string {
  return error.kind === 'elevation-failed' && error.reason === 'helper-missing'
    ? 'Run "sudo emberscope install-helper" once, or start Emberscope as root.'
    : describeError(error).nextStep;
}

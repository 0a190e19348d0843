import type { DoctorReport } from '#shared/ipc/contract.ts';

import { probeKernelFeatures } from '../bpf/kernel-features.ts';

/** What works on this machine, each with the fix where it does not. */
export async function runDoctor(): Promise<DoctorReport> {
  return { checks: await probeKernelFeatures() };
}

import { readFileSync } from 'node:fs';

import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';

/** Bit numbers of capabilities(7), include/uapi/linux/capability.h. */
const CAPABILITY_BITS = { CAP_SYS_ADMIN: 21, CAP_PERFMON: 38, CAP_BPF: 39 } as const;

/** The capability sets of /proc/PID/status that matter here, 64 bits each. */
export interface CapabilitySets {
  readonly effective: bigint;
  /** Inherited by any program started, privileged or not; empty for plain root. */
  readonly ambient: bigint;
}

/** Reads the sets from the text of /proc/PID/status; absent lines count as no capability. */
export function parseCapabilities(status: string): CapabilitySets {
  const field = (name: string): bigint => {
    const found = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status);
    return found === null ? 0n : BigInt(`0x${found[1]!}`);
  };
  return { effective: field('CapEff'), ambient: field('CapAmb') };
}

/** The sets of this process; none when /proc cannot be read. */
export function ownCapabilities(): CapabilitySets {
  return parseCapabilities(readFileSync('/proc/self/status', 'latin1'));
}

/** Which capabilities a capture needs and `sets` lacks; CAP_SYS_ADMIN includes both others. */
export function missingCapabilities(sets: CapabilitySets): readonly string[] {
  const has = (name: keyof typeof CAPABILITY_BITS): boolean =>
    ((sets.effective >> BigInt(CAPABILITY_BITS[name])) & 1n) === 1n;
  if (has('CAP_SYS_ADMIN')) return [];
  return (['CAP_BPF', 'CAP_PERFMON'] as const).filter((name) => !has(name));
}

/** Whether a helper started directly from this process may record; else what it lacks. */
export function checkPrivileges(): Result<null, ProfilerError> {
  const missing = missingCapabilities(ownCapabilities());
  return missing.length === 0 ? ok(null) : err({ kind: 'permission-refused', missing });
}

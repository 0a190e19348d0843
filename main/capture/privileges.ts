import { readFileSync, statSync } from 'node:fs';

import type { ProfilerError } from '#shared/errors.ts';
import type { CaptureSpec } from '#shared/model/capture-spec.ts';
import {
  beyondOwn,
  type HelperScope,
  type HelperWay,
  isPlainProcessOf,
} from '#shared/model/helper-scope.ts';
import { err, ok, type Result } from '#shared/result.ts';
import {
  canUseCapableLauncher,
  checkCapableLauncher,
  checkElevation,
} from '../elevate/find-way.ts';

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

/**
 * How a helper of that scope is started from here; else why none can be. `canElevate`: whether somebody
 * could be asked for a password on behalf of this process.
 */
export function findWay(scope: HelperScope, canElevate: boolean): Result<HelperWay, ProfilerError> {
  const missing = missingCapabilities(ownCapabilities());
  if (missing.length === 0) return ok('direct');
  if (canUseCapableLauncher()) {
    const unchanged = checkCapableLauncher();
    return unchanged.ok ? ok('launcher') : unchanged;
  }
  if (!canElevate) return err({ kind: 'permission-refused', missing });
  const possible = checkElevation(scope);
  return possible.ok ? ok('polkit') : possible;
}

/** The least scope in which a spec can be recorded. */
export function scopeOf({ target, sources }: Pick<CaptureSpec, 'target' | 'sources'>): HelperScope {
  if (sources.some((source) => beyondOwn(source) !== null)) return 'system';
  switch (target.kind) {
    case 'command':
      return 'own';
    case 'process':
      return isOwn(target.pid) ? 'own' : 'system';
    case 'machine':
    case 'cgroup':
      return 'system';
  }
}

/** Whether this user could look into the process without anybody's leave. */
function isOwn(pid: number): boolean {
  const ids = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return statSync(`/proc/${pid}/stat`).uid === ids.uid && isPlainProcessOf(ids, status);
  } catch (error) {
    // It ended: whoever starts the recording says so.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

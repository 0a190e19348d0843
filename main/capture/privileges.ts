import { readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';

import type { ProfilerError } from '#shared/errors.ts';
import type { CaptureSpec, SourceSpec } from '#shared/model/capture-spec.ts';
import {
  beyondOwn,
  type HelperScope,
  type HelperWay,
  isPlainProcessOf,
  type UserIds,
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

/** The least scope in which a spec can be recorded: as the helper judges it (main/helper/target-check.ts). */
export function scopeOf({ target, sources }: Pick<CaptureSpec, 'target' | 'sources'>): HelperScope {
  if (sources.some((source) => beyondOwn(source) !== null || probesForeignFile(source))) {
    return 'system';
  }
  switch (target.kind) {
    case 'command':
      // It will have the power of this process. What this one keeps others out of, an exec opens again.
      return isPlain('self') ? 'own' : 'system';
    case 'process':
      return isPlain(`${target.pid}`) && !keepsOut(target.pid) ? 'own' : 'system';
    case 'machine':
    case 'cgroup':
      return 'system';
  }
}

/** Whether the process of that name in /proc has no more power than this user. */
function isPlain(name: string): boolean {
  // null: it ended. Whoever starts the recording says so.
  const status = readIfThere(() => readFileSync(`/proc/${name}/status`, 'latin1'));
  return status !== null && isPlainProcessOf(idsOfAccount(), status);
}

/** Whether a process lets nobody look into it: PR_SET_DUMPABLE, prctl(2). */
const keepsOut = (pid: number): boolean =>
  readIfThere(() => statSync(`/proc/${pid}/stat`).uid) !== process.getuid?.();

/** A helper becomes the user by his account: this process may be in another group of his, by newgrp(1). */
function idsOfAccount(): UserIds {
  const uid = process.getuid?.() ?? 0;
  const gid = readIfThere(() => userInfo().gid);
  return { uid, gid: gid ?? process.getgid?.() ?? 0 };
}

/** Whether a source is to change what other people's programs run: see main/helper/probe-files.ts. */
function probesForeignFile(source: SourceSpec): boolean {
  const probe = 'probe' in source ? source.probe : null;
  if (probe === null || (probe.type !== 'user' && probe.type !== 'usdt')) return false;
  const owner = readIfThere(() => statSync(probe.path).uid);
  return owner !== null && owner !== process.getuid?.();
}

/** null: the system says that there is none, or not for us. */
function readIfThere<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

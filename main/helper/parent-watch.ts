import { readFileSync } from 'node:fs';
import { invariant } from '#shared/invariant.ts';
import * as capabilities from '../bpf/capabilities.ts';
import { errno, errnoName } from '../ffi/koffi.ts';
import { libc } from '../ffi/libc.ts';

/** prctl(2). */
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const PARENT_PERIOD_MS = 1000;
/** What launchers, and nobody else, start the helper with: launcher/emberscope-launcher.c. */
export const SCOPE_OPTION = '--scope=';
/** Bit of CAP_SETUID: include/uapi/linux/capability.h. */
const CAP_SETUID = 1n << 7n;

/**
 * The kernel ends this process with the one that started it (strictly: with the thread that did), even
 * while it waits in a system call or another process keeps the pipes open. Outlives exec.
 */
export function dieWithParent(): void {
  const failed = libc().prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  invariant(failed === 0, `prctl(PR_SET_PDEATHSIG): ${errnoName(errno())}`);
}

/** The same by looking, at who `parent` was: for one that ended before dieWithParent(), or a kernel that forgot. */
export function watchParent(parent: number, onGone: () => void): void {
  setInterval(() => {
    if (process.ppid !== parent) onGone();
  }, PARENT_PERIOD_MS).unref();
}

/** What /proc/PID/status tells of a process's power. */
export interface ProcessPower {
  /** Effective user id. */
  readonly uid: number;
  /** Permitted capabilities. */
  readonly permitted: bigint;
}

/** null: no such text. */
export function powerIn(status: string): ProcessPower | null {
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  const permitted = /^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (uid === undefined || permitted === undefined) return null;
  return { uid: Number(uid), permitted: BigInt(`0x${permitted}`) };
}

/** Whether a process of power `parent` could have done all that one of power `own` can. */
export const couldDoAsMuch = (parent: ProcessPower, own: ProcessPower): boolean =>
  (own.permitted & ~parent.permitted) === 0n &&
  (parent.uid === own.uid || (parent.permitted & CAP_SETUID) !== 0n);

/**
 * Whether somebody was given power by starting this process: pkexec, a launcher with file
 * capabilities. Launchers say so; else it is not so only if the parent provably holds as much itself. The
 * parent alone proves nothing of a launcher: who calls one may become a set-user-id program meanwhile.
 */
export function isElevated(): boolean {
  if (process.argv.some((argument) => argument.startsWith(SCOPE_OPTION))) return true;
  // An orphan's parent is whoever collects orphans, and proves nothing.
  if (process.env['PKEXEC_UID'] !== undefined || process.ppid <= 1) return true;
  const parent = readPower(process.ppid);
  const { permitted } = capabilities.readCapabilities();
  const own = { uid: process.geteuid?.() ?? 0, permitted };
  return parent === null || !couldDoAsMuch(parent, own);
}

/** Whether exec can no longer raise this process: prctl(2), PR_SET_NO_NEW_PRIVS. */
export const hasNoNewPrivileges = (): boolean =>
  /^NoNewPrivs:\s*1$/m.test(readFileSync('/proc/self/status', 'utf8'));

function readPower(pid: number): ProcessPower | null {
  try {
    return powerIn(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch (error) {
    // The parent ended a moment ago.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

/**
 * How far a helper's power reaches. own: processes that run as the user who asks and have no more power
 * than he has. system: every process of the machine. Each is a polkit action of its own.
 */
export const HELPER_SCOPES = ['own', 'system'] as const;
export type HelperScope = (typeof HELPER_SCOPES)[number];

/**
 * How a helper is started. direct: this process has the capabilities itself. launcher: by the program with file
 * capabilities that an administrator set up for a group. polkit: by pkexec, after authentication.
 */
export type HelperWay = 'direct' | 'launcher' | 'polkit';

/**
 * Whether a process has no more power than user `uid`, by the text of its /proc/PID/status: all its user
 * ids are his, and it holds no capability. Whoever owns /proc/PID itself says whether he may look into it.
 */
export function isPlainProcessOf(uid: number, status: string): boolean {
  const uids = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)$/m.exec(status);
  const hasNoCapability = /^CapPrm:\s*0+$/m.test(status);
  return uids !== null && hasNoCapability && uids.slice(1).every((text) => Number(text) === uid);
}

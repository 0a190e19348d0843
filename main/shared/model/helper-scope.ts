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

/** CAP_WAKE_ALARM, to wake the machine by timers: capabilities(7). As HARMLESS_CAPABILITIES of target.bpf.h. */
const HARMLESS = 1n << 35n;

/** A user and his group, by number. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Whether a process has no more power than a user, by the text of its /proc/PID/status: all its user and
 * group ids are his, and it holds no capability but CAP_WAKE_ALARM, which systemd gives to all of a session. As the kernel asks it of a tracer: ptrace(2), "Ptrace access
 * mode checking". Whoever owns /proc/PID/stat says whether the process keeps others out.
 */
export function isPlainProcessOf({ uid, gid }: UserIds, status: string): boolean {
  const allAre = (name: string, id: number): boolean => {
    const found = new RegExp(`^${name}:\\s+(\\d+)\\s+(\\d+)\\s+(\\d+)\\s+(\\d+)$`, 'm').exec(
      status,
    );
    return found !== null && found.slice(1).every((text) => Number(text) === id);
  };
  const permitted = /^CapPrm:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  const isPlain = permitted !== undefined && (BigInt(`0x${permitted}`) & ~HARMLESS) === 0n;
  return isPlain && allAre('Uid', uid) && allAre('Gid', gid);
}

/** As much of a source as tells its scope. */
export interface ScopedSource {
  readonly kind: string;
  readonly wakers?: boolean;
  readonly probe?: { readonly type: string };
}

/**
 * Why a source is nothing for a helper of own processes, as a sentence; null: it is. What an own program
 * does may be measured; a probe of a kernel function changes code that everybody runs, and fields of the kernel's
 * events may be about anybody.
 */
export function beyondOwn({ kind, wakers, probe }: ScopedSource): string | null {
  if (kind === 'off-cpu' && wakers === true) return 'Wakers may be processes of anybody';
  if (kind === 'function' && probe?.type === 'kernel') return 'Kernel functions are everybody’s';
  if (kind === 'trace' && (probe?.type === 'kernel' || probe?.type === 'tracepoint')) {
    return 'Events of the kernel may tell of anybody';
  }
  return null;
}

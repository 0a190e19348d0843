import { readFileSync } from 'node:fs';
import { errnoOf } from '../elf/byte-source.ts';

/** Clock ticks per second of /proc/PID/stat: USER_HZ, 100 on every Linux architecture we run on. */
const TICKS_PER_S = 100;

/** The pid a process has in its own PID namespace: last number of NSpid; null: it has ended. */
export function innerPid(pid: number): number | null {
  const status = textOf(`/proc/${pid}/status`);
  if (status === null) return null;
  const last = /^NSpid:.*?(\d+)\s*$/m.exec(status)?.[1];
  return last === undefined ? pid : Number(last);
}

/** Real user of a process; null: it has ended. */
export function processOwner(pid: number): number | null {
  const uid = /^Uid:\s*(\d+)/m.exec(textOf(`/proc/${pid}/status`) ?? '')?.[1];
  return uid === undefined ? null : Number(uid);
}

/** When the system started, ms since 1970, in whole seconds (proc_stat(5)); null: not told. */
export function bootTimeMs(): number | null {
  const boot = /^btime (\d+)$/m.exec(textOf('/proc/stat') ?? '')?.[1];
  return boot === undefined ? null : Number(boot) * 1000;
}

/** When a process began, ms since 1970, within a second or so; null: it has ended. */
export function processStartMs(pid: number): number | null {
  const stat = textOf(`/proc/${pid}/stat`);
  const boot = bootTimeMs();
  if (stat === null || boot === null) return null;
  // Field 22; the command in field 2 may hold spaces and parentheses.
  const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  return Number.isFinite(ticks) ? boot + (ticks / TICKS_PER_S) * 1000 : null;
}

/** A small file of /proc; null: the process has ended, or it is not ours to look at. */
export function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
}

import { readFileSync, statSync } from 'node:fs';
import { errnoOf } from '../elf/byte-source.ts';
import { type JitSymbol, PerfMap } from './perf-map.ts';

/** Clock ticks per second of /proc/PID/stat: USER_HZ, 100 on every Linux architecture we run on. */
const TICKS_PER_S = 100;
/** /proc/stat gives the boot time in whole seconds. */
const CLOCK_SLACK_MS = 2000;

/**
 * The perf map of one process: in its own /tmp (of its container, under its pid there), else in ours.
 * A map that somebody else wrote, or an earlier process of the same pid, is not believed.
 */
export class ProcessPerfMap {
  private readonly pid: number;
  private map: PerfMap | null = null;

  constructor(pid: number) {
    this.pid = pid;
  }

  /** Lines skipped as malformed; of a replaced file, since then. */
  get malformed(): number {
    return this.map?.malformed ?? 0;
  }

  /** Memory kept, bytes, roughly: an entry is a name and two numbers. */
  get bytes(): number {
    return (this.map?.length ?? 0) * 120;
  }

  /** Reads what is new; false: there is no map. What was read is kept when the process ends. */
  refresh(): boolean {
    if (this.map !== null && this.map.refresh() === null) return true;
    if (this.map !== null && this.map.length > 0) return true;
    for (const path of this.candidates()) {
      if (!isTrustworthy(path, this.pid)) continue;
      const map = new PerfMap(path);
      if (map.refresh() !== null) continue;
      this.map = map;
      return true;
    }
    return false;
  }

  /** The newest code at an absolute address; null: none known. */
  find(address: number): JitSymbol | null {
    return this.map?.find(address) ?? null;
  }

  private candidates(): readonly string[] {
    const { pid } = this;
    const inner = innerPid(pid);
    const own = inner === null ? [] : [`/proc/${pid}/root/tmp/perf-${inner}.map`];
    return [...own, `/tmp/perf-${pid}.map`];
  }
}

/** The pid a process has in its own PID namespace: last number of NSpid; null: it has ended. */
function innerPid(pid: number): number | null {
  const status = textOf(`/proc/${pid}/status`);
  if (status === null) return null;
  const last = /^NSpid:.*?(\d+)\s*$/m.exec(status)?.[1];
  return last === undefined ? pid : Number(last);
}

/** /tmp is everybody's: the file must be the process's user's (or root's) and no older than the process. */
function isTrustworthy(path: string, pid: number): boolean {
  try {
    const file = statSync(path);
    if (!file.isFile()) return false;
    const uid = ownerOf(pid);
    if (uid !== null && file.uid !== 0 && file.uid !== uid) return false;
    const started = startOf(pid);
    return started === null || file.mtimeMs >= started - CLOCK_SLACK_MS;
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return false;
  }
}

/** Real user of a process; null: it has ended. */
function ownerOf(pid: number): number | null {
  const uid = /^Uid:\s*(\d+)/m.exec(textOf(`/proc/${pid}/status`) ?? '')?.[1];
  return uid === undefined ? null : Number(uid);
}

/** When a process began, ms since 1970; null: it has ended. */
function startOf(pid: number): number | null {
  const stat = textOf(`/proc/${pid}/stat`);
  const boot = /^btime (\d+)$/m.exec(textOf('/proc/stat') ?? '')?.[1];
  if (stat === null || boot === undefined) return null;
  // Field 22; the command in field 2 may hold spaces and parentheses.
  const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  return Number.isFinite(ticks) ? Number(boot) * 1000 + (ticks / TICKS_PER_S) * 1000 : null;
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
}

import { readdirSync, readFileSync, statSync } from 'node:fs';

import type { ProcessEntry } from '#shared/ipc/contract.ts';

/** proc_pid_stat(5) counts CPU time in ticks; USER_HZ is 100 on every Linux architecture we run on. */
const NS_PER_TICK = 1e7;
/** Fields of /proc/PID/stat after the command name, counted from the state (field 3). */
const UTIME = 11;
const STIME = 12;
const THREADS = 17;
const START_TIME = 19;

interface CpuReading {
  /** CPU time of the process so far, ns. */
  readonly cpuNs: number;
  /** When it started, ticks since boot: tells a reused pid. */
  readonly startTicks: number;
}

/** Lists the machine's processes; remembers CPU times from one call to the next. */
export class ProcessList {
  #last = new Map<number, CpuReading>();
  #lastAt = 0;

  /** All processes but kernel threads, busiest first; CPU shares since the previous call. */
  list(): readonly ProcessEntry[] {
    const now = performance.now();
    const elapsedNs = this.#lastAt === 0 ? NaN : (now - this.#lastAt) * 1e6;
    const readings = new Map<number, CpuReading>();
    const users = userNames();
    const entries: ProcessEntry[] = [];
    for (const name of readdirSync('/proc')) {
      const pid = Number(name);
      const found = Number.isInteger(pid) ? readProcess(pid) : null;
      if (found === null) continue;
      readings.set(pid, found.reading);
      const cpu = shareSince(this.#last.get(pid), found.reading, elapsedNs);
      const { comm, cmdline, threads, uid } = found;
      entries.push({ pid, comm, cmdline, threads, cpu, user: users.get(uid) ?? String(uid) });
    }
    this.#last = readings;
    this.#lastAt = now;
    return entries.sort((a, b) => orderOf(b.cpu) - orderOf(a.cpu) || a.pid - b.pid);
  }
}

const orderOf = (cpu: number): number => (Number.isNaN(cpu) ? 0 : cpu);

function shareSince(before: CpuReading | undefined, now: CpuReading, elapsedNs: number): number {
  const isNew = before?.startTicks !== now.startTicks;
  return (now.cpuNs - (isNew ? 0 : before.cpuNs)) / elapsedNs;
}

interface FoundProcess {
  readonly comm: string;
  readonly cmdline: string;
  readonly threads: number;
  readonly uid: number;
  readonly reading: CpuReading;
}

/** null: it ended meanwhile, or it is a kernel thread, which has no command line. */
function readProcess(pid: number): FoundProcess | null {
  try {
    const cmdline = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0+$/, '');
    if (cmdline === '') return null;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const { uid } = statSync(`/proc/${pid}`);
    return { ...parseStat(stat), cmdline: cmdline.replaceAll('\0', ' '), uid };
  } catch {
    return null; // ended between two reads
  }
}

/** What the list needs of the text of /proc/PID/stat. */
export function parseStat(stat: string): Pick<FoundProcess, 'comm' | 'threads' | 'reading'> {
  const open = stat.indexOf('(');
  // The command name may hold anything, even ')': the last one closes it.
  const close = stat.lastIndexOf(')');
  const fields = stat.slice(close + 2).split(' ');
  const ticks = Number(fields[UTIME]) + Number(fields[STIME]);
  return {
    comm: stat.slice(open + 1, close),
    threads: Number(fields[THREADS]),
    reading: { cpuNs: ticks * NS_PER_TICK, startTicks: Number(fields[START_TIME]) },
  };
}

/** uid → name, from the text of /etc/passwd. */
function userNames(): ReadonlyMap<number, string> {
  const users = new Map<number, string>();
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [name, , uid] = line.split(':');
      if (name !== undefined && uid !== undefined) users.set(Number(uid), name);
    }
  } catch {
    return users; // no such file: users go by their numbers
  }
  return users;
}

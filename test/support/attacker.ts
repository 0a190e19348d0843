import { openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { errno, errnoName, koffi } from '../../main/ffi/koffi.ts';

/**
 * Run as the user who started the helper: tries to get at the helper `argv[2]`, and prints as JSON what
 * the kernel said to each attempt ("done": it worked).
 */
const pid = Number(process.argv[2]);

/** pidfd_open(2) and pidfd_getfd(2): the same numbers on every machine. */
const PIDFD_OPEN = 434;
const PIDFD_GETFD = 438;
const PTRACE_ATTACH = 16;
const PTRACE_SEIZE = 0x4206;
const ENTRIES = ['mem', 'environ', 'maps', 'auxv', 'stack', 'syscall'];

type Long = number | bigint;
const library = koffi().load(null);
const syscall = library.func(
  'long syscall(long number, long a, long b, long c, long d, long e, long f)',
) as unknown as (...args: Long[]) => number;
const ptrace = library.func(
  'long ptrace(int request, int pid, long address, long data)',
) as unknown as (...args: Long[]) => number;

const results: Record<string, string> = {};
const foreign = (name: string, call: () => number): void => {
  results[name] = call() < 0 ? errnoName(errno()) : 'done';
};
const attempt = (name: string, action: () => unknown): void => {
  try {
    action();
    results[name] = 'done';
  } catch (error) {
    results[name] = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  }
};

foreign('ptrace attach', () => ptrace(PTRACE_ATTACH, pid, 0, 0));
foreign('ptrace seize', () => ptrace(PTRACE_SEIZE, pid, 0, 0));
for (const tid of readdirSync(`/proc/${pid}/task`)) {
  foreign(`ptrace seize of a thread`, () => ptrace(PTRACE_SEIZE, Number(tid), 0, 0));
  if (results['ptrace seize of a thread'] === 'done') break;
}
for (const name of ENTRIES)
  attempt(`/proc/PID/${name}`, () => readFileSync(`/proc/${pid}/${name}`));
attempt('/proc/PID/mem for writing', () => openSync(`/proc/${pid}/mem`, 'r+'));
attempt('/proc/PID/fd', () => readdirSync(`/proc/${pid}/fd`));
attempt('/proc/PID/fd/3', () => openSync(`/proc/${pid}/fd/3`, 'r'));
attempt('/proc/PID/fd/1 for writing', () => openSync(`/proc/${pid}/fd/1`, 'w'));
attempt('/proc/PID/exe', () => readlinkSync(`/proc/${pid}/exe`));
attempt('/proc/PID/root', () => readdirSync(`/proc/${pid}/root/`));
attempt('/proc/PID/cwd', () => readdirSync(`/proc/${pid}/cwd/`));
const pidfd = syscall(PIDFD_OPEN, pid, 0, 0, 0, 0, 0);
for (const fd of [1, 3, 20]) {
  foreign(`pidfd_getfd of ${fd}`, () => syscall(PIDFD_GETFD, pidfd, fd, 0, 0, 0, 0));
}
process.stdout.write(JSON.stringify(results));

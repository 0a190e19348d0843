import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { invariant } from '#shared/invariant.ts';
import * as capabilities from '../bpf/capabilities.ts';
import { libbpf } from '../ffi/libbpf.ts';
import { type ArgumentTest, type CallRule, filterProgram, installFilter } from '../ffi/seccomp.ts';
import type { SystemCall } from '../ffi/system-calls.ts';

/**
 * What the capture stage may ask of the kernel: what the runtime, the drain and the unwinder need to
 * live. Files are read, never written, created, renamed or removed; no program is run, no process made,
 * nobody traced, no socket opened, nothing loaded into the kernel or attached to it.
 */

/** Harmless whatever their arguments: they act on what this process has already. */
const FREE: readonly SystemCall[] = [
  ...(['read', 'write', 'readv', 'writev', 'pread64', 'close', 'lseek', 'shutdown'] as const),
  ...([
    'fstat',
    'newfstatat',
    'stat',
    'lstat',
    'statx',
    'access',
    'faccessat',
    'faccessat2',
  ] as const),
  ...([
    'readlink',
    'readlinkat',
    'getcwd',
    'getdents64',
    'dup',
    'dup3',
    'pipe2',
    'eventfd2',
  ] as const),
  ...(['poll', 'ppoll', 'epoll_create1', 'epoll_ctl', 'epoll_wait', 'epoll_pwait'] as const),
  ...(['epoll_pwait2', 'getsockname', 'getsockopt'] as const),
  // Memory. Code is written at run time by V8 and koffi, so PROT_EXEC cannot be refused.
  ...(['brk', 'mmap', 'munmap', 'mremap', 'mprotect', 'madvise', 'membarrier'] as const),
  ...(['pkey_alloc', 'pkey_mprotect'] as const),
  // Threads, identity, signals of our own; V8 in Electron asks for its threads' priority.
  ...(['sched_getparam', 'sched_getscheduler'] as const),
  ...(['futex', 'set_robust_list', 'rseq', 'set_tid_address', 'gettid', 'getpid'] as const),
  ...(['getppid', 'getuid', 'geteuid', 'getgid', 'getegid', 'exit', 'exit_group'] as const),
  ...(['sched_yield', 'sched_getaffinity', 'getcpu', 'restart_syscall', 'capget'] as const),
  ...(['rt_sigaction', 'rt_sigprocmask', 'rt_sigreturn', 'sigaltstack'] as const),
  ...(['clock_gettime', 'clock_getres', 'clock_nanosleep', 'nanosleep', 'gettimeofday'] as const),
  ...(['time', 'times', 'getrandom', 'uname', 'sysinfo', 'getrusage'] as const),
];

/** No bug of ours calls these: whoever does has taken over. The engine sees the end by SIGSYS. */
const FATAL: readonly SystemCall[] = [
  ...(['execve', 'execveat', 'ptrace', 'process_vm_readv', 'process_vm_writev'] as const),
];

/** open(2): anything that is not plain reading. O_TMPFILE's own bit is on no list of Node's. */
const O_TMPFILE_BIT = 0o20_000_000;
const WRITING = 0o3 | 0o100 | 0o1000 | O_TMPFILE_BIT;

/** clone(2): a thread shares memory and thread group; the rest are namespaces and tracing. */
const THREAD = 0x0001_0100;
const NO_THREAD = 0x7e02_2000;

/** fcntl(2): F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC. */
const FCNTL_COMMANDS = [1, 2, 3, 4, 1030];
/** ioctl(2): TCGETS, FIONBIO, FIOCLEX; PERF_EVENT_IOC_ENABLE, _DISABLE, _SET_OUTPUT. */
const IOCTL_REQUESTS = [0x5401, 0x5421, 0x5451, 0x2400, 0x2401, 0x2405];
/** prctl(2): PR_SET_PDEATHSIG, PR_SET_NAME, PR_GET_NAME, PR_CAPBSET_READ, PR_SET_VMA. */
const PRCTL_OPTIONS = [1, 15, 16, 23, 0x5356_4d41];
/** bpf(2) on maps: LOOKUP, UPDATE, DELETE, GET_NEXT_KEY, LOOKUP_BATCH, LOOKUP_AND_DELETE_BATCH. */
const MAP_COMMANDS = [1, 2, 3, 4, 24, 25];
const BPF_MAP_TYPE_ARRAY = 2;
/** bpf(2): MAP_CREATE, for chunks of unwind tables; the kernel wants CAP_BPF for it. */
const MAP_CREATE = 0;

const low = (argument: number, oneOf: readonly number[]): ArgumentTest => ({
  ...{ argument, half: 'low', oneOf },
});
const isNull = (argument: number): ArgumentTest[] => [
  { argument, half: 'low', oneOf: [0] },
  { argument, half: 'high', oneOf: [0] },
];

/** Rules for this process: `pid`, and whether it makes maps of its own. */
export function captureRules(pid: number, makesMaps: boolean): Map<SystemCall, CallRule> {
  const rules = new Map<SystemCall, CallRule>();
  for (const name of FREE) rules.set(name, 'allow');
  for (const name of FATAL) rules.set(name, 'kill');
  // Refused by the quiet filter.
  for (const name of expectedRefusals().keys()) rules.set(name, 'allow');
  rules.set('openat', [{ argument: 2, half: 'low', mask: WRITING, oneOf: [0] }]);
  // Times of a file that is open; never by path.
  rules.set('utimensat', isNull(1));
  rules.set('clone', [{ argument: 0, half: 'low', mask: THREAD | NO_THREAD, oneOf: [THREAD] }]);
  rules.set('tgkill', [low(0, [pid])]);
  rules.set('prctl', [low(0, PRCTL_OPTIONS)]);
  // Limits of our own only. Raising the hard ones takes a capability that we do not have.
  rules.set('prlimit64', [low(0, [0])]);
  rules.set('fcntl', [low(1, FCNTL_COMMANDS)]);
  rules.set('ioctl', [low(1, IOCTL_REQUESTS)]);
  rules.set('bpf', [low(0, makesMaps ? [...MAP_COMMANDS, MAP_CREATE] : MAP_COMMANDS)]);
  return rules;
}

/** What the runtime asks for in the course of things, and does without: no reason to log it. */
export function expectedRefusals(): Map<SystemCall, CallRule> {
  const { ENOSYS, EEXIST } = constants.errno;
  return new Map<SystemCall, CallRule>([
    // Its flags lie in memory, out of the filter's sight: without it, the C library takes clone.
    ['clone3', { errno: ENOSYS }],
    // mkdir -p of a folder that the open stage has made.
    ['mkdir', { errno: EEXIST }],
    ['mkdirat', { errno: EEXIST }],
  ]);
}

/** libbpf tries out what the kernel can with its first map, which the filter would refuse and log. */
function letLibbpfProbe(): void {
  const library = libbpf();
  if (!library.ok) return;
  const fd = library.value.bpf_map_create(BPF_MAP_TYPE_ARRAY, 'probe', 4, 4, 1, null);
  if (fd >= 0) closeSync(fd);
}

/**
 * Lets the runtime that replaces this one do without io_uring: operations through a ring pass no filter. It
 * must not get one at its start, as Electron's does: a refusal later on would end it.
 */
export function withoutIoUring(): void {
  const rules = new Map<SystemCall, CallRule>([
    ['io_uring_setup', { errno: constants.errno.ENOSYS }],
  ]);
  const filter = filterProgram(rules, 'allowed');
  const failure = filter === null ? 'ENOSYS' : installFilter(filter, false);
  invariant(failure === null || failure === 'ENOSYS', `seccomp: ${failure ?? ''}`);
}

/**
 * Puts all threads, and those to come, under the filter. Everything else fails with EPERM or ends the
 * process, and the kernel logs it (audit type 1326). A kernel or machine without seccomp goes on
 * without it, and standard error says so.
 */
export function confineSystemCalls(keep: bigint): void {
  const makesMaps = (keep & capabilities.maskOf(['CAP_BPF'])) !== 0n;
  if (makesMaps) letLibbpfProbe();
  const filter = filterProgram(captureRules(process.pid, makesMaps), 'refused');
  const quiet = filterProgram(expectedRefusals(), 'allowed');
  const isKnown = filter !== null && quiet !== null;
  const failure = isKnown ? (installFilter(quiet, false) ?? installFilter(filter, true)) : 'ENOSYS';
  if (failure === null) return;
  // Anything else means that we are not confined, and should be.
  invariant(failure === 'ENOSYS', `seccomp: ${failure}`);
  process.stderr.write(`emberscope-helper: no system call filter on this machine: ${failure}\n`);
}

import { FORCED } from './guest-system.ts';
import { LATENCY_SINCE } from './kernels.ts';
import type { GuestPlan, RecordingOutcome } from './plan.ts';

/** Every kind of program and attachment, what records it, and what it has to have counted. */
export interface MatrixRow {
  readonly program: string;
  /** One of MATRIX_RECORDINGS. */
  readonly recording: string;
  /** What was counted: a key of RecordingOutcome.counts. */
  readonly key: string;
  /** The least and the most, as the workload's own account has it. */
  readonly range: (outcome: RecordingOutcome) => readonly [least: number, most: number];
  /** First kernel that can do it. */
  readonly since: string;
}

const SLEEPS = 200;
const CALLS = 60;
const READS = 50;
const PAGES = 300;

const launched = { launch: true } as const;
const waits = (mode: string, count: number, log: string): readonly string[] => [
  ...['/work/waits', log, mode, `${count}`],
];
const functions = (mode: string, count: number): readonly string[] => [
  ...['/work/functions', '/tmp/functions.log', mode, `${count}`],
];
const only = (...args: readonly string[]): string[] => [
  ...['--no-on-cpu', '--cost-limit', '0', ...args],
];
const SLEEP_LOG = '/tmp/sleep.log';
const DISK_LOG = '/tmp/disk.log';
const OPEN_FAILS = 'do_sys_openat2';

/** Several sources in each: they share buffers and clock. */
export const MATRIX_RECORDINGS: GuestPlan['recordings'] = [
  {
    ...{ ...launched, name: 'waits', command: waits('sleep', SLEEPS, SLEEP_LOG), log: SLEEP_LOG },
    args: only(
      ...['--off-cpu', '0', '--wakers', '--run-queue', '--syscalls'],
      ...['--count', 'sched:sched_switch', '--trace', 'tracepoint:sched:sched_switch'],
      ...['--filter', 'prev_comm == "waits"'],
    ),
  },
  {
    ...{
      ...launched,
      name: 'each wait',
      command: waits('sleep', SLEEPS, SLEEP_LOG),
      log: SLEEP_LOG,
    },
    args: only('--run-queue', '--syscalls', '--detail', 'events'),
  },
  {
    ...{ ...launched, name: 'user calls', command: functions('bimodal', CALLS) },
    args: only('--function', '/work/functions:work', '--trace', '/work/functions:work'),
  },
  {
    ...{ ...launched, name: 'user returns', command: functions('recursive', 3) },
    args: only('--trace', '/work/functions:descend', '--returns'),
  },
  {
    ...{ ...launched, name: 'USDT', command: functions('usdt', CALLS) },
    args: only('--trace', 'usdt:/work/functions:shop:served'),
  },
  {
    ...{ ...launched, name: 'faults', command: functions('faults', PAGES) },
    args: only('--count', 'page-faults', '--count', 'exceptions:page_fault_user'),
  },
  {
    ...{ ...launched, name: 'kernel calls', command: waits('sleep', SLEEPS, SLEEP_LOG) },
    args: only('--trace', 'do_nanosleep', '--trace', 'hrtimer_nanosleep'),
    env: FORCED.kprobe,
  },
  {
    // Opens a file that is not there, by the loader and by name.
    ...{ ...launched, name: 'kernel returns' },
    command: ['/bin/busybox', 'cat', '/tmp/not-there'],
    args: only('--trace', OPEN_FAILS, '--returns', '--filter', 'returned == -2'),
  },
  {
    ...{ ...launched, name: 'disk', command: waits('disk', READS, DISK_LOG), log: DISK_LOG },
    args: only('--block-io', '--detail', 'histogram'),
    prepare: [
      ['/bin/busybox', 'insmod', '/work/loop.ko'],
      ['/bin/busybox', 'truncate', '-s', '8M', '/tmp/disk.image'],
      ['/bin/busybox', 'losetup', '/dev/loop0', '/tmp/disk.image'],
      ['/bin/busybox', 'ln', '-s', '/dev/loop0', `${DISK_LOG}.data`],
    ],
  },
];

/** How often the workload's thread gave up its CPU to wait, by the kernel's own count. */
const blocked = ({ log }: RecordingOutcome): readonly [number, number] => {
  const line = /^thread (?:\d+ ){5}(\d+)$/m.exec(log);
  const times = Number(line?.[1] ?? Number.NaN);
  // Beginning and end of the program wait, too.
  return [times, times + 60];
};
const within = (least: number, most: number) => (): readonly [number, number] => [least, most];

const since = LATENCY_SINCE;
export const MATRIX: readonly MatrixRow[] = [
  { ...{ program: 'off-CPU', recording: 'waits', since }, key: 'off-cpu sleeping', range: blocked },
  {
    ...{ program: 'run queue, histogram', recording: 'waits', since },
    ...{ key: 'run-queue woken', range: blocked },
  },
  {
    ...{ program: 'run queue, events', recording: 'each wait', since },
    ...{ key: 'run-queue woken', range: blocked },
  },
  {
    ...{ program: 'system calls, histogram', recording: 'waits', since },
    ...{ key: 'syscalls clock_nanosleep', range: within(SLEEPS + 1, SLEEPS + 1) },
  },
  {
    ...{ program: 'system calls, events', recording: 'each wait', since },
    ...{ key: 'syscalls clock_nanosleep', range: within(SLEEPS + 1, SLEEPS + 1) },
  },
  {
    ...{ program: 'tracepoint, counted', recording: 'waits', since },
    ...{ key: 'count sched:sched_switch', range: blocked },
  },
  {
    ...{ program: 'tracepoint, traced', recording: 'waits', since },
    key: 'trace sched:sched_switch if prev_comm == "waits"',
    // Preemptions too.
    range: (outcome) => [blocked(outcome)[0], blocked(outcome)[1] + 400],
  },
  {
    ...{ program: 'user function, uprobe pair', recording: 'user calls', since },
    ...{ key: 'function /work/functions:work', range: within(CALLS, CALLS) },
  },
  {
    ...{ program: 'user function, traced', recording: 'user calls', since },
    ...{ key: 'trace /work/functions:work', range: within(CALLS, CALLS) },
  },
  {
    ...{ program: 'user function, traced returns', recording: 'user returns', since },
    ...{ key: 'trace /work/functions:descend returns', range: within(30, 30) },
  },
  {
    ...{ program: 'USDT probe, traced', recording: 'USDT', since },
    ...{ key: 'trace /work/functions:shop:served', range: within(CALLS, CALLS) },
  },
  {
    ...{ program: 'perf event, counted', recording: 'faults', since },
    ...{ key: 'count page-faults', range: within(PAGES, PAGES + 2500) },
  },
  {
    ...{ program: 'kernel function, traced', recording: 'kernel calls', since },
    ...{ key: 'trace do_nanosleep', range: within(SLEEPS + 1, SLEEPS + 1) },
  },
  {
    ...{ program: 'kernel function, traced returns', recording: 'kernel returns', since },
    key: `trace ${OPEN_FAILS} returns if returned == -2`,
    range: within(1, 60),
  },
  {
    ...{ program: 'block I/O', recording: 'disk', since },
    ...{ key: 'block-io loop0 read', range: within(READS, READS + 20) },
  },
];

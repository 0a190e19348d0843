import { readFileSync } from 'node:fs';
import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { errno, errnoName } from '../ffi/koffi.ts';
import { CLOCK_MONOTONIC, libc, perfEventOpenNumber } from '../ffi/libc.ts';

/** Field offsets and values of struct perf_event_attr: include/uapi/linux/perf_event.h. */
const ATTR_BYTES = 128;
const PERF_TYPE_HARDWARE = 0;
const PERF_TYPE_SOFTWARE = 1;
const PERF_COUNT_HW_CPU_CYCLES = 0;
const PERF_COUNT_SW_CPU_CLOCK = 0;
const PERF_COUNT_SW_DUMMY = 9;
const PERF_SAMPLE_TID = 1n << 1n;
const PERF_SAMPLE_TIME = 1n << 2n;
const FLAG = {
  disabled: 1n << 0n,
  mmap: 1n << 8n,
  comm: 1n << 9n,
  freq: 1n << 10n,
  task: 1n << 13n,
  sampleIdAll: 1n << 18n,
  mmap2: 1n << 23n,
  commExec: 1n << 24n,
  useClockId: 1n << 25n,
  buildId: 1n << 34n,
};
const IOC_ENABLE = 0x2400;
const IOC_DISABLE = 0x2401;
const IOC_SET_OUTPUT = 0x2405;
const IOC_SET_BPF = 0x4004_2408;

interface EventRequest {
  readonly type: number;
  readonly config: number;
  /** Samples per second; 0: no samples. */
  readonly rateHz: number;
  readonly flags: bigint;
}

/** A struct perf_event_attr. Every record of the event carries pid, tid and CLOCK_MONOTONIC time. */
export function perfEventAttr(request: EventRequest): Uint8Array {
  const attr = new Uint8Array(ATTR_BYTES);
  const view = new DataView(attr.buffer);
  view.setUint32(0, request.type, true);
  view.setUint32(4, ATTR_BYTES, true);
  view.setBigUint64(8, BigInt(request.config), true);
  view.setBigUint64(16, BigInt(request.rateHz), true);
  view.setBigUint64(24, PERF_SAMPLE_TID | PERF_SAMPLE_TIME, true);
  view.setBigUint64(40, request.flags | FLAG.sampleIdAll | FLAG.useClockId, true);
  view.setInt32(92, CLOCK_MONOTONIC, true);
  return attr;
}

/** Opens one event on one CPU for all processes; < 0 never escapes. */
function openOnCpu(attr: Uint8Array, cpu: number): Result<number, string> {
  const number = perfEventOpenNumber();
  if (number === null) return err('ENOSYS');
  const fd = libc().syscall(number, attr, -1, cpu, -1, 0);
  return fd < 0 ? err(errnoName(errno())) : ok(fd);
}

function openOnAll(
  request: EventRequest,
  cpus: readonly number[],
  point: string,
): Result<number[], ProfilerError> {
  const attr = perfEventAttr(request);
  const fds: number[] = [];
  for (const cpu of cpus) {
    const fd = openOnCpu(attr, cpu);
    if (!fd.ok) {
      for (const open of fds) libc().close(open);
      return err({ kind: 'attach-failed', point: `${point} on CPU ${cpu}`, errno: fd.error });
    }
    fds.push(fd.value);
  }
  return ok(fds);
}

/** What fires the samples. */
export type SampleEvent = 'cycles' | 'cpu-clock';

/** Per-CPU sampling events, disabled, one descriptor per CPU in the order given. */
export interface SampleEvents {
  readonly event: SampleEvent;
  readonly fds: readonly number[];
}

/** Hardware cycles where the CPUs count them, else the kernel's CPU clock (a timer interrupt). */
export function openSampleEvents(
  cpus: readonly number[],
  rateHz: number,
): Result<SampleEvents, ProfilerError> {
  const flags = FLAG.disabled | FLAG.freq;
  const cycles = openOnAll(
    { type: PERF_TYPE_HARDWARE, config: PERF_COUNT_HW_CPU_CYCLES, rateHz, flags },
    cpus,
    'cycles',
  );
  if (cycles.ok) return ok({ event: 'cycles', fds: cycles.value });
  const clock = openOnAll(
    { type: PERF_TYPE_SOFTWARE, config: PERF_COUNT_SW_CPU_CLOCK, rateHz, flags },
    cpus,
    'cpu-clock',
  );
  return clock.ok ? ok({ event: 'cpu-clock', fds: clock.value }) : clock;
}

/**
 * Events that run a program at every `period`-th occurrence on their CPU, enabled; one descriptor per
 * CPU. Failures are errno names: ENOENT and EOPNOTSUPP where the machine does not count such events.
 */
export function openCountEvents(
  event: { readonly perfType: number; readonly config: number; readonly period: number },
  cpus: readonly number[],
  programFd: number,
): Result<number[], string> {
  const { perfType: type, config, period } = event;
  // The field of the rate is that of the period without FLAG.freq.
  const attr = perfEventAttr({ type, config, rateHz: period, flags: 0n });
  const fds: number[] = [];
  for (const cpu of cpus) {
    const fd = openOnCpu(attr, cpu);
    const failed = fd.ok ? setEventProgram(fd.value, programFd) : fd.error;
    if (fd.ok) fds.push(fd.value);
    if (failed === null) continue;
    for (const open of fds) libc().close(open);
    return err(failed);
  }
  return ok(fds);
}

/** Whether this machine counts cycles in hardware for us: null yes, else the errno name. */
export const probeCycles = (cpu: number): string | null =>
  probeEvent(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, cpu);

/** Whether we may open a CPU-wide software event: null yes, else the errno name. */
export const probeCpuWideEvent = (cpu: number): string | null =>
  probeEvent(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_DUMMY, cpu);

/** Opens an event, disabled, and closes it again. */
function probeEvent(type: number, config: number, cpu: number): string | null {
  const fd = openOnCpu(perfEventAttr({ type, config, rateHz: 0, flags: FLAG.disabled }), cpu);
  if (!fd.ok) return fd.error;
  libc().close(fd.value);
  return null;
}

/**
 * Per-CPU dummy events that report what processes do: executable mappings, names, forks, exits.
 * Build ids in mapping records need Linux 5.12; older kernels refuse the bit, then it is left out.
 */
export function openSideBandEvents(cpus: readonly number[]): Result<number[], ProfilerError> {
  const request = { type: PERF_TYPE_SOFTWARE, config: PERF_COUNT_SW_DUMMY, rateHz: 0 };
  const flags = FLAG.mmap | FLAG.mmap2 | FLAG.comm | FLAG.commExec | FLAG.task;
  const withBuildIds = openOnAll({ ...request, flags: flags | FLAG.buildId }, cpus, 'side-band');
  return withBuildIds.ok ? withBuildIds : openOnAll({ ...request, flags }, cpus, 'side-band');
}

const control = (fd: number, request: number, argument: number): string | null =>
  libc().ioctl(fd, request, argument) < 0 ? errnoName(errno()) : null;

/** These answer null, or the errno name. */
export const enableEvent = (fd: number): string | null => control(fd, IOC_ENABLE, 0);
export const disableEvent = (fd: number): string | null => control(fd, IOC_DISABLE, 0);
/** Ties a BPF program to the event; it is released with the event's last descriptor. */
export const setEventProgram = (fd: number, program: number): string | null =>
  control(fd, IOC_SET_BPF, program);
/** Sends an event's own records (throttling) to another event's mapped ring on the same CPU. */
export const redirectEvent = (fd: number, ringOwner: number): string | null =>
  control(fd, IOC_SET_OUTPUT, ringOwner);

/** Numbers of the CPUs online now; sysfs' list format, e.g. "0-3,8". */
export function onlineCpus(): number[] {
  return parseCpuList(readFileSync('/sys/devices/system/cpu/online', 'utf8'));
}

/** "0-2,5" → [0, 1, 2, 5]. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .filter((part) => part !== '')
    .flatMap((part) => {
      const [first = 0, last = first] = part.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_, index) => first + index);
    });
}

import { readFileSync } from 'node:fs';
import { err, ok, type Result } from '#shared/result.ts';
import { errno, errnoName, koffi } from '../ffi/koffi.ts';
import { libc, perfEventOpenNumber } from '../ffi/libc.ts';
import { setEventProgram } from './perf-event.ts';
import { TRACEFS } from './tracepoint-list.ts';

/**
 * Perf events that stand for a probe: with a BPF program set they run it at every hit, on all CPUs.
 * Closing the descriptor takes the probe away. Failures are errno names. perf_event_open(2).
 */

/** struct perf_event_attr: include/uapi/linux/perf_event.h. */
const ATTR_BYTES = 128;
const ATTR = { type: 0, size: 4, config: 8, period: 16, config1: 56, config2: 64 } as const;
const PERF_TYPE_TRACEPOINT = 2;
const PERF_FLAG_FD_CLOEXEC = 8;

/** A small file with a number; null if it cannot be read. */
function readNumber(path: string): number | null {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

interface ProbeAttr {
  readonly type: number;
  readonly config: bigint;
  readonly config1?: bigint;
  readonly config2?: bigint;
}

/** Opens the event and has it run the program. */
function openProbe(attr: ProbeAttr, programFd: number): Result<number, string> {
  const bytes = new Uint8Array(ATTR_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(ATTR.type, attr.type, true);
  view.setUint32(ATTR.size, ATTR_BYTES, true);
  view.setBigUint64(ATTR.config, attr.config, true);
  view.setBigUint64(ATTR.period, 1n, true);
  view.setBigUint64(ATTR.config1, attr.config1 ?? 0n, true);
  view.setBigUint64(ATTR.config2, attr.config2 ?? 0n, true);
  const number = perfEventOpenNumber();
  if (number === null) return err('ENOSYS');
  // The CPU is of no meaning: the program runs wherever the probe is hit.
  const fd = libc().syscall(number, bytes, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
  if (fd < 0) return err(errnoName(errno()));
  const failed = setEventProgram(fd, programFd);
  if (failed === null) return ok(fd);
  libc().close(fd);
  return err(failed);
}

/** Runs `programFd` at a tracepoint. ENOENT: there is none of that name, or tracefs is not ours to read. */
export function openTracepoint(
  category: string,
  name: string,
  programFd: number,
): Result<number, string> {
  const ids = TRACEFS.map((root) => readNumber(`${root}/events/${category}/${name}/id`));
  const id = ids.find((found) => found !== null);
  if (id === undefined) return err('ENOENT');
  return openProbe({ type: PERF_TYPE_TRACEPOINT, config: BigInt(id) }, programFd);
}

/** PMUs that the kernel offers for probes; their numbers differ from boot to boot. */
const pmuType = (name: 'kprobe' | 'uprobe'): number | null =>
  readNumber(`/sys/bus/event_source/devices/${name}/type`);

/** perf_event_attr.config of both: /sys/bus/event_source/devices/kprobe/format/retprobe. */
const PROBE_POINT = { entry: 0n, return: 1n } as const;
/** Where a function is probed. */
export type ProbePoint = keyof typeof PROBE_POINT;

/** Runs `programFd` at a function of the kernel. ENOTSUP: this kernel has no kprobes. */
export function openKernelProbe(
  name: string,
  programFd: number,
  point: ProbePoint = 'entry',
): Result<number, string> {
  const type = pmuType('kprobe');
  if (type === null) return err('ENOTSUP');
  const config = PROBE_POINT[point];
  return withText(name, (address) => openProbe({ type, config, config1: address }, programFd));
}

/** An instruction of a file, `offset` bytes into it. */
export interface UserPlace {
  /** As people know the file. */
  readonly path: string;
  /** As the kernel is to open it. */
  readonly file: string;
  readonly offset: number;
  /** Of a counter in the file that is kept above zero while the probe is open (USDT); 0: none. */
  readonly semaphoreOffset?: number;
}

/** Upper half of perf_event_attr.config: /sys/bus/event_source/devices/uprobe/format/ref_ctr_offset. */
const SEMAPHORE_SHIFT = 32n;

/** Runs `programFd` at an instruction of a file. */
export function openUserProbe(
  { file, offset, semaphoreOffset = 0 }: UserPlace,
  programFd: number,
  point: ProbePoint = 'entry',
): Result<number, string> {
  const type = pmuType('uprobe');
  if (type === null) return err('ENOTSUP');
  const config = PROBE_POINT[point] | (BigInt(semaphoreOffset) << SEMAPHORE_SHIFT);
  return withText(file, (address) =>
    openProbe({ type, config, config1: address, config2: BigInt(offset) }, programFd),
  );
}

/** Calls `use` with the address of a C string, which the kernel copies. */
function withText<T>(text: string, use: (address: bigint) => T): T {
  const bytes = new TextEncoder().encode(`${text}\0`);
  const address = koffi().alloc('char', bytes.length) as bigint;
  try {
    libc().memcpy(address, bytes, bytes.length);
    return use(address);
  } finally {
    koffi().free(address);
  }
}

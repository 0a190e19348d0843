import { closeSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { invariant } from '#shared/invariant.ts';
import type { UnwindMode } from '#shared/model/capture-spec.ts';
import type { SampleEvent } from '../bpf/perf-event.ts';
import { errno, errnoName } from '../ffi/koffi.ts';
import { libc } from '../ffi/libc.ts';
import type { Mechanism } from './instruments/instrument.ts';
import type { KernelShift } from './kernel-shift.ts';
import type { TablePlace } from './unwind/table-spool.ts';

/** What the request asks for, as far as the capture stage needs it. */
export type HandoverTarget =
  | { readonly kind: 'machine' }
  | {
      readonly kind: 'process';
      readonly pid: number;
      /** The process and its descendants at the start. */
      readonly members: readonly number[];
      /** How many of them we put into target_processes; the programs count theirs (member_change). */
      readonly added: number;
    }
  /** path: of the cgroup, as /proc/PID/cgroup writes it. */
  | { readonly kind: 'cgroup'; readonly path: string };

/** The maps of aggregate mode, even slice first. */
export interface AggregateMaps {
  readonly counts: readonly [number, number];
  readonly stacks: readonly [number, number];
}

/** Descriptors of the unwinder's maps: native-bpf/unwind.bpf.h. */
export interface UnwindMaps {
  readonly chunks: number;
  readonly pages: number;
  readonly rules: number;
  readonly mappings: number;
  readonly processes: number;
  /** Ring buffer of requests. */
  readonly wanted: number;
  /** Program array: the kernel empties it once no process holds it open. */
  readonly programs: number;
}

/** Everything the privileged stage leaves to the capture stage: open descriptors and plain facts. */
export interface Handover {
  /** Capability mask the capture stage may hold, decimal text. */
  readonly keep: string;
  /** Process id of whom we work for. */
  readonly parent: number;
  /** Map of processes that left the target of own processes. -1: processes may become what they like. */
  readonly departuresFd: number;
  /** How kernel addresses are moved before anybody is told; null: they are not. */
  readonly kernelShift: KernelShift | null;
  /** Between two drains. */
  readonly periodMs: number;
  /** Share of one CPU our programs may take; 0: no limit. */
  readonly costLimit: number;
  readonly target: HandoverTarget;
  /** Empty: nothing is sampled. */
  readonly sampleEvent: SampleEvent | '';
  readonly cpus: readonly number[];
  /** One per CPU, in the order of cpus: sampling events, disabled. Empty: nothing is sampled. */
  readonly sampleFds: readonly number[];
  /** One per CPU, in the order of cpus: side-band events, running but not mapped. */
  readonly sideBandFds: readonly number[];
  readonly ringFd: number;
  readonly ringBytes: number;
  /** Records come by the ring buffer: all but aggregated samples. */
  readonly hasRing: boolean;
  readonly stateFd: number;
  /** null: precise mode. */
  readonly aggregate: AggregateMaps | null;
  /** Maps of even and odd slices; null: no source counts in the kernel. */
  readonly histograms: readonly [even: number, odd: number] | null;
  /** BPF iterators to be read once: when the session begins, and before the last drain. */
  readonly beginIterators: readonly number[];
  readonly endIterators: readonly number[];
  /** Of each source of the request. */
  readonly mechanisms: readonly Mechanism[];
  /** null: user stacks are walked by frame pointers. */
  readonly unwind: UnwindMaps | null;
  /** null: there is no unwinder. */
  readonly tables: TablePlace | null;
  readonly unwindMode: UnwindMode;
  /** Why it is not the mode that was asked for; empty: it is. */
  readonly unwindFallback: string;
  /** /proc/kallsyms, opened with CAP_SYSLOG: the kernel judges by who opened it. -1: not allowed. */
  readonly kallsymsFd: number;
  /** To the system's log. -1: there is none, or nobody was raised. */
  readonly refusalLogFd: number;
}

/** Names the inherited descriptor that holds the handover; absent: this is the privileged stage. */
const VARIABLE = 'EMBERSCOPE_HELPER_HANDOVER';
const F_SETFD = 2;
const FD_CLOEXEC = 1;
/**
 * Little of what the capture stage allocates lives long: a young generation of 1 MiB per thread and
 * collection without further threads take half the memory, and less time, than V8's own choice.
 */
const RUNTIME_FLAGS = ['--max-semi-space-size=1', '--single-threaded-gc', '--v8-pool-size=1'];
/** mallopt(3): tables read and let go are given back to the system. Other C libraries ignore it. */
const ALLOCATOR = [
  'MALLOC_ARENA_MAX=2',
  'MALLOC_MMAP_THRESHOLD_=131072',
  'MALLOC_TRIM_THRESHOLD_=1048576',
];

/** All descriptors a handover names. */
const descriptorsOf = (handover: Handover): number[] =>
  [
    ...handover.sampleFds,
    ...handover.sideBandFds,
    handover.ringFd,
    handover.stateFd,
    ...(handover.aggregate?.counts ?? []),
    ...(handover.aggregate?.stacks ?? []),
    ...(handover.histograms ?? []),
    ...handover.beginIterators,
    ...handover.endIterators,
    ...Object.values<number>({ ...handover.unwind }),
    handover.tables?.spoolFd ?? -1,
    handover.kallsymsFd,
    handover.refusalLogFd,
    handover.departuresFd,
  ].filter((fd) => fd >= 0);

/**
 * Replaces this process by the capture stage: the same program, with the given descriptors, an
 * empty environment and only the capabilities that were made inheritable. Returns only on failure,
 * with the errno name.
 *
 * Why exec: capabilities are per thread, and the runtime's own threads cannot be reached from
 * JavaScript. After exec no thread that ever held more is left.
 */
export function replaceByCaptureStage(handover: Handover, attachments: readonly number[]): string {
  const memory = libc().memfd_create('handover', 0);
  invariant(memory >= 0, `memfd_create: ${errnoName(errno())}`);
  const bytes = Buffer.from(JSON.stringify(handover));
  invariant(writeSync(memory, bytes, 0, bytes.length, 0) === bytes.length, 'short handover');
  // What was inherited, or is the runtime's, ends with exec; what is handed over does not.
  const kept = new Set([0, 1, 2, memory, ...descriptorsOf(handover), ...attachments]);
  for (const fd of new Set([...kept, ...openDescriptors()])) {
    libc().fcntl(fd, F_SETFD, kept.has(fd) ? 0 : FD_CLOEXEC);
  }
  const program = process.execPath;
  const environment = [`${VARIABLE}=${memory}`, ...ALLOCATOR];
  if ('electron' in process.versions) environment.push('ELECTRON_RUN_AS_NODE=1');
  // Runtimes whose libraries lie beside them are found by it; set-id programs never see it.
  const libraries = process.env['LD_LIBRARY_PATH'];
  if (libraries !== undefined) environment.push(`LD_LIBRARY_PATH=${libraries}`);
  const argv = [program, ...RUNTIME_FLAGS, ...process.argv.slice(1)];
  libc().execve(program, [...argv, null], [...environment, null]);
  return errnoName(errno());
}

/** One of them, that of the list itself, is closed again. */
const openDescriptors = (): number[] => readdirSync('/proc/self/fd').map(Number);

/** The handover this process was started with; null in the privileged stage. */
export function takeHandover(): Handover | null {
  const text = process.env[VARIABLE];
  if (text === undefined) return null;
  const memory = Number(text);
  // Written by ourselves a moment ago. Somebody else's gains nothing: see assertLimited().
  const handover = JSON.parse(readFileSync(`/proc/self/fd/${memory}`, 'utf8')) as Handover;
  closeSync(memory);
  return handover;
}

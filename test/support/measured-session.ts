import { SLICE_NS, type SourceSpec } from '../../main/shared/model/capture-spec.ts';
import { bucketOf } from '../../main/shared/model/latency-buckets.ts';
import { FRAME_KINDS } from '../../main/shared/model/session-tables.ts';
import {
  emptyBatch,
  type LatencyRow,
  type SampleColumns,
  type SeriesRow,
  type SessionBatch,
  type SourceRow,
} from '../../main/store/session-batch.ts';
import { SessionWriter } from '../../main/store/session-writer.ts';
import { bimodalDurations } from './latencies.ts';
import { ON_CPU } from './on-cpu.ts';
import { randomFrom } from './random.ts';
import { syntheticMeta } from './synthetic-session.ts';

/** Length of the recording, ns. */
export const DURATION_NS = 20e9;
/** Calls of vfs_read; every tenth is slow. */
export const READS = 6000;

/** Rows of the sources. */
export const SOURCE = {
  onCpu: 0,
  offCpu: 1,
  runQueue: 2,
  reads: 3,
  syscalls: 4,
  trace: 5,
} as const;

const SPECS: readonly SourceSpec[] = [
  { kind: 'on-cpu' },
  { kind: 'off-cpu', minNs: 1e5, wakers: true },
  { kind: 'run-queue', minNs: 0, detail: 'events' },
  {
    ...{ kind: 'function', minNs: 0, detail: 'events' },
    probe: { type: 'kernel', name: 'vfs_read' },
  },
  { kind: 'syscalls', minNs: 0, detail: 'histogram' },
  {
    ...{ kind: 'trace', filter: '', stacks: true, returns: false, perSecond: 10_000 },
    probe: { type: 'tracepoint', category: 'sched', name: 'sched_process_exec' },
  },
];

const timed = { unit: 'nanoseconds', note: '', detail: '', fields: '' } as const;
const SOURCES: readonly SourceRow[] = [
  ON_CPU,
  { ...timed, kind: 'off-cpu', title: 'Off-CPU time', mechanism: 'tracepoint' },
  { ...timed, kind: 'run-queue', title: 'Run-queue latency', mechanism: 'tracepoint' },
  { ...timed, kind: 'function', title: 'vfs_read', mechanism: 'fentry', detail: 'events' },
  {
    ...{ ...timed, kind: 'syscalls', title: 'System calls', mechanism: 'tracepoint' },
    detail: 'histogram',
  },
  {
    ...{ ...timed, kind: 'trace', title: 'sched:sched_process_exec', mechanism: 'tracepoint' },
    ...{ unit: 'events', fields: JSON.stringify([{ name: 'filename' }, { name: 'pid' }]) },
  },
];

const CALLS: readonly (readonly [name: string, variant: string, usual: number, count: number])[] = [
  ['read', '', 8e3, 40_000],
  ['write', '', 12e3, 22_000],
  ['futex', '', 900e3, 9_000],
  ['futex', 'ETIMEDOUT', 50e6, 400],
  ['epoll_wait', '', 4e6, 5_000],
  ['openat', '', 30e3, 2_500],
  ['openat', 'ENOENT', 9e3, 6_100],
  ['fsync', '', 14e6, 120],
  ['sendto', '', 25e3, 7_000],
  ['recvfrom', 'EAGAIN', 1.1e3, 12_000],
  ['clock_nanosleep', '', 100e6, 180],
  ['mmap', '', 5e3, 900],
];

/** Frames, stacks and functions, made as they are named: "name" of the app, "name[k]" of the kernel. */
class Stacks {
  readonly functions: string[] = [];
  readonly frames: { name: string; kind: string }[] = [];
  readonly rows: { parent: number; frame: number }[] = [];
  private readonly known = new Map<string, number>();

  /** Row of a stack, root first; "^name" is the mark of a waker. */
  of(path: string): number {
    let parent = -1;
    for (const name of path.split(';')) {
      const above = parent;
      const frame = this.frame(name);
      parent = this.intern(`s${above} ${frame}`, () => this.rows.push({ parent: above, frame }));
    }
    return parent;
  }

  private frame(text: string): number {
    const kind = text.startsWith('^') ? 'waker' : text.endsWith('[k]') ? 'kernel' : 'user';
    const name = text.replace(/^\^|\[k\]$/g, '');
    return this.intern(`f${text}`, () => this.frames.push({ name, kind }));
  }

  private intern(key: string, make: () => number): number {
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const row = make() - 1;
    this.known.set(key, row);
    return row;
  }
}

interface Sample {
  readonly time: number;
  readonly thread: number;
  readonly stack: number;
  readonly weight: number;
  readonly series: number;
  readonly value: number;
}

const FAST = 'main;serve;handle_request;read_cached;vfs_read[k];filemap_read[k]';
const SLOW = 'main;serve;handle_request;read_cold;vfs_read[k];filemap_read[k];io_schedule[k]';
const WAIT = 'main;serve;wait_for_work;futex_wait[k];schedule[k]';
const WOKEN = `${WAIT};^[woken by loader];futex_wake[k];push_work;load_loop;main`;
const IDLE = 'main;background;sleep_a_while;do_nanosleep[k];schedule[k]';
const RUNS = [
  'main;serve;handle_request;parse_json',
  'main;serve;handle_request;render_page;escape_html',
  'main;serve;handle_request;read_cached;vfs_read[k];copy_to_user[k]',
  'main;background;compress_logs;deflate',
];

/** Writes a session with six sources: what every view of latencies is tested on. Always the same. */
export async function writeMeasuredSession(path: string): Promise<void> {
  const meta = syntheticMeta();
  const spec = { ...meta.spec, sources: SPECS, rate: 99 as typeof meta.spec.rate };
  const host = { ...meta.host, cpus: 4 };
  const created = await SessionWriter.create(path, { ...meta, spec, host }, { replace: true });
  if (!created.ok) throw new Error(JSON.stringify(created.error));
  const writer = created.value;
  const appended = await writer.append(measuredBatch());
  if (!appended.ok) throw new Error(JSON.stringify(appended.error));
  const finished = await writer.finish({ state: 'complete', endNs: DURATION_NS });
  if (!finished.ok) throw new Error(JSON.stringify(finished.error));
}

function measuredBatch(): SessionBatch {
  const stacks = new Stacks();
  const series = seriesRows();
  const samples = [
    columns(SOURCE.onCpu, onCpu(stacks)),
    columns(SOURCE.offCpu, offCpu(stacks, series)),
    columns(SOURCE.runQueue, runQueue(stacks, series)),
    columns(SOURCE.reads, reads(stacks, series)),
    columns(SOURCE.syscalls, examples(stacks, series)),
    { ...columns(SOURCE.trace, traced(stacks)), fields: tracedFields() },
  ];
  return {
    ...emptyBatch(),
    ...places(stacks),
    ...{ sources: SOURCES, series, latencies: cells(series), samples },
    processes: [
      {
        ...{ pid: 4711, parentPid: 1, startNs: -5e9, comm: 'shopd', exe: '/usr/bin/shopd' },
        ...{ cmdline: 'shopd --port 8080', uid: 1000, cgroup: '/user.slice' },
      },
      {
        ...{ pid: 4800, parentPid: 1, startNs: -4e9, comm: 'loader', exe: '/usr/bin/loader' },
        ...{ cmdline: 'loader', uid: 1000, cgroup: '/user.slice' },
      },
    ],
    threads: [
      { process: 0, tid: 4711, comm: 'shopd' },
      { process: 0, tid: 4712, comm: 'shopd-worker' },
      { process: 1, tid: 4800, comm: 'loader' },
    ],
  };
}

/** Images, functions, symbols, frames and stacks. */
function places(stacks: Stacks): Partial<SessionBatch> {
  const { frames, rows } = stacks;
  const named = frames.flatMap(({ kind }, frame) => (kind === 'waker' ? [] : [frame]));
  const imageOf = (kind: string): number => (kind === 'kernel' ? 1 : 0);
  return {
    images: [
      { kind: 0, path: '/usr/bin/shopd', buildId: 'c0ffee', fileIdentity: 'fe:0:1' },
      { kind: 1, path: '[kernel]', buildId: '', fileIdentity: '' },
      { kind: 5, path: '[woken by loader]', buildId: '', fileIdentity: '' },
    ],
    frames: {
      image: frames.map(({ kind }) => (kind === 'waker' ? 2 : imageOf(kind))),
      offset: frames.map(({ kind }, frame) => (kind === 'waker' ? 0 : 4096 + frame * 64)),
      kind: frames.map(({ kind }) => FRAME_KINDS.indexOf(kind as (typeof FRAME_KINDS)[number])),
    },
    functions: named.map((frame) => {
      const { name, kind } = frames[frame]!;
      return { image: imageOf(kind), name, rawName: name, startOffset: 4096 + frame * 64 };
    }),
    symbols: {
      frame: named,
      depth: named.map(() => 0),
      function: named.map((_, row) => row),
      file: named.map(() => -1),
      line: named.map(() => 0),
    },
    stacks: { parent: rows.map(({ parent }) => parent), frame: rows.map(({ frame }) => frame) },
  };
}

function seriesRows(): SeriesRow[] {
  return [
    { source: SOURCE.offCpu, process: -1, name: 'sleeping', variant: '' },
    { source: SOURCE.offCpu, process: -1, name: 'disk sleep', variant: '' },
    { source: SOURCE.runQueue, process: -1, name: 'woken', variant: '' },
    { source: SOURCE.runQueue, process: -1, name: 'preempted', variant: '' },
    { source: SOURCE.reads, process: 0, name: 'vfs_read', variant: '' },
    ...CALLS.map(([name, variant]) => ({ source: SOURCE.syscalls, process: 0, name, variant })),
  ];
}

const seriesOf = (series: readonly SeriesRow[], source: number): number =>
  series.findIndex((row) => row.source === source);

function columns(source: number, samples: readonly Sample[]): SampleColumns {
  const sorted = [...samples].sort((a, b) => a.time - b.time);
  const length = sorted.length;
  return {
    ...{ length, source, fields: null },
    time: Float64Array.from(sorted, ({ time }) => Math.floor(time)),
    thread: Int32Array.from(sorted, ({ thread }) => thread),
    stack: Int32Array.from(sorted, ({ stack }) => stack),
    cpu: Uint16Array.from(sorted, (_, row) => row % 4),
    weight: Float64Array.from(sorted, ({ weight }) => Math.round(weight)),
    series: Int32Array.from(sorted, (row) => row.series),
    value: Float64Array.from(sorted, ({ value }) => Math.round(value)),
  };
}

/** Two threads, busy in the first half of every second. */
function onCpu(stacks: Stacks): Sample[] {
  const next = randomFrom(11);
  return Array.from({ length: 2400 }, (_, at) => {
    const second = Math.floor(at / 120);
    const time = (second + ((at % 120) / 120) * 0.55) * 1e9 + next() * 1e6;
    const stack = stacks.of(RUNS[Math.floor(next() ** 2 * RUNS.length)]!);
    return { time, thread: at % 2, stack, weight: 1, series: -1, value: 0 };
  });
}

function offCpu(stacks: Stacks, series: readonly SeriesRow[]): Sample[] {
  const next = randomFrom(13);
  const first = seriesOf(series, SOURCE.offCpu);
  return Array.from({ length: 1500 }, (_, at) => {
    const isDisk = at % 5 === 0;
    const value = isDisk ? 12e6 * (0.8 + next() * 0.4) : 2e6 + next() ** 3 * 30e6;
    const path = isDisk ? SLOW : at % 7 === 0 ? IDLE : WOKEN;
    const time = (at / 1500) * DURATION_NS * 0.98 + value;
    const stack = stacks.of(path);
    return { time, thread: at % 2, stack, weight: value, series: first + (isDisk ? 1 : 0), value };
  });
}

function runQueue(stacks: Stacks, series: readonly SeriesRow[]): Sample[] {
  const next = randomFrom(17);
  const first = seriesOf(series, SOURCE.runQueue);
  return Array.from({ length: 3000 }, (_, at) => {
    const value = 2e3 + next() ** 6 * 8e6;
    const time = (at / 3000) * DURATION_NS * 0.98 + value;
    const stack = stacks.of(at % 3 === 0 ? RUNS[0]! : WAIT);
    const one = first + (at % 3 === 0 ? 1 : 0);
    return { time, thread: at % 2, stack, weight: value, series: one, value };
  });
}

/** Nine fast calls and a slow one; the slow ones go another way. */
function reads(stacks: Stacks, series: readonly SeriesRow[]): Sample[] {
  const durations = bimodalDurations(READS);
  const row = seriesOf(series, SOURCE.reads);
  return durations.map((value, at) => {
    const stack = stacks.of(at % 10 === 9 ? SLOW : FAST);
    const time = (at / READS) * DURATION_NS * 0.98 + value;
    return { time, thread: at % 2, stack, weight: value, series: row, value };
  });
}

/** About log-normal around `usual`. */
const spread = (usual: number, next: () => number): number =>
  usual * Math.exp((next() + next() + next() - 1.5) * 1.1);

/** What the kernel counted of system calls. */
function cells(series: readonly SeriesRow[]): LatencyRow[] {
  const first = seriesOf(series, SOURCE.syscalls);
  const next = randomFrom(19);
  const found = new Map<string, LatencyRow>();
  CALLS.forEach(([, , usual, count], call) => {
    for (let at = 0; at < count; at++) {
      const value = Math.round(spread(usual, next));
      const slice = Math.floor(((at / count) * DURATION_NS) / SLICE_NS);
      const cell = { series: first + call, slice, bucket: bucketOf(value) };
      const key = `${cell.series} ${slice} ${cell.bucket}`;
      const { count: had, total, max } = found.get(key) ?? { count: 0, total: 0, max: 0 };
      const sums = { count: had + 1, total: total + value, max: Math.max(max, value) };
      found.set(key, { ...cell, ...sums });
    }
  });
  return [...found.values()];
}

/** Some calls of each kind with their stacks; each stands for many. */
function examples(stacks: Stacks, series: readonly SeriesRow[]): Sample[] {
  const first = seriesOf(series, SOURCE.syscalls);
  const next = randomFrom(23);
  return CALLS.flatMap(([name, , usual, count], call) =>
    Array.from({ length: 30 }, (_, at) => {
      const value = Math.round(spread(usual, next));
      const stack = stacks.of(`main;serve;handle_request;do_${name};__x64_sys_${name}[k]`);
      const time = ((at + next()) / 30) * DURATION_NS * 0.98;
      const weight = value * Math.max(1, Math.round(count / 30));
      return { time, thread: at % 2, stack, weight, series: first + call, value };
    }),
  );
}

const COMMANDS = ['/usr/bin/git', '/usr/bin/sh', '/usr/bin/convert'];

function traced(stacks: Stacks): Sample[] {
  return Array.from({ length: 450 }, (_, at) => ({
    ...{ time: ((at + 0.5) / 450) * DURATION_NS, thread: 2, weight: 1, series: -1, value: 0 },
    stack: stacks.of('main;load_loop;spawn;do_execveat_common[k];begin_new_exec[k]'),
  }));
}

const tracedFields = (): string[] =>
  Array.from({ length: 450 }, (_, at) => JSON.stringify([COMMANDS[at % 3]!, 5000 + at]));

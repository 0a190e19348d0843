import { hertz } from '../../main/shared/units.ts';
import type { SessionMeta } from '../../main/store/meta.ts';
import type { SessionBatch } from '../../main/store/session-batch.ts';
import { emptyBatch } from '../../main/store/session-batch.ts';
import { SessionWriter } from '../../main/store/session-writer.ts';
import { ON_CPU_SOURCES, onCpuSamples } from './on-cpu.ts';
import { randomFrom } from './random.ts';

export interface SyntheticOptions {
  readonly samples: number;
  /** Distinct leaves; the stack table gets 2 to 3 rows for each. */
  readonly stacks: number;
  readonly functions: number;
  readonly threads: number;
  readonly seed: number;
}

export interface SyntheticResult {
  readonly samples: number;
  readonly stackRows: number;
  /** Time inside SessionWriter, ms. */
  readonly writeMs: number;
}

/** Samples per second and thread of the recording that is imitated. */
const RATE_HZ = 997;
/** Length of one batch, ns: a drain of the helper. */
const BATCH_NS = 5e8;
const FRAMES_PER_FUNCTION = 2;
const MEAN_DEPTH = 35;
const MAX_DEPTH = 127;

/** Facts of an invented machine; tests override what they look at. */
export const syntheticMeta = (): SessionMeta => ({
  recordedBy: '0.0.0-test',
  startedAt: '2026-01-02T03:04:05.000Z',
  startMonotonicNs: '1d4c6d1f2a3',
  host: {
    hostname: 'kiln',
    kernel: '6.18.0',
    arch: 'x86_64',
    os: 'Test OS 1',
    cpuModel: 'Test CPU',
    cpus: 16,
    memoryBytes: 2 ** 34,
    sampleEvent: 'cpu-clock',
    bpfJit: true,
  },
  spec: {
    sources: [{ kind: 'on-cpu' }],
    target: { kind: 'machine' },
    rate: hertz(RATE_HZ),
    mode: 'precise',
    includeIdle: false,
    costLimit: 0.05,
    kernelStacks: true,
    userStacks: true,
    unwind: 'auto',
    duration: null,
  },
  unwind: { mode: 'auto', fallback: '' },
});

/** Writes a session whose shape is that of a real one: Zipf stacks of mean depth 35, shared prefixes. */
export async function writeSyntheticSession(
  path: string,
  options: SyntheticOptions,
): Promise<SyntheticResult> {
  const random = randomFrom(options.seed);
  const tree = growStacks(options, random);
  const created = await SessionWriter.create(path, syntheticMeta(), { replace: true });
  if (!created.ok) throw new Error(JSON.stringify(created.error));
  const writer = created.value;
  let writeMs = 0;
  let lastNs = 0;
  for (const batch of batchesOf(options, tree, random)) {
    const start = performance.now();
    const outcome = await writer.append(batch);
    writeMs += performance.now() - start;
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.error));
    lastNs = Math.max(lastNs, batch.samples[0]?.time.at(-1) ?? 0);
  }
  const start = performance.now();
  const finished = await writer.finish({ state: 'complete', endNs: lastNs });
  writeMs += performance.now() - start;
  if (!finished.ok) throw new Error(JSON.stringify(finished.error));
  return { samples: options.samples, stackRows: tree.parent.length, writeMs };
}

/** A prefix tree: rows as in the stack table, and the row of each distinct stack's leaf. */
interface StackTree {
  readonly parent: readonly number[];
  readonly frame: readonly number[];
  readonly leaf: readonly number[];
}

/** Rank below `count` with probability about 1 / (rank + 1). */
const zipf = (count: number, random: () => number): number =>
  Math.min(count - 1, Math.floor((count + 1) ** random()) - 1);

/** Each new stack cuts a few frames off an existing one and extends it with callees of its top. */
function growStacks(options: SyntheticOptions, random: () => number): StackTree {
  const frames = options.functions * FRAMES_PER_FUNCTION;
  const callees = Array.from({ length: frames }, () =>
    Array.from({ length: 8 }, () => zipf(frames, random)),
  );
  const parent: number[] = [];
  const frame: number[] = [];
  const depth: number[] = [];
  const leaf: number[] = [];
  const known = new Map<number, number>();
  const extend = (row: number): number => {
    const choices = row < 0 ? [0] : callees[frame[row]!]!;
    const child = choices[Math.floor(random() * choices.length)]!;
    const key = (row + 1) * frames + child;
    const existing = known.get(key);
    if (existing !== undefined) return existing;
    known.set(key, parent.length);
    parent.push(row);
    frame.push(child);
    depth.push(row < 0 ? 1 : depth[row]! + 1);
    return parent.length - 1;
  };
  let row = -1;
  for (let i = 0; i < MEAN_DEPTH; i++) row = extend(row);
  while (leaf.length < options.stacks) {
    row = leaf.length === 0 ? row : leaf[Math.floor(random() * leaf.length)]!;
    const isDeep = depth[row]! > MEAN_DEPTH;
    for (let cut = Math.floor(random() * (isDeep ? 6 : 3)); cut > 0 && row > 0; cut--) {
      row = parent[row]!;
    }
    const before = parent.length;
    const more = 1 + Math.floor(random() * 4);
    for (let i = 0; i < more && (row < 0 || depth[row]! < MAX_DEPTH); i++) row = extend(row);
    if (parent.length > before) leaf.push(row);
    else row = leaf[0] ?? row;
  }
  return { parent, frame, leaf };
}

function firstBatch(options: SyntheticOptions): SessionBatch {
  const { functions, threads } = options;
  const frames = Array.from({ length: functions * FRAMES_PER_FUNCTION }, (_, i) => i);
  const functionOf = (row: number): number => Math.floor(row / FRAMES_PER_FUNCTION);
  return {
    ...emptyBatch(),
    sources: ON_CPU_SOURCES,
    images: [
      { kind: 0, path: '/usr/bin/furnace', buildId: 'c0ffee', fileIdentity: 'fe:0:1' },
      { kind: 1, path: '[kernel]', buildId: '', fileIdentity: '' },
    ],
    processes: [
      {
        ...{ pid: 4711, parentPid: 1, startNs: -5e9, comm: 'furnace', exe: '/usr/bin/furnace' },
        ...{ cmdline: 'furnace --hot', uid: 1000, cgroup: '/user.slice' },
      },
    ],
    threads: Array.from({ length: threads }, (_, i) => ({
      ...{ process: 0, tid: 4711 + i, comm: `worker-${i}` },
    })),
    frames: {
      image: frames.map((row) => (functionOf(row) % 10 === 9 ? 1 : 0)),
      offset: frames.map((row) => 4096 + row * 64),
      kind: frames.map((row) => (functionOf(row) % 10 === 9 ? 1 : 0)),
    },
    functions: Array.from({ length: functions }, (_, i) => ({
      image: i % 10 === 9 ? 1 : 0,
      name: `furnace::stage${i % 97}::burn_${i}(int, std::string const&)`,
      rawName: `_ZN7furnace5burn_${i}EiRKSs`,
      startOffset: 4096 + i * FRAMES_PER_FUNCTION * 64,
    })),
    symbols: {
      frame: frames,
      depth: frames.map(() => 0),
      function: frames.map(functionOf),
      file: frames.map(() => -1),
      line: frames.map(() => 0),
    },
  };
}

/** The recording in time order: each batch brings the stack rows its samples need first. */
function* batchesOf(
  options: SyntheticOptions,
  tree: StackTree,
  random: () => number,
): Generator<SessionBatch> {
  yield firstBatch(options);
  const { samples, threads } = options;
  const stepNs = 1e9 / (RATE_HZ * threads);
  const perBatch = Math.max(1, Math.floor(BATCH_NS / stepNs));
  const bpfNs = 1800;
  let stackRows = 0;
  let unlocked = 0;
  for (let from = 0; from < samples; from += perBatch) {
    const length = Math.min(perBatch, samples - from);
    const columns = {
      length,
      time: new Float64Array(length),
      thread: new Int32Array(length),
      stack: new Int32Array(length),
      cpu: new Uint16Array(length),
      weight: new Float64Array(length).fill(1),
    };
    for (let i = 0; i < length; i++) {
      const isNew = ((from + i + 1) * tree.leaf.length) / samples > unlocked;
      const pick = isNew ? unlocked++ : zipf(unlocked, random);
      columns.time[i] = Math.floor((from + i + random()) * stepNs);
      columns.thread[i] = (from + i) % threads;
      columns.stack[i] = tree.leaf[pick]!;
      columns.cpu[i] = Math.floor(random() * 16);
    }
    const needed = columns.stack.reduce((most, row) => Math.max(most, row + 1), stackRows);
    yield {
      ...emptyBatch(),
      stacks: {
        parent: tree.parent.slice(stackRows, needed),
        frame: tree.frame.slice(stackRows, needed),
      },
      samples: [onCpuSamples(columns)],
      cost: {
        ...{ timeNs: (from + length) * stepNs, bpfRuns: from + length },
        ...{ bpfNs: (from + length) * bpfNs, helperCpuNs: 1e6, helperRssBytes: 4e7 },
        ...{
          engineCpuNs: 2e6,
          engineRssBytes: 9e7,
          samples: from + length,
          idleSamples: 0,
          backoff: 0,
        },
        unwind: null,
      },
    };
    stackRows = needed;
  }
}

import { join } from 'node:path';
import { readTables } from '../support/read-tables.ts';
import { type UserStack, userStacksOf } from '../support/user-stacks.ts';
import { benchAgreement } from './agreement.ts';
import { finish } from './finish.ts';
import { printTable } from './measure.ts';
import { type PerfStack, persistently, readPerfStacks } from './perf-stacks.ts';
import { ThreadRoots } from './thread-roots.ts';
import { DEEP, prepareWorkloads, versionsOf, type Workload, withWorkload } from './workloads.ts';

/** Every recording of the table, s. */
const SECONDS = 5;
const RATE_HZ = 199;
export interface StacksOptions {
  readonly cli: string;
  readonly folder: string;
  readonly fixtures: string;
}

/** What the stacks of one recorder are worth. */
interface Quality {
  readonly samples: number;
  /** Share of samples whose recorder says that the stack is whole; NaN: it says nothing. */
  readonly said: number;
  /** Share of samples whose root is where a thread starts. */
  readonly reached: number;
  readonly depth: number;
  /** Why walks ended early, with shares, most frequent first. */
  readonly reasons: string;
}

/** Share of whole user stacks per program and way to unwind, in one run on this machine. */
export async function benchStacks({ cli, folder, fixtures }: StacksOptions): Promise<void> {
  const workloads = prepareWorkloads(folder, fixtures);
  const asked = process.env['EMBERSCOPE_WORKLOADS']?.split(',');
  const rows: string[][] = [];
  for (const workload of workloads) {
    if (asked !== undefined && !asked.some((name) => workload.name.includes(name))) continue;
    const row = await rowOf(workload, { cli, folder, fixtures });
    process.stderr.write(`${row.join('  ')}\n`);
    rows.push(row);
  }
  printTable(
    `User stacks: ${SECONDS} s at ${RATE_HZ} Hz each. "whole": the recorder says so; "root": the root is where a thread starts, by readelf`,
    [
      [
        ...['program', 'samples', 'auto whole', 'auto root', 'depth'],
        ...['fp root', 'depth', 'perf dwarf root', 'depth', 'auto cut short by'],
      ],
      ...rows,
    ],
  );
  process.stdout.write(`  ${versionsOf()}\n`);
  const deep = workloads.find(({ name }) => name === DEEP);
  if (deep !== undefined && (asked === undefined || asked.includes('agreement'))) {
    await benchAgreement(deep, { cli, folder, rateHz: RATE_HZ });
  }
}

async function rowOf(workload: Workload, { cli, folder }: StacksOptions): Promise<string[]> {
  const roots = new ThreadRoots();
  const auto = await recordOurs(workload, 'auto', { cli, folder });
  const fp = await recordOurs(workload, 'fp', { cli, folder });
  const perf = await recordPerf(workload, folder);
  learnRoots(roots, auto);
  const ours = qualityOfOurs(auto, roots);
  const pointers = qualityOfOurs(fp, roots);
  const dwarf = perf === null ? null : qualityOfPerf(perf, roots);
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return [
    workload.name,
    String(ours.samples),
    percent(ours.said),
    percent(ours.reached),
    ours.depth.toFixed(1),
    percent(pointers.reached),
    pointers.depth.toFixed(1),
    dwarf === null ? 'perf aborts' : percent(dwarf.reached),
    dwarf === null ? '-' : dwarf.depth.toFixed(1),
    ours.reasons,
  ];
}

/** The session of a running program, recorded by process id. */
async function recordOurs(
  workload: Workload,
  unwind: string,
  { cli, folder }: { readonly cli: string; readonly folder: string },
): Promise<UserStack[]> {
  const file = join(folder, 'stacks.ember');
  const options = ['-F', String(RATE_HZ), '-d', String(SECONDS), '--unwind', unwind];
  await withWorkload(workload, async (pid) => {
    await finish(process.execPath, [
      ...[cli, 'record', '--quiet', '--force', '-p', String(pid), ...options, '-o', file],
    ]);
  });
  return userStacksOf((await readTables(file)).tables);
}

/** The same by perf. Null: it aborted every time. */
async function recordPerf(workload: Workload, folder: string): Promise<PerfStack[] | null> {
  const file = join(folder, 'stacks.data');
  const options = ['-e', 'cpu-clock', '-F', String(RATE_HZ), '--call-graph', 'dwarf,32768'];
  return await persistently(async () => {
    await withWorkload(workload, async (pid) => {
      await finish('perf', [
        ...['record', '-q', ...options, '-p', String(pid), '-o', file],
        ...['--', 'sleep', String(SECONDS)],
      ]);
    });
    return readPerfStacks(file);
  });
}

/**
 * Programs without unwind information have roots that readelf knows nothing of (Go). There, what ours
 * calls whole tells where they are, if it is the same place in a good part of all samples.
 */
function learnRoots(roots: ThreadRoots, stacks: readonly UserStack[]): void {
  const total = weightOf(stacks);
  const byRoot = new Map<string, { image: string; name: string; weight: number }>();
  for (const { frames, stop, weight } of stacks) {
    const root = frames[0];
    if (root === undefined || stop !== null || roots.has(root) || !isGoRoot(root.name)) continue;
    const key = `${root.image} ${root.name}`;
    const known = byRoot.get(key) ?? { image: root.image, name: root.name, weight: 0 };
    known.weight += weight;
    byRoot.set(key, known);
  }
  for (const { image, name, weight } of byRoot.values()) {
    if (weight / total > 0.01) roots.add(image, name);
  }
}

/** Go's starts of goroutines and threads (runtime/asm_amd64.s). */
const isGoRoot = (name: string): boolean =>
  /^runtime\.(goexit|mstart|rt0_go|mcall|systemstack|morestack)/.test(name) ||
  name.startsWith('_rt0_');

const weightOf = (stacks: readonly { readonly weight: number }[]): number =>
  stacks.reduce((sum, { weight }) => sum + weight, 0);

function qualityOfOurs(stacks: readonly UserStack[], roots: ThreadRoots): Quality {
  const total = weightOf(stacks);
  const share = (some: readonly UserStack[]): number => weightOf(some) / total;
  const reasons = new Map<string, number>();
  for (const { stop, weight } of stacks) {
    if (stop !== null) reasons.set(stop, (reasons.get(stop) ?? 0) + weight);
  }
  const depth = stacks.reduce((sum, { frames, weight }) => sum + frames.length * weight, 0);
  return {
    samples: total,
    said: share(stacks.filter(({ stop }) => stop === null)),
    reached: share(stacks.filter(({ frames }) => frames[0] !== undefined && roots.has(frames[0]))),
    depth: depth / total,
    reasons: [...reasons]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 3)
      .map(([reason, weight]) => `${reason} ${((weight / total) * 100).toFixed(1)} %`)
      .join(', '),
  };
}

function qualityOfPerf(stacks: readonly PerfStack[], roots: ThreadRoots): Quality {
  const depth = stacks.reduce((sum, { frames }) => sum + frames.length, 0);
  const reached = stacks.filter(({ frames }) => roots.has(frames[0]!)).length;
  return {
    samples: stacks.length,
    said: Number.NaN,
    reached: reached / stacks.length,
    depth: depth / stacks.length,
    reasons: '',
  };
}

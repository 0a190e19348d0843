import { execFileSync, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentileOf } from '../../main/shared/model/latency-stats.ts';
import type { SessionTables } from '../../main/shared/model/session-tables.ts';
import { seriesLatencies } from '../../main/shared/model/source-latencies.ts';
import { frameName } from '../../main/shared/text/frame-name.ts';
import { readTables } from '../support/read-tables.ts';
import { userStacksOf } from '../support/user-stacks.ts';
import { recordOwn } from './guest-own.ts';
import { RESULT_BEGIN, RESULT_END } from './machine.ts';
import type { GuestLatency, GuestPlan, GuestResult, RecordingOutcome } from './plan.ts';

/** Runs inside the guest as the only program: makes each recording of the plan, prints what it holds. */

type Recording = GuestPlan['recordings'][number];
type Run = Pick<SpawnSyncReturns<string>, 'status' | 'stderr'>;

/** An emulated machine needs a while to load a program and its libraries, ms. */
const WARM_UP_MS = 2000;
/** The kernel frees programs a while after their last user is gone, ms. */
const FREE_MS = 5000;
/** Events of each trace that are shown. */
const EVENTS = '20';

const fileOf = (name: string): string => `/tmp/${name.replaceAll(/\W+/g, '-')}.ember`;

const recorder = (cli: string, name: string, args: readonly string[]): string[] => [
  ...[cli, 'record', ...args, '--force', '--json', '-o', fileOf(name)],
];

async function record(recording: Recording, cli: string): Promise<RecordingOutcome[]> {
  const { name, args, beside: other, log, prepare = [] } = recording;
  for (const [program = '', ...rest] of prepare) execFileSync(program, rest, { stdio: 'pipe' });
  const before = loadedPrograms();
  const all = recorder(cli, name, args);
  const run =
    other !== undefined
      ? await beside([all, recorder(cli, other.name, args)], recording)
      : recording.launch === true
        ? launch(all, recording)
        : await attach(all, recording);
  const text = log !== undefined && existsSync(log) ? readFileSync(log, 'utf8') : '';
  const left = await leftPrograms(before);
  const names = other === undefined ? [name] : [name, other.name];
  const outcomes: RecordingOutcome[] = [];
  for (const one of names) {
    outcomes.push({ ...(await outcomeOf(one, recording, { run, cli })), log: text, left });
  }
  return outcomes;
}

async function outcomeOf(
  name: string,
  { command }: Recording,
  { run, cli }: { readonly run: Run; readonly cli: string },
): Promise<Omit<RecordingOutcome, 'log' | 'left'>> {
  // One of two recorders may have failed alone: what it said stands among what the other did.
  const status = run.status === 0 && !existsSync(fileOf(name)) ? 1 : run.status;
  const failed = { name, status, errorText: run.stderr.slice(-4000) };
  if (status !== 0) {
    const nothing = { stacks: [], loss: [], mechanisms: [], notes: [], latencies: [], events: [] };
    return { ...failed, ...nothing, samples: 0, counts: {}, fallback: '' };
  }
  const { tables, info } = await readTables(fileOf(name));
  const stacks = userStacksOf(tables).map(({ comm, frames, stop, weight }) => ({
    ...{ comm, stop, weight, depth: frames.length },
    names: frames.map((frame) => frame.name),
  }));
  const { mechanism: mechanisms, note: notes } = tables.sources;
  return {
    ...{ ...failed, stacks, mechanisms, notes, samples: info.sampleCount },
    loss: info.loss.filter(({ count }) => count > 0),
    fallback: info.unwind.fallback,
    counts: countsOf(tables),
    latencies: latenciesOf(tables, basename(command[0] ?? '')),
    events: tables.sources.kind.includes('trace') ? eventsOf(cli, fileOf(name)) : [],
  };
}

/** Records the command from its first instruction to its end. */
const launch = (args: readonly string[], { command, env }: Recording): Run =>
  spawnSync(process.execPath, [...args, '--', ...command], {
    ...{ encoding: 'utf8', env: { ...process.env, ...env } },
  });

/** Two recorders attach to the command, which then runs to its end; what both said. */
async function beside(
  recorders: readonly (readonly string[])[],
  { command, env, beside: other }: Recording,
): Promise<Run> {
  const script = 'kill -STOP $$; exec "$@"';
  const target = spawn('/bin/sh', ['-c', script, 'sh', ...command], { stdio: 'ignore' });
  const closed: Promise<unknown>[] = [];
  let said = '';
  for (const [index, args] of recorders.entries()) {
    const settings = index === 0 ? env : other?.env;
    const recorder = spawn(process.execPath, [...args, '-p', String(target.pid)], {
      ...{ stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...settings } },
    });
    closed.push(once(recorder, 'close'));
    await new Promise<void>((resolve) => {
      recorder.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (chunk.includes('Recording:')) resolve();
      });
      recorder.on('close', () => resolve());
    });
  }
  target.kill('SIGCONT');
  await Promise.all(closed);
  return { status: 0, stderr: said };
}

/** Records the command while it runs, and ends it. */
async function attach(args: readonly string[], { command }: Recording): Promise<Run> {
  const [program = '', ...rest] = command;
  const target = spawn(program, rest, { stdio: 'ignore' });
  await sleep(WARM_UP_MS);
  const all = [...args, '-p', String(target.pid)];
  const run = spawnSync(process.execPath, all, { encoding: 'utf8' });
  target.kill('SIGKILL');
  return run;
}

function loadedPrograms(): Map<number, string> {
  const text = execFileSync('/bin/bpftool', ['-j', 'prog', 'list'], { encoding: 'utf8' });
  const programs = JSON.parse(text) as readonly { readonly id: number; readonly name?: string }[];
  return new Map(programs.map(({ id, name }) => [id, name ?? '']));
}

async function leftPrograms(before: ReadonlyMap<number, string>): Promise<string[]> {
  const until = performance.now() + FREE_MS;
  for (;;) {
    const left = [...loadedPrograms()].filter(([id]) => !before.has(id));
    if (left.length === 0 || performance.now() > until) return left.map(([, name]) => name);
    await sleep(200);
  }
}

const eventsOf = (cli: string, file: string): RecordingOutcome['events'] =>
  (
    JSON.parse(
      execFileSync(process.execPath, [cli, 'events', file, '--json', '-n', EVENTS], {
        encoding: 'utf8',
      }),
    ) as readonly { readonly trace: string; readonly fields: Record<string, string | number> }[]
  ).map(({ trace, fields }) => ({ trace, ...fields }));

function countsOf(tables: SessionTables): Record<string, number> {
  const { sources, series, samples } = tables;
  const counts: Record<string, number> = {};
  const add = (key: string, count: number): void => {
    counts[key] = (counts[key] ?? 0) + count;
  };
  for (let source = 0; source < sources.length; source++) {
    const kind = sources.kind[source] ?? '';
    for (const { series: row, count } of seriesLatencies(tables, source)) {
      add(`${kind} ${series.name[row] ?? ''} ${series.variant[row] ?? ''}`.trim(), count);
    }
    if (sources.unit[source] === 'nanoseconds') continue;
    const title = `${kind} ${sources.title[source] ?? ''}`;
    for (let row = 0; row < samples.length; row++)
      if (samples.source[row] === source) add(title, samples.weight[row]!);
  }
  return counts;
}

/** Durations by series: of every process from histograms, of the program alone from single calls. */
function latenciesOf(tables: SessionTables, program: string): GuestLatency[] {
  const { sources, series } = tables;
  const keyOf = (source: number, row: number): string =>
    `${sources.kind[source]!} ${series.name[row]!} ${series.variant[row]!}`.trim();
  return [...sources.kind.keys()].flatMap((source) => {
    if (sources.detail[source] === 'events') return singleCalls(tables, source, { program, keyOf });
    return seriesLatencies(tables, source).map(({ series: row, count, counts }) => {
      const [p50, p99] = [0.5, 0.99].map((share) => percentileOf(counts, share)?.value ?? 0);
      const stack = stackOf(tables, tables.samples.series.indexOf(row));
      return { key: keyOf(source, row), count, p50: p50!, p99: p99!, stack };
    });
  });
}

function singleCalls(
  tables: SessionTables,
  source: number,
  { program, keyOf }: { program: string; keyOf: (source: number, row: number) => string },
): GuestLatency[] {
  const { samples, threads, processes } = tables;
  const bySeries = new Map<string, { values: number[]; sample: number }>();
  for (let row = 0; row < samples.length; row++) {
    const comm = processes.comm[threads.process[samples.thread[row]!]!];
    if (samples.source[row] !== source || samples.series[row]! < 0 || comm !== program) continue;
    const key = keyOf(source, samples.series[row]!);
    const known = bySeries.get(key) ?? { values: [], sample: row };
    known.values.push(samples.value[row]!);
    bySeries.set(key, known);
  }
  return [...bySeries].map(([key, { values, sample }]) => {
    const sorted = values.sort((one, other) => one - other);
    const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
    const stack = stackOf(tables, sample);
    return { key, count: sorted.length, p50: at(0.5), p99: at(0.99), stack };
  });
}

/** Function names of a sample's stack, root first. */
function stackOf(tables: SessionTables, sample: number): string[] {
  const { samples, stacks } = tables;
  const names: string[] = [];
  let node = sample < 0 ? -1 : samples.stack[sample]!;
  for (; node >= 0; node = stacks.parent[node]!)
    names.unshift(frameName(tables, stacks.frame[node]!));
  return names;
}

const plan = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as GuestPlan;
const outcomes: RecordingOutcome[] = [];
for (const recording of plan.recordings) outcomes.push(...(await record(recording, plan.cli)));
const own = plan.own === undefined ? [] : await recordOwn(plan.own);
const result: GuestResult = { release: release(), outcomes, own };
process.stdout.write(`\n${RESULT_BEGIN}${JSON.stringify(result)}${RESULT_END}\n`);

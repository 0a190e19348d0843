import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { percentileOf } from '../../main/shared/model/latency-stats.ts';
import type { SessionTables } from '../../main/shared/model/session-tables.ts';
import { seriesLatencies } from '../../main/shared/model/source-latencies.ts';
import { frameName } from '../../main/shared/text/frame-name.ts';
import { readTables } from '../support/read-tables.ts';
import { userStacksOf } from '../support/user-stacks.ts';
import { RESULT_BEGIN, RESULT_END } from './machine.ts';
import type { GuestLatency, GuestPlan, GuestResult, RecordingOutcome } from './plan.ts';

/** Runs inside the guest as the only program: makes each recording of the plan, prints what it holds. */

/** An emulated machine needs a while to load a program and its libraries, ms. */
const WARM_UP_MS = 2000;

async function record(
  recording: GuestPlan['recordings'][number],
  cli: string,
): Promise<RecordingOutcome> {
  const { name } = recording;
  const file = `/tmp/${name.replaceAll(/\W+/g, '-')}.ember`;
  const all = [cli, 'record', ...recording.args, '--force', '--json', '-o', file];
  const run = recording.launch === true ? launch(all, recording) : await attach(all, recording);
  const failed = { name, status: run.status, errorText: run.stderr.slice(-4000) };
  if (run.status !== 0) {
    const nothing = { stacks: [], loss: [], mechanisms: [], notes: [], latencies: [] };
    return { ...failed, ...nothing, fallback: '', samples: 0, counts: {} };
  }
  const { tables, info } = await readTables(file);
  const stacks = userStacksOf(tables).map(({ comm, frames, stop, weight }) => ({
    ...{ comm, stop, weight, depth: frames.length },
    names: frames.map((frame) => frame.name),
  }));
  const loss = info.loss.filter(({ count }) => count > 0);
  const { mechanism: mechanisms, note: notes } = tables.sources;
  const samples = info.sampleCount;
  const counts = countsOf(tables);
  const latencies = latenciesOf(tables);
  const fallback = info.unwind.fallback;
  return { ...failed, stacks, loss, fallback, samples, mechanisms, notes, counts, latencies };
}

type Run = Pick<SpawnSyncReturns<string>, 'status' | 'stderr'>;

/** Records the command from its first instruction to its end. */
const launch = (args: readonly string[], { command, env }: GuestPlan['recordings'][number]): Run =>
  spawnSync(process.execPath, [...args, '--', ...command], {
    ...{ encoding: 'utf8', env: { ...process.env, ...env } },
  });

/** Records the command while it runs, and ends it. */
async function attach(
  args: readonly string[],
  { command }: GuestPlan['recordings'][number],
): Promise<Run> {
  const [program = '', ...rest] = command;
  const target = spawn(program, rest, { stdio: 'ignore' });
  await sleep(WARM_UP_MS);
  const all = [...args, '-p', String(target.pid)];
  const run = spawnSync(process.execPath, all, { encoding: 'utf8' });
  target.kill('SIGKILL');
  return run;
}

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
    for (let row = 0; row < samples.length; row++) if (samples.source[row] === source) add(kind, 1);
  }
  return counts;
}

function latenciesOf(tables: SessionTables): GuestLatency[] {
  const { sources, series, samples, stacks } = tables;
  return [...sources.kind.keys()].flatMap((source) =>
    seriesLatencies(tables, source).map(({ series: row, count, counts }) => {
      const sample = samples.series.indexOf(row);
      const stack: string[] = [];
      let node = sample < 0 ? -1 : samples.stack[sample]!;
      for (; node >= 0; node = stacks.parent[node]!)
        stack.unshift(frameName(tables, stacks.frame[node]!));
      const key = `${sources.kind[source]!} ${series.name[row]!} ${series.variant[row]!}`.trim();
      const [p50, p99] = [0.5, 0.99].map((share) => percentileOf(counts, share)?.value ?? 0);
      return { key, count, p50: p50!, p99: p99!, stack };
    }),
  );
}

const plan = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as GuestPlan;
const outcomes: RecordingOutcome[] = [];
for (const recording of plan.recordings) outcomes.push(await record(recording, plan.cli));
const result: GuestResult = { release: release(), outcomes };
process.stdout.write(`\n${RESULT_BEGIN}${JSON.stringify(result)}${RESULT_END}\n`);

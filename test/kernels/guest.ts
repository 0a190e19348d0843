import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { readTables } from '../support/read-tables.ts';
import { userStacksOf } from '../support/user-stacks.ts';
import { RESULT_BEGIN, RESULT_END } from './machine.ts';
import type { GuestPlan, GuestResult, RecordingOutcome } from './plan.ts';

/** Runs inside the guest as the only program: makes each recording of the plan, prints what it holds. */

/** An emulated machine needs a while to load a program and its libraries, ms. */
const WARM_UP_MS = 2000;

async function record(
  { name, args, command }: GuestPlan['recordings'][number],
  cli: string,
): Promise<RecordingOutcome> {
  const file = `/tmp/${name}.ember`;
  const [program = '', ...rest] = command;
  const target = spawn(program, rest, { stdio: 'ignore' });
  await sleep(WARM_UP_MS);
  const all = [cli, 'record', ...args, '-p', String(target.pid), '--force', '--json', '-o', file];
  const run = spawnSync(process.execPath, all, { encoding: 'utf8' });
  target.kill('SIGKILL');
  const failed = { name, status: run.status, errorText: run.stderr.slice(-4000) };
  if (run.status !== 0) return { ...failed, stacks: [], loss: [], samples: 0 };
  const { tables, info } = await readTables(file);
  const stacks = userStacksOf(tables).map(({ comm, frames, stop, weight }) => ({
    ...{ comm, stop, weight, depth: frames.length },
    names: frames.map((frame) => frame.name),
  }));
  const loss = info.loss.filter(({ count }) => count > 0);
  return { ...failed, stacks, loss, samples: info.sampleCount };
}

const plan = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as GuestPlan;
const outcomes: RecordingOutcome[] = [];
for (const recording of plan.recordings) outcomes.push(await record(recording, plan.cli));
const result: GuestResult = { release: release(), outcomes };
process.stdout.write(`\n${RESULT_BEGIN}${JSON.stringify(result)}${RESULT_END}\n`);

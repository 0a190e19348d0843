import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { RESULT_BEGIN, RESULT_END } from './machine.ts';
import type { GuestBenchPlan, GuestBenchResult } from './plan.ts';

/** Runs inside the guest of the bench as the only program. */

/** Lines of the target left out after the recorder says that it is attached, and lines counted. */
const SKIPPED = 1;
const COUNTED = 3;
/** An emulated machine compiles a bpftrace program in a minute. */
const ATTACH_MS = 150_000;

type Condition = GuestBenchPlan['conditions'][number];

/** Rate of the target beside a recorder: the median of some stretches. */
async function rateBeside(
  target: readonly string[],
  condition: Condition,
  cli: string,
): Promise<number> {
  const [program = '', ...args] = target;
  const running = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const rates: number[] = [];
  createInterface({ input: running.stdout }).on('line', (line) => rates.push(Number(line)));
  try {
    const recorder = await startRecorder(condition, { $PID: String(running.pid), $CLI: cli });
    const before = rates.length + SKIPPED;
    while (rates.length < before + COUNTED) await sleep(100);
    if (recorder !== null) {
      const closed = once(recorder, 'close');
      recorder.kill('SIGINT');
      await closed;
    }
    return median(rates.slice(before));
  } finally {
    running.kill('SIGKILL');
  }
}

async function startRecorder(
  { argv, attached, env, name }: Condition,
  words: Record<string, string>,
) {
  if (argv === null) return null;
  const [program = '', ...args] = argv.map((word) => words[word] ?? word);
  const recorder = spawn(program, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
  let said = '';
  const wanted = new RegExp(attached);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${name}: not attached: ${said}`)), ATTACH_MS);
    const listen = (chunk: Buffer): void => {
      said += chunk.toString();
      if (!wanted.test(said)) return;
      clearTimeout(timer);
      resolve();
    };
    recorder.stdout.on('data', listen);
    recorder.stderr.on('data', listen);
    recorder.on('close', () => reject(new Error(`${name} ended: ${said}`)));
  });
  return recorder;
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? 0;

const plan = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as GuestBenchPlan & { cli: string };
const rates: Record<string, number[]> = {};
const problems: string[] = [];
for (let round = 0; round < plan.rounds; round++) {
  for (const condition of plan.conditions) {
    try {
      const rate = await rateBeside(plan.target, condition, plan.cli);
      (rates[condition.name] ??= []).push(rate);
    } catch (error) {
      problems.push(String(error));
    }
  }
}
const result: GuestBenchResult = { release: release(), rates, problems };
process.stdout.write(`\n${RESULT_BEGIN}${JSON.stringify(result)}${RESULT_END}\n`);

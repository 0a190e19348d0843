import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROGRESS, RESULT_BEGIN, RESULT_END } from './machine.ts';
import type { GuestBenchPlan, GuestBenchResult } from './plan.ts';

/** Runs inside the guest of the bench as the only program. */

/** Lines of the target left out after the recorder says that it is attached, and lines counted. */
const SKIPPED = 1;
const COUNTED = 3;
/** An emulated machine compiles a bpftrace program in a minute. */
const ATTACH_MS = 150_000;
/** Each of the next lines comes within this, a second if the machine were real. */
const LINE_MS = 20_000;
/** A recorder asked to end takes this long at most; it is killed then. */
const END_MS = 60_000;

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
    try {
      const before = rates.length + SKIPPED;
      const deadline = performance.now() + (SKIPPED + COUNTED) * LINE_MS;
      while (rates.length < before + COUNTED) {
        if (performance.now() > deadline) throw new Error(`${condition.name}: the target stands`);
        await sleep(100);
      }
      return median(rates.slice(before));
    } finally {
      if (recorder !== null) await end(recorder, condition.name);
    }
  } finally {
    running.kill('SIGKILL');
  }
}

/** Ends a recorder as its user would. */
async function end(recorder: ChildProcess, name: string): Promise<void> {
  const closed = once(recorder, 'close');
  recorder.kill('SIGINT');
  const late = setTimeout(() => {
    problems.push(`${name}: did not end on SIGINT, killed`);
    recorder.kill('SIGKILL');
  }, END_MS);
  await closed;
  clearTimeout(late);
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
    const began = performance.now();
    let outcome: string;
    try {
      const rate = await rateBeside(plan.target, condition, plan.cli);
      (rates[condition.name] ??= []).push(rate);
      outcome = `${Math.round(rate)} calls/s`;
    } catch (error) {
      outcome = String(error);
      problems.push(outcome);
    }
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    say(`round ${round + 1} of ${plan.rounds}, ${condition.name}: ${outcome} (${seconds} s)`);
  }
  // After each round: what is measured is not lost if time runs out.
  const result: GuestBenchResult = { release: release(), rates, problems };
  process.stdout.write(`\n${RESULT_BEGIN}${JSON.stringify(result)}${RESULT_END}\n`);
}

function say(text: string): void {
  process.stdout.write(`\n${PROGRESS}${text}\n`);
}

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { PROGRESS, RESULT_BEGIN, RESULT_END } from './machine.ts';
import type { GuestBenchPlan, GuestBenchResult } from './plan.ts';

/** Runs inside the guest of the bench as the only program. */

/**
 * Lines of the target left out after the recorder says that it is attached, and lines counted. What a
 * recorder does once takes an emulated machine seconds, of the CPU that the target is to have.
 */
const SKIPPED = 15;
const COUNTED = 5;
/** An emulated machine compiles a bpftrace program in a minute. */
const ATTACH_MS = 150_000;
/** A recorder that says nothing when it is attached has done so within this. */
const SILENT_MS = 15_000;
/** One that says it attaches, not that it has, is given this. */
const ATTACHING_MS = 5000;
/** Each of the next lines comes within this, a second if the machine were real. */
const LINE_MS = 20_000;
/** A recorder asked to end takes this long at most; it is killed then. */
const END_MS = 60_000;

type Condition = GuestBenchPlan['conditions'][number];
/** What words of a command line stand for. */
type Words = Readonly<Record<string, string>>;

/** Rate of the target beside a recorder: the median of some stretches. */
async function rateBeside(
  target: readonly string[],
  condition: Condition,
  cli: string,
): Promise<number> {
  const [program = '', ...args] = target;
  const running = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const words: Words = { $PID: String(running.pid), $CLI: cli };
  const rates: number[] = [];
  createInterface({ input: running.stdout }).on('line', (line) => rates.push(Number(line)));
  try {
    // It stands while probes come and go: an emulated CPU that runs what another one changes may hang.
    running.kill('SIGSTOP');
    const recorder = await startRecorder(condition, words);
    await sleep(ATTACHING_MS);
    running.kill('SIGCONT');
    try {
      const before = rates.length + SKIPPED;
      const deadline = performance.now() + (SKIPPED + COUNTED) * LINE_MS;
      while (rates.length < before + COUNTED) {
        if (performance.now() > deadline) throw new Error(`${condition.name}: the target stands`);
        await sleep(100);
      }
      return median(rates.slice(before));
    } finally {
      running.kill('SIGSTOP');
      if (recorder !== null) await end(recorder, condition, words);
    }
  } finally {
    running.kill('SIGKILL');
  }
}

interface Recorder {
  readonly process: ChildProcess;
  /** What it printed so far. */
  readonly said: () => string;
}

/** Ends a recorder as its user would, and looks whether it measured anything. */
async function end(
  { process, said }: Recorder,
  { name, measured, proof }: Condition,
  words: Words,
): Promise<void> {
  // Its end is past: to wait for it would be for ever.
  if (process.exitCode !== null || process.signalCode !== null) {
    throw new Error(`${name} ended early: ${said()}`);
  }
  const closed = once(process, 'close');
  process.kill('SIGINT');
  const late = setTimeout(() => process.kill('SIGKILL'), END_MS);
  await closed;
  clearTimeout(late);
  const [program, ...args] = (proof ?? []).map((word) => words[word] ?? word);
  const more = program === undefined ? '' : execFileSync(program, args, { encoding: 'utf8' });
  const all = said() + more;
  if (!new RegExp(measured).test(all)) throw new Error(`${name} measured something else: ${all}`);
}

async function startRecorder(
  { argv, attached, env, name }: Condition,
  words: Words,
): Promise<Recorder | null> {
  if (argv === null) return null;
  const [program = '', ...args] = argv.map((word) => words[word] ?? word);
  const recorder = spawn(program, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => (attached === null ? resolve() : reject(new Error(`${name}: not attached: ${said}`))),
      attached === null ? SILENT_MS : ATTACH_MS,
    );
    const listen = (chunk: Buffer): void => {
      said += chunk.toString();
      if (attached === null || !new RegExp(attached).test(said)) return;
      clearTimeout(timer);
      resolve();
    };
    recorder.stdout.on('data', listen);
    recorder.stderr.on('data', listen);
    recorder.on('close', () => reject(new Error(`${name} ended: ${said}`)));
  });
  return { process: recorder, said: () => said };
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

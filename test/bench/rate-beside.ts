import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median, printTable, shuffled } from './measure.ts';

const ROUNDS = Number(process.env['EMBERSCOPE_BENCH_ROUNDS'] ?? 5);
/** Recorders have attached well before it is over, s. */
const WARM_SECONDS = 4;
const SECONDS = 2;
const TOOL_FOLDERS = ['/usr/sbin', '/usr/bin', '/usr/share/bcc/libbpf-tools'];

/** A recorder's command line for a target; null: nothing records. */
type RecorderArgv = ((pid: number) => readonly string[]) | null;

/** Path of a tool to compare with; null, and said so: it is not installed. */
export function installedTool(name: string): string | null {
  const path = TOOL_FOLDERS.map((folder) => join(folder, name)).find((file) => existsSync(file));
  if (path === undefined) process.stdout.write(`${name}: left out, not installed\n`);
  return path ?? null;
}

/**
 * What a program says it did per second while a recorder watched it. The program is started with
 * seconds to warm up and seconds to count, and prints one number.
 */
async function rateBeside(target: string, argv: RecorderArgv): Promise<number> {
  const program = spawn(target, [`${WARM_SECONDS}`, `${SECONDS}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  program.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(program, 'close');
  const [command, ...options] = argv?.(program.pid!) ?? [];
  if (command === undefined) {
    await ended;
    return Number(said);
  }
  const recorder = spawn(command, options, { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  recorder.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const gone = once(recorder, 'exit');
  await sleep((WARM_SECONDS + SECONDS / 2) * 1000);
  if (recorder.exitCode !== null) {
    throw new Error(`${command} ${options.join(' ')} ended before it measured: ${errors}`);
  }
  await ended;
  recorder.kill('SIGINT');
  await gone;
  return Number(said);
}

/** What watches the program in one row of the table. */
export interface Condition {
  readonly name: string;
  /** Command line for a target; null: nothing records. */
  readonly argv: RecorderArgv;
}

/**
 * The rate of a program under each condition, in random order, as a table: the ratio to the first
 * condition, and what one of the program's `noun`s costs more, ns.
 */
export async function benchRates(
  what: {
    readonly title: string;
    readonly noun: string;
    readonly plural: string;
    readonly target: string;
  },
  conditions: readonly [Condition, ...Condition[]],
): Promise<void> {
  const rates = new Map(conditions.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, argv } of shuffled(conditions)) {
      rates.get(name)!.push(await rateBeside(what.target, argv));
    }
  }
  const free = median(rates.get(conditions[0].name)!);
  const rows = conditions.map(({ name }) => {
    const rate = median(rates.get(name)!);
    const cost = 1e9 / rate - 1e9 / free;
    return [name, Math.round(rate).toLocaleString('en'), (free / rate).toFixed(2), cost.toFixed(0)];
  });
  printTable(`${what.title}, ${ROUNDS} rounds, medians`, [
    ['recorder', `${what.plural}/s`, 'ratio', `ns per ${what.noun}`],
    ...rows,
  ]);
}

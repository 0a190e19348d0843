import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');
/** The command line's bundle, as installed. */
export const CLI = join(ROOT, 'dist/cli/main.js');
/** The workload with 70/20/10 % by construction, see assets/demo/workload.c. */
export const WORKLOAD = join(ROOT, 'dist/demo/workload');

/** Brings command line, helper, BPF objects and workload up to date below dist/. */
export function buildCli(): void {
  const script = join(ROOT, 'scripts/build.mjs');
  execFileSync(process.execPath, [script, '--only=bpf,demo,helper,cli'], { stdio: 'pipe' });
}

/** What a run of the command line came to. */
export interface CliResult {
  /** Exit code; null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Program and arguments put in front, e.g. setpriv. */
  readonly through?: readonly string[];
}

/** A running command line; `done` settles when it has ended. */
export interface RunningCli {
  readonly child: ChildProcess;
  /** Settles once standard error holds this. */
  readonly said: (words: RegExp) => Promise<void>;
  readonly done: Promise<CliResult>;
}

export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const [program = '', ...rest] = [...(options.through ?? []), process.execPath, CLI, ...args];
  const child = spawn(program, rest, {
    cwd: options.cwd ?? '/',
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const done = new Promise<CliResult>((settle, fail) => {
    child.once('error', fail);
    child.once('close', (status) => settle({ status, stdout, stderr }));
  });
  const said = async (words: RegExp): Promise<void> => {
    while (!words.test(stderr)) await once(child.stderr, 'data');
  };
  return { child, said, done };
}

/** Runs the command line to its end. */
export const runCli = (args: readonly string[], options?: CliOptions): Promise<CliResult> =>
  startCli(args, options).done;

/** The command of an unprivileged user, to put in front. */
export const AS_NOBODY = [
  ...['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
  ...['--inh-caps=-all', '--bounding-set=-all', '--'],
];

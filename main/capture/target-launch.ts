import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { constants as access, accessSync, readFileSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import { err, ok, type Result } from '#shared/result.ts';

import { kindOfPath } from './path-kind.ts';
import { ownCapabilities } from './privileges.ts';

/** inherit: the command shares the terminal (command line). ignore: it has none (desktop). */
export type TargetStdio = 'inherit' | 'ignore';

/** A command that has been started and stands still before its first instruction. */
export interface LaunchedTarget {
  readonly pid: number;
  /** Lets it run. */
  resume(): void;
  /** Asks it to end (SIGTERM). */
  terminate(): void;
  /** Ends it: the recording it was started for did not come about. */
  kill(): void;
  /** Its exit status; 128 + signal number when a signal ended it, as shells count. */
  readonly exited: Promise<number>;
}

/** Stops itself, then becomes the command under the same pid. */
const STOP_THEN_EXEC = 'kill -STOP $$; exec "$@"';
const STOP_TIMEOUT_MS = 5000;
const STOP_POLL_MS = 2;

/** Starts `argv` stopped, as this user and without capabilities lent to this process alone. */
export async function launchStopped(
  argv: readonly string[],
  cwd: string,
  stdio: TargetStdio,
): Promise<Result<LaunchedTarget, ProfilerError>> {
  const refused = whyNotRunnable(argv[0] ?? '', cwd);
  if (refused !== null) return failed(argv, refused);
  const stopping = ['/bin/sh', '-c', STOP_THEN_EXEC, 'sh', ...argv];
  // Ambient capabilities pass to every program started; the target must not get them.
  const withoutLent =
    ownCapabilities().ambient === 0n
      ? stopping
      : ['setpriv', '--inh-caps=-all', '--ambient-caps=-all', '--', ...stopping];
  const child = tryToSpawn(withoutLent, { cwd, stdio });
  if (typeof child === 'string') return failed(argv, child);
  const exited = exitOf(child);
  const pid = child.pid;
  if (pid === undefined) return failed(argv, await spawnFailure(child));
  // A set-id program may not be ours to signal (EPERM): Node reports that as an 'error' event.
  child.on('error', () => undefined);
  const target: LaunchedTarget = {
    pid,
    resume: () => void child.kill('SIGCONT'),
    terminate: () => void child.kill('SIGTERM'),
    kill: () => void child.kill('SIGKILL'),
    exited,
  };
  if (await untilStopped(pid)) return ok(target);
  target.kill();
  return failed(argv, 'it could not be held before its first instruction');
}

const failed = (argv: readonly string[], reason: string): Result<never, ProfilerError> =>
  err({ kind: 'command-failed', command: argv[0] ?? '', reason });

/** The child, or why there can be none: some failures (E2BIG) are thrown, others come as an event. */
function tryToSpawn(argv: readonly string[], options: SpawnOptions): ChildProcess | string {
  try {
    return spawn(argv[0]!, argv.slice(1), options);
  } catch (thrown) {
    invariant(thrown instanceof Error, 'node:child_process throws errors');
    return thrown.message;
  }
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((done) => {
    child.once('exit', (code, signal) => done(code ?? 128 + signalNumber(signal)));
  });
}

function spawnFailure(child: ChildProcess): Promise<string> {
  return new Promise((done) => child.once('error', (error) => done(error.message)));
}

/** Why execve(2) would refuse the program; null: it is there and executable. */
function whyNotRunnable(program: string, cwd: string): string | null {
  const folder = kindOfPath(cwd);
  if (folder === 'absent') return `the working folder ${cwd} does not exist`;
  if (typeof folder === 'object') {
    return `the working folder ${cwd} cannot be used (${folder.problem})`;
  }
  if (folder !== 'folder') return `the working folder ${cwd} is no folder`;
  const places = program.includes('/')
    ? [resolve(cwd, program)]
    : (process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin')
        .split(delimiter)
        .map((folder) => resolve(cwd, folder, program));
  const reasons = places.map(executableProblem);
  if (reasons.includes(null)) return null;
  return reasons.find((reason) => reason !== NOT_FOUND) ?? NOT_FOUND;
}

const NOT_FOUND = 'no such program';

function executableProblem(path: string): string | null {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return NOT_FOUND;
    if (!found.isFile()) return `${path} is not a file`;
    accessSync(path, access.X_OK);
    return null;
  } catch (thrown) {
    invariant(thrown instanceof Error, 'node:fs throws errors');
    return `${path} may not be executed (${thrown.message})`;
  }
}

/** True once the process stands in state T; false when it ended or time is over. */
async function untilStopped(pid: number): Promise<boolean> {
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const state = processState(pid);
    if (state === 'T') return true;
    if (state === null || state === 'Z') return false;
    await delay(STOP_POLL_MS);
  }
  return false;
}

/** The state letter of proc_pid_stat(5); null: no such process. */
export function processState(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name may hold anything, even ')': the last one closes it.
    return stat[stat.lastIndexOf(')') + 2] ?? null;
  } catch {
    return null; // ended between two looks
  }
}

const signalNumber = (signal: NodeJS.Signals | null): number =>
  signal === null ? 0 : constants.signals[signal];

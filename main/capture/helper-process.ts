import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import type { HelperScope, HelperWay } from '#shared/model/helper-scope.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { outsideArchive } from '#shared/text/archive-path.ts';
import { CAPABLE_LAUNCHER } from '../elevate/layout.ts';
import type { ProcessEnd } from '../elevate/outcome.ts';
import { spawnPkexec } from '../elevate/pkexec.ts';

/** A helper that has been started, or that polkit is still asking about. */
export interface HelperProcess {
  readonly way: HelperWay;
  /** 0: it could not be started. */
  readonly pid: number;
  readonly input: Writable;
  readonly output: Readable;
  /** Settles once it has ended and its output was read to the end; never rejects. */
  readonly closed: Promise<ProcessEnd>;
  /** Asks it to end, or makes it. Without effect on one that has ended or may not be signalled yet. */
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

/** Has a helper started by pkexec, by whom polkit is to remember. */
export type Elevate = (scope: HelperScope) => Promise<Result<HelperProcess, ProfilerError>>;

/** Of a program's standard error, characters: its last words matter. */
const KEPT_STDERR = 4000;

/** Test seam: another helper bundle and other BPF objects, only where EMBERSCOPE_TEST=1 asks. */
const TEST_VARIABLES = ['EMBERSCOPE_TEST', 'EMBERSCOPE_TEST_BPF_DIR'];
const TEST_HELPER_VARIABLE = 'EMBERSCOPE_TEST_HELPER';

const isTest = (): boolean => process.env['EMBERSCOPE_TEST'] === '1';

/** The helper's bundle: beside the bundle this code is part of (dist/engine, dist/cli). */
function helperScript(): string {
  const substitute = process.env[TEST_HELPER_VARIABLE];
  if (isTest() && substitute !== undefined) return substitute;
  return outsideArchive(fileURLToPath(new URL('../helper/main.js', import.meta.url)));
}

/** What the helper gets to see of our environment: nothing but what starts it. */
function helperEnvironment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };
  // The app's own executable behaves as plain Node with this set (Electron documentation).
  if ('electron' in process.versions) environment['ELECTRON_RUN_AS_NODE'] = '1';
  if (isTest()) {
    for (const name of TEST_VARIABLES) {
      if (process.env[name] !== undefined) environment[name] = process.env[name];
    }
  }
  return environment;
}

/** Starts a helper that way. It ends when its standard input closes. */
export async function startHelper(
  way: HelperWay,
  scope: HelperScope,
  elevate: Elevate,
): Promise<Result<HelperProcess, ProfilerError>> {
  switch (way) {
    case 'direct':
      return startDirectly();
    case 'launcher':
      return ok(spawnPiped('launcher', CAPABLE_LAUNCHER, ['--stdio'], {}));
    case 'polkit':
      return await elevate(scope);
  }
}

/** On the app's own runtime, with whatever capabilities this process hands down. */
function startDirectly(): Result<HelperProcess, ProfilerError> {
  const script = helperScript();
  if (!existsSync(script)) {
    const detail = `the helper's program ${script} is missing: build it first`;
    return err({ kind: 'helper-lost', exitCode: null, signal: null, detail });
  }
  return ok(spawnPiped('direct', process.execPath, [script, '--stdio'], helperEnvironment()));
}

/** A session of its own: Ctrl-C in a terminal reaches us alone. */
const spawnPiped = (
  way: HelperWay,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): HelperProcess =>
  ofChild(way, spawn(command, args, { cwd: '/', env, stdio: 'pipe', detached: true }));

/** pkexec started by this very process: the command line's way. */
export const elevateHere: Elevate = (scope) =>
  Promise.resolve(ok(ofChild('polkit', spawnPkexec(scope, 'pipe'))));

function ofChild(way: HelperWay, child: ChildProcess): HelperProcess {
  const { stdin, stdout, stderr } = child;
  invariant(stdin !== null && stdout !== null && stderr !== null, 'started with pipes');
  let said = '';
  const note = (text: string): void => {
    said = (said + text).slice(-KEPT_STDERR);
  };
  stderr.setEncoding('utf8');
  stderr.on('data', note);
  // A program that cannot be started, or not be signalled yet: its end tells, or there is none.
  child.on('error', (error) => note(`\n${error.message}`));
  return {
    ...{ way, pid: child.pid ?? 0, input: stdin, output: stdout },
    closed: new Promise((settle) => {
      child.once('close', (code, signal) => settle({ code, signal, stderr: said }));
    }),
    kill: (signal) => void child.kill(signal),
  };
}

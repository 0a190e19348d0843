import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { outsideArchive } from '#shared/text/archive-path.ts';

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

/**
 * Starts the helper on the app's own runtime with pipes for standard streams. It gets a session of
 * its own so that Ctrl-C in a terminal reaches us alone; it ends when its standard input closes.
 */
export function spawnHelper(): Result<ChildProcessWithoutNullStreams, ProfilerError> {
  const script = helperScript();
  if (!existsSync(script)) {
    const detail = `the helper's program ${script} is missing: build it first`;
    return err({ kind: 'helper-lost', exitCode: null, signal: null, detail });
  }
  return ok(
    spawn(process.execPath, [script, '--stdio'], {
      cwd: '/',
      env: helperEnvironment(),
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    }),
  );
}

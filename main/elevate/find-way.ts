import { accessSync, constants, lstatSync } from 'node:fs';
import type { ElevationFailure, ProfilerError } from '#shared/errors.ts';
import type { HelperScope } from '#shared/model/helper-scope.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { checkInstalled, installProblemText, type PathStat } from './install-check.ts';
import { CAPABLE_LAUNCHER, LAUNCHERS, PKEXEC, POLICY } from './layout.ts';

/** Whether this user may start the launcher with file capabilities, that is, is in its group. */
export const canUseCapableLauncher = (): boolean => isAccessible(CAPABLE_LAUNCHER, constants.X_OK);

/** Whether only root can have changed it: who starts what others prepared runs their program. */
export const checkCapableLauncher = (): Result<null, ProfilerError> =>
  checkUnchanged(CAPABLE_LAUNCHER);

/**
 * Whether pkexec can be asked for a helper of that scope; else what is missing or wrong. The launcher
 * looks at what it starts by itself.
 */
export function checkElevation(scope: HelperScope): Result<null, ProfilerError> {
  const failed = (reason: ElevationFailure, detail = ''): Result<never, ProfilerError> =>
    err({ kind: 'elevation-failed', reason, detail });
  const launcher = LAUNCHERS[scope];
  if (look(launcher) === null) return failed('helper-missing', launcher);
  if (!isAccessible(PKEXEC, constants.X_OK)) return failed('no-pkexec');
  if (look(POLICY) === null) return failed('policy-missing', POLICY);
  return checkUnchanged(launcher);
}

function checkUnchanged(launcher: string): Result<null, ProfilerError> {
  const installed = checkInstalled(new Map([[launcher, 'program']]), look);
  if (installed.ok) return ok(null);
  const detail = installProblemText(installed.error);
  return err({ kind: 'elevation-failed', reason: 'helper-unsafe', detail });
}

function isAccessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch (error) {
    // Absent, or not for us.
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

function look(path: string): PathStat | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    // A folder on the way that we may not enter: for us there is nothing.
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

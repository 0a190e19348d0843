import type { ElevationFailure, ProfilerError } from '#shared/errors.ts';

/** How a started pkexec, or the helper that took its place, ended. */
export interface ProcessEnd {
  /** null: a signal ended it. */
  readonly code: number | null;
  readonly signal: string | null;
  /** The last it wrote to standard error. */
  readonly stderr: string;
}

/** pkexec(1), RETURN VALUE: 126 for a dialog that was dismissed, 127 for every other failure. */
const DISMISSED = 126;
const NOT_STARTED = 127;
/** Of our launchers: EXIT_UNUSABLE in main/helper/launcher. */
const UNUSABLE = 3;

/**
 * What pkexec and the programs behind it say on standard error in the C locale (pkexec.c of polkit 0.105
 * to 126). The first that fits counts; the exit status alone tells few of them apart.
 */
const SAYINGS: readonly (readonly [pattern: RegExp, reason: ElevationFailure])[] = [
  [/No authentication agent found|Error creating textual authentication agent/, 'no-agent'],
  [/Request dismissed/, 'dismissed'],
  [/Not authorized/, 'refused'],
  [/No such file or directory/, 'helper-missing'],
];

/**
 * Why an elevated helper ended before it said a word. Whether it was started at all only its first frame
 * tells: the helper's own exit status may be 127 too.
 */
export function outcomeOf({ code, signal, stderr }: ProcessEnd): ProfilerError {
  const detail = stderr.trim();
  if (code === DISMISSED) return { kind: 'elevation-failed', reason: 'dismissed', detail };
  if (code === UNUSABLE) return { kind: 'elevation-failed', reason: 'helper-unsafe', detail };
  if (code === NOT_STARTED) {
    const said = SAYINGS.find(([pattern]) => pattern.test(detail));
    return { kind: 'elevation-failed', reason: said?.[1] ?? 'pkexec-unusable', detail };
  }
  return { kind: 'helper-lost', exitCode: code, signal, detail };
}

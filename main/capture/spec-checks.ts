import type { ProfilerError } from '#shared/errors.ts';
import { type CaptureSpec, MAX_RATE_HZ, MIN_RATE_HZ } from '#shared/model/capture-spec.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { NS_PER_MS, NS_PER_S } from '#shared/units.ts';

/** PID_MAX_LIMIT of 64-bit Linux (include/linux/threads.h). */
const MAX_PID = 4_194_304;
/** A session's times are exact in a double for 104 days; a month leaves room. */
const MAX_DURATION_S = 24 * 24 * 3600;
const MIN_DURATION_MS = 10;

type Checked = Result<null, ProfilerError>;

const refuse = (field: string, value: unknown, allowed: string): Checked =>
  err({ kind: 'spec-invalid', field, value: String(value), allowed });

/** The rate is a whole number the kernel will honour. */
export function checkRate(spec: CaptureSpec): Checked {
  const { rate } = spec;
  if (Number.isInteger(rate) && rate >= MIN_RATE_HZ && rate <= MAX_RATE_HZ) return ok(null);
  return refuse('rate', rate, `a whole number from ${MIN_RATE_HZ} to ${MAX_RATE_HZ} Hz`);
}

/** The target can be looked up at all; whether it exists is found out later. */
export function checkTarget(spec: CaptureSpec): Checked {
  const { target } = spec;
  switch (target.kind) {
    case 'machine':
      return ok(null);
    case 'process':
      if (Number.isInteger(target.pid) && target.pid >= 1 && target.pid <= MAX_PID) return ok(null);
      return refuse('target.pid', target.pid, `a process id from 1 to ${MAX_PID}`);
    case 'cgroup':
      if (target.path !== '' && !target.path.includes('\0')) return ok(null);
      return refuse('target.path', target.path, 'the path of a cgroup v2 folder');
    case 'command':
      return checkCommand(target.argv, target.cwd);
  }
}

function checkCommand(argv: readonly string[], cwd: string): Checked {
  if (argv.length === 0 || argv[0] === '') {
    return refuse('target.argv', JSON.stringify(argv), 'a command with its arguments');
  }
  // execve(2) takes C strings: a NUL cannot be passed on.
  if ([...argv, cwd].some((text) => text.includes('\0'))) {
    return refuse('target.argv', JSON.stringify(argv), 'text without NUL characters');
  }
  return ok(null);
}

/** A limit, where there is one, is long enough for a sample and short enough for exact times. */
export function checkDuration(spec: CaptureSpec): Checked {
  const { duration } = spec;
  if (duration === null) return ok(null);
  const inRange = duration >= MIN_DURATION_MS * NS_PER_MS && duration <= MAX_DURATION_S * NS_PER_S;
  if (inRange) return ok(null); // NaN is out of range by comparison
  return refuse('duration', `${duration / NS_PER_S} s`, '10 ms to 24 days');
}

/** Something is left to record. */
export function checkStacks(spec: CaptureSpec): Checked {
  if (spec.kernelStacks || spec.userStacks) return ok(null);
  return refuse('kernelStacks, userStacks', 'both off', 'at least one of the two on');
}

/** Shortest duration a latency source records, ns: at most an hour. */
export function checkMinNs(minNs: number): Checked {
  if (Number.isInteger(minNs) && minNs >= 0 && minNs <= 3600 * NS_PER_S) return ok(null);
  return refuse('minNs', minNs, 'a whole number of ns from 0 to an hour');
}

/** Own cost: a share of one CPU, at most all of a large machine. */
export function checkCostLimit({ costLimit }: CaptureSpec): Checked {
  if (costLimit >= 0 && costLimit <= 1024) return ok(null); // NaN is out of range by comparison
  return refuse('costLimit', costLimit, 'a share of one CPU from 0 (no limit) to 1024');
}

import { basename } from 'node:path';
import type { ProfilerError } from '#shared/errors.ts';
import type { CaptureSpec, CaptureTarget, UnwindMode } from '#shared/model/capture-spec.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { asPid, hertz, NS_PER_S, nanoseconds } from '#shared/units.ts';

import { type SourceOptions, sourcesOf } from './source-options.ts';

/** The options of `record` as commander hands them over. */
export interface RecordOptions extends SourceOptions {
  readonly pid?: number;
  readonly all?: boolean;
  readonly cgroup?: string;
  readonly frequency: number;
  readonly duration?: number;
  readonly output?: string;
  readonly force?: boolean;
  readonly aggregate?: boolean;
  readonly includeIdle?: boolean;
  readonly kernel: boolean;
  readonly user: boolean;
  readonly unwind: UnwindMode;
  /** Percent of one CPU. */
  readonly costLimit: number;
  readonly quiet?: boolean;
  readonly json?: boolean;
}

/** Options and command as a spec; ranges are checked where the capture starts. */
export function specOf(
  options: RecordOptions,
  command: readonly string[],
  cwd: string,
): Result<CaptureSpec, ProfilerError> {
  const target = targetOf(options, command, cwd);
  if (!target.ok) return target;
  const sources = sourcesOf(options);
  if (!sources.ok) return sources;
  return ok({
    sources: sources.value,
    target: target.value,
    rate: hertz(options.frequency),
    mode: options.aggregate === true ? 'aggregate' : 'precise',
    includeIdle: options.includeIdle ?? false,
    costLimit: options.costLimit / 100,
    kernelStacks: options.kernel,
    userStacks: options.user,
    unwind: options.unwind,
    duration: options.duration === undefined ? null : nanoseconds(options.duration * NS_PER_S),
  });
}

function targetOf(
  options: RecordOptions,
  argv: readonly string[],
  cwd: string,
): Result<CaptureTarget, ProfilerError> {
  const targets: CaptureTarget[] = [];
  if (options.all === true) targets.push({ kind: 'machine' });
  if (options.pid !== undefined) targets.push({ kind: 'process', pid: asPid(options.pid) });
  if (options.cgroup !== undefined) targets.push({ kind: 'cgroup', path: options.cgroup });
  if (argv.length > 0) targets.push({ kind: 'command', argv, cwd });
  const [target] = targets;
  if (target !== undefined && targets.length === 1) return ok(target);
  return err({
    kind: 'spec-invalid',
    field: 'target',
    value: targets.length === 0 ? 'missing' : `given ${targets.length} times`,
    allowed: 'exactly one of -a, -p PID, --cgroup PATH and -- COMMAND',
  });
}

/** "2026-11-22-14.30.05-nginx.ember": sorts by time, local time as clocks show it. */
export function defaultFileName(target: CaptureTarget, now: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join('-');
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('.');
  return `${day}-${time}-${nameOf(target)}.ember`;
}

function nameOf(target: CaptureTarget): string {
  switch (target.kind) {
    case 'machine':
      return 'machine';
    case 'process':
      return `pid-${target.pid}`;
    case 'cgroup':
      return plain(basename(target.path)) || 'cgroup';
    case 'command':
      return plain(basename(target.argv[0] ?? '')) || 'command';
  }
}

/** What is safe in any file name. */
const plain = (name: string): string => name.replace(/[^\w.-]+/g, '_').slice(0, 60);

import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { ProfilerError } from '#shared/errors.ts';
import { beyondOwn, type HelperScope, isPlainProcessOf } from '#shared/model/helper-scope.ts';
import { err, ok, type Result } from '#shared/result.ts';
import type { StartRequest } from '../capture/wire/helper-protocol.ts';
import { listProcesses, readProc, readStatus, readThreadGroup } from './proc-files.ts';

/** A process that runs, i.e. exists and is no zombie. */
export function isAlive(pid: number): boolean {
  const status = readStatus(pid);
  return status !== null && status.state !== 'Z' && status.state !== 'X';
}

/** The process must exist and be a process, not one of its threads. */
export function checkProcess(pid: number): Result<void, ProfilerError> {
  if (readThreadGroup(pid) !== pid) return err({ kind: 'target-not-found', pid });
  return isAlive(pid) ? ok(undefined) : err({ kind: 'target-gone', pid });
}

/**
 * Whether the user this process runs as could look into that one without any capability. Is true at one
 * moment: an exec may make it false at any time (followTarget() of open-stage.ts).
 */
export function isOwnProcess(pid: number): boolean {
  const ids = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const status = readProc(`${pid}/status`);
  // Root's for programs that keep others out: PR_SET_DUMPABLE, prctl(2). The folder /proc/PID never is.
  const owner = statSync(`/proc/${pid}/stat`, { throwIfNoEntry: false })?.uid;
  return owner === ids.uid && 'text' in status && isPlainProcessOf(ids, status.text);
}

/** Whether a process runs, and is none that its user may look into. */
export const isStranger = (pid: number): boolean => !isOwnProcess(pid) && isAlive(pid);

/** Why process `pid` is refused. */
export const notOwn = (pid: number): ProfilerError => ({
  kind: 'target-not-own',
  what: `Process ${pid} is another user's, or has more privileges than you`,
});

/** Whether the request stays within what was authorized. */
export function checkScope(request: StartRequest, scope: HelperScope): Result<void, ProfilerError> {
  if (scope === 'system') return ok(undefined);
  const refused = (what: string): Result<never, ProfilerError> =>
    err({ kind: 'target-not-own', what });
  const { target, sources } = request;
  if (target.kind !== 'process') return refused('The whole machine or a cgroup was asked for');
  const exists = checkProcess(target.pid);
  if (!exists.ok) return exists;
  if (!isOwnProcess(target.pid)) return err(notOwn(target.pid));
  for (const source of sources) {
    const beyond = beyondOwn(source);
    if (beyond !== null) return refused(beyond);
  }
  return ok(undefined);
}

/** Living children, grandchildren and so on of a process. */
export function descendantsOf(pid: number): Set<number> {
  const children = new Map<number, number[]>();
  for (const other of listProcesses()) {
    const status = readStatus(other);
    if (status === null) continue;
    const siblings = children.get(status.parentPid) ?? [];
    siblings.push(other);
    children.set(status.parentPid, siblings);
  }
  const found = new Set<number>();
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const child of children.get(next) ?? []) {
      if (found.has(child)) continue;
      found.add(child);
      waiting.push(child);
    }
  }
  return found;
}

/** Where cgroup v2 is mounted; null if it is not. */
export function cgroupRoot(): string | null {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  const line = mounts.split('\n').find((mount) => mount.includes(' - cgroup2 '));
  return line?.split(' ')[4] ?? null;
}

type CgroupTarget = Extract<StartRequest['target'], { kind: 'cgroup' }>;

/** The path below the cgroup root, "/" for itself, of the directory with that inode and depth. */
export function findCgroup(target: CgroupTarget): Result<string, ProfilerError> {
  const root = cgroupRoot();
  const wanted = BigInt(`0x${target.id}`);
  const missing = err({ kind: 'cgroup-not-found', path: `id ${target.id}` } as const);
  if (root === null) return missing;
  let level = [''];
  for (let depth = 0; depth < target.level; depth++) {
    level = level.flatMap((path) => childDirectories(root, path));
  }
  const found = level.find((path) => inodeOf(`${root}${path}`) === wanted);
  if (found === undefined) return missing;
  return ok(found === '' ? '/' : found);
}

/** A cgroup may be removed while we look: then it has no children, and no inode. */
function childDirectories(root: string, path: string): string[] {
  try {
    return readdirSync(`${root}${path}`, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${path}/${entry.name}`);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

const inodeOf = (path: string): bigint | null =>
  statSync(path, { bigint: true, throwIfNoEntry: false })?.ino ?? null;

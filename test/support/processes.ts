import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** Pids of a process's children, in order of birth; none when it is gone. */
export function childrenOf(pid: number): readonly number[] {
  if (!existsSync(`/proc/${pid}/task`)) return [];
  return readdirSync(`/proc/${pid}/task`).flatMap((tid) =>
    readOrEmpty(`/proc/${pid}/task/${tid}/children`).split(' ').filter(Boolean).map(Number),
  );
}

/** Children, their children, and so on. */
export function descendantsOf(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** A process's arguments joined by spaces; empty when it is gone. */
export function commandLine(pid: number): string {
  return readOrEmpty(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

/** A field of /proc/PID/status, e.g. "CapEff"; empty when the process is gone. */
export function statusField(pid: number, field: string): string {
  const text = readOrEmpty(`/proc/${pid}/status`);
  return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1] ?? '';
}

export const isAlive = (pid: number): boolean => readOrEmpty(`/proc/${pid}/stat`) !== '';

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code !== 'EACCES') return '';
    throw error;
  }
}

import { readFileSync, statSync } from 'node:fs';
import { join, normalize, relative } from 'node:path';

import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';

import type { ResolvedTarget } from './capture-source.ts';

/** Where the cgroup v2 hierarchy is mounted, from the text of /proc/self/mounts; null: nowhere. */
export function cgroup2Mount(mounts: string): string | null {
  for (const line of mounts.split('\n')) {
    const [, point, type] = line.split(' ');
    if (type === 'cgroup2' && point !== undefined) return unescapeMount(point);
  }
  return null;
}

/** proc_pid_mounts(5) writes space, tab, newline and backslash as three octal digits. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/**
 * The cgroup folder a person names, as the kernel knows it. Accepts a path below the mount point,
 * or one relative to it with or without the leading slash (as /proc/PID/cgroup prints it).
 */
export function resolveCgroup(
  path: string,
  mounts = readFileSync('/proc/self/mounts', 'utf8'),
): Result<ResolvedTarget, ProfilerError> {
  const mount = cgroup2Mount(mounts);
  if (mount === null) {
    return err({
      kind: 'kernel-feature-missing',
      feature: 'cgroup2',
      reason: 'no cgroup2 filesystem is mounted',
    });
  }
  const cleaned = normalize(path).replace(/(?<=.)\/$/, '');
  const folder = isBelow(mount, cleaned) ? cleaned : join(mount, cleaned);
  if (!isBelow(mount, folder)) return err({ kind: 'cgroup-not-found', path });
  const inode = folderInode(folder);
  if (inode === null) return err({ kind: 'cgroup-not-found', path });
  const below = relative(mount, folder);
  const level = below === '' ? 0 : below.split('/').length;
  return ok({ kind: 'cgroup', id: inode.toString(16), level });
}

const isBelow = (mount: string, path: string): boolean =>
  path === mount || path.startsWith(`${mount}/`);

function folderInode(folder: string): bigint | null {
  try {
    const found = statSync(folder, { bigint: true });
    return found.isDirectory() ? found.ino : null;
  } catch {
    return null; // absent or not ours to see: both mean "not found" to the caller
  }
}

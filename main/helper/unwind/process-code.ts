import { existsSync } from 'node:fs';
import { type ProcMapping, parseMaps, readProc } from '../proc-files.ts';

/** How the walk goes on in a mapping. */
export type CodeKind =
  /** A file, or the vdso: its table. */
  | 'image'
  /** Memory that no file backs: frame pointers. */
  | 'jit'
  /** CPython's perf trampolines. */
  | 'trampoline';

/** An executable mapping, ascending by address within its process. */
export interface CodeMapping extends ProcMapping {
  readonly kind: CodeKind;
}

/** More than any process has; what lies beyond cannot be walked. */
const MAX_MAPPINGS = 16_384;

/** The executable mappings of a process; the errno name if they cannot be read. */
export function readCode(pid: number): readonly CodeMapping[] | string {
  const maps = readProc(`${pid}/maps`);
  if ('errno' in maps) return maps.errno;
  const mappings = parseMaps(maps.text).slice(0, MAX_MAPPINGS);
  const anonymous = hasTrampolines(pid, mappings) ? 'trampoline' : 'jit';
  return mappings.map((mapping) => ({ ...mapping, kind: kindOf(mapping.path, anonymous) }));
}

function kindOf(path: string, anonymous: CodeKind): CodeKind {
  if (path === '[vdso]') return 'image';
  if (path === '//anon') return anonymous;
  // memfd and /dev/zero are how runtimes map code twice, once writable.
  const isGenerated = !path.startsWith('/') || /^\/(memfd:|dev\/zero|SYSV|\/)/.test(path);
  return isGenerated ? 'jit' : 'image';
}

/**
 * `python -X perf` (3.12 and later) copies one stub per function to anonymous memory, and writes a perf
 * map while it does. Built without frame pointers, only a rule of their own leads out of them.
 */
function hasTrampolines(pid: number, mappings: readonly ProcMapping[]): boolean {
  if (!mappings.some(({ path }) => /python3\.(1[2-9]|[2-9]\d)/.test(path))) return false;
  const status = readProc(`${pid}/status`);
  const inside = 'text' in status ? /^NSpid:.*?(\d+)$/m.exec(status.text)?.[1] : undefined;
  return existsSync(`/proc/${pid}/root/tmp/perf-${inside ?? pid}.map`);
}

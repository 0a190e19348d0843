import { readFileSync } from 'node:fs';
import { TRACEFS } from './tracepoint-list.ts';

/** "vfs_read" or "ext4_sync_file [ext4]", at the beginning of a line. */
const TRACEABLE = /^(\S+)/gm;
/** "ffffffff81000000 T vfs_read", with a module behind. */
const CODE = /^[0-9a-f]+ [tTwW] (\S+)/gm;

/** Names that ftrace can reach; null: tracefs is not ours to read. */
export function traceableFunctions(): ReadonlySet<string> | null {
  for (const root of TRACEFS) {
    const text = readIfPossible(`${root}/available_filter_functions`);
    if (text !== null && text !== '')
      return new Set(Array.from(text.matchAll(TRACEABLE), (match) => match[1]!));
  }
  return null;
}

/** Functions where the kernel forbids kprobes; empty: there are none, or debugfs is not ours to read. */
export function kprobeBlacklist(): ReadonlySet<string> {
  const text = readIfPossible('/sys/kernel/debug/kprobes/blacklist') ?? '';
  return new Set(Array.from(text.matchAll(/^\S+\s+(\S+)/gm), (match) => match[1]!));
}

/** Names of the functions that a pattern may stand for: those ftrace can reach, else all code. */
export const kernelFunctionNames = (): Iterable<string> =>
  traceableFunctions() ?? kernelCodeNames();

/** Every symbol of code in /proc/kallsyms. */
export function* kernelCodeNames(): Generator<string> {
  for (const match of (readIfPossible('/proc/kallsyms') ?? '').matchAll(CODE))
    if (!isNoFunction(match[1]!)) yield match[1]!;
}

function readIfPossible(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

/** A name with `*` for any characters, as an expression. */
export function patternOf(name: string): RegExp {
  const parts = name.split(/\*+/).map((part) => part.replaceAll(/[.\\^$|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

/** The distinct names a pattern stands for, `limit` and one at most. */
export function matchingFunctions(
  pattern: string,
  names: Iterable<string>,
  limit: number,
): readonly string[] {
  const expression = patternOf(pattern);
  const found = new Set<string>();
  for (const name of names) {
    if (!expression.test(name) || isCompilerMade(name)) continue;
    found.add(name);
    if (found.size > limit) break;
  }
  return [...found];
}

/** Parts of functions, and marks that are no functions at all. */
const isCompilerMade = (name: string): boolean => /\.cold$/.test(name) || isNoFunction(name);

/** Padding before functions, patched call sites, and marks of the assembler. */
const isNoFunction = (name: string): boolean => /^__(cfi|pfx|SCT__|SCK__)_?|^\$/.test(name);

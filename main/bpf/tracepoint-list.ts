import { readdirSync, readFileSync } from 'node:fs';

/** Where tracefs is mounted: Documentation/trace/ftrace.rst. Only root may look into it. */
export const TRACEFS: readonly string[] = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];
const FIELD = /^\s*field:(.+);\s*offset:\d+;/gm;

/** A tracepoint with its category, e.g. "sched:sched_switch". */
export interface Tracepoint {
  readonly category: string;
  readonly name: string;
}

/** All of this kernel; null: tracefs is not ours to read. */
export function listTracepoints(): readonly Tracepoint[] | null {
  for (const root of TRACEFS) {
    const categories = foldersIn(`${root}/events`);
    if (categories === null) continue;
    return categories.flatMap((category) =>
      (foldersIn(`${root}/events/${category}`) ?? []).map((name) => ({ category, name })),
    );
  }
  return null;
}

/** Its fields as declared, e.g. "pid_t pid, int prio"; empty: it has none, or is not ours to read. */
export function tracepointFields({ category, name }: Tracepoint): string {
  for (const root of TRACEFS) {
    try {
      const text = readFileSync(`${root}/events/${category}/${name}/format`, 'utf8');
      const fields = [...text.matchAll(FIELD)].map((match) => match[1]!.trim());
      return fields.filter((field) => !/\bcommon_\w+$/.test(field)).join(', ');
    } catch (error) {
      if (error instanceof Error && 'code' in error) continue;
      throw error;
    }
  }
  return '';
}

function foldersIn(path: string): string[] | null {
  try {
    const entries = readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null;
    throw error;
  }
}

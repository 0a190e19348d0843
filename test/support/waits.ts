import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { SessionTables } from '../../main/shared/model/session-tables.ts';
import { stackNames } from './capture.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const OUTPUT = join(ROOT, '.cache/test-waits');

/** Compiles a program of test/fixtures/waits; returns its path. */
export function buildWaits(name = 'waits'): string {
  mkdirSync(OUTPUT, { recursive: true });
  const program = join(OUTPUT, name);
  const flags = ['-O1', '-g', '-fno-omit-frame-pointer', '-fno-optimize-sibling-calls', '-pthread'];
  execFileSync('cc', [...flags, '-o', program, join(ROOT, `test/fixtures/waits/${name}.c`)]);
  return program;
}

/** What one thread wrote down; times CLOCK_MONOTONIC, ns. */
export interface ThreadLog {
  readonly tid: number;
  readonly start: number;
  readonly end: number;
  /** What /proc/thread-self/schedstat counted from start to end, ns. */
  readonly cpu: number;
  readonly queued: number;
  /** How often it gave up the CPU to wait, as the kernel counts it: getrusage(2). */
  readonly blocked: number;
  readonly waits: readonly { readonly start: number; readonly end: number }[];
}

/** Reads what the program wrote; threads in the order in which they ended. */
export function readWaitLog(path: string): ThreadLog[] {
  const lines = readFileSync(path, 'utf8').trim().split('\n');
  const rows = lines.map((line) => line.split(' ').slice(1).map(Number));
  const waits = rows.filter(({ length }) => length === 3);
  return rows
    .filter(({ length }) => length === 6)
    .map(([tid, start, end, cpu, queued, blocked]) => ({
      ...{ tid: tid!, start: start!, end: end!, cpu: cpu!, queued: queued!, blocked: blocked! },
      waits: waits.filter((row) => row[0] === tid).map((row) => ({ start: row[1]!, end: row[2]! })),
    }));
}

/** One measured wait. Times: ns since session start. */
export interface Wait {
  readonly tid: number;
  readonly end: number;
  readonly value: number;
  readonly weight: number;
  readonly series: string;
  readonly variant: string;
  /** Function names, root first; marks in brackets. */
  readonly stack: readonly string[];
}

/** The samples of one source, in their order of time. */
export function waitsOf(tables: SessionTables, source: string): Wait[] {
  const { samples, threads, series, sources } = tables;
  return [...samples.source.keys()]
    .filter((row) => sources.kind[samples.source[row]!] === source)
    .map((row) => ({
      tid: threads.tid[samples.thread[row]!]!,
      end: samples.time[row]!,
      value: samples.value[row]!,
      weight: samples.weight[row]!,
      series: series.name[samples.series[row]!] ?? '',
      variant: series.variant[samples.series[row]!] ?? '',
      stack: stackNames(tables, samples.stack[row]!),
    }))
    .sort((one, other) => one.end - other.end);
}

/** Calls and ns counted in the kernel for a source, of one process, in one of its series or all. */
export function countedOf(
  tables: SessionTables,
  source: string,
  pid: number,
  name?: string,
): { readonly count: number; readonly total: number } {
  const { latencies, series, sources, processes } = tables;
  const rows = [...latencies.series.keys()].filter((row) => {
    const of = latencies.series[row]!;
    const isOfProcess = processes.pid[series.process[of]!] === pid;
    const isNamed = name === undefined || series.name[of] === name;
    return sources.kind[series.source[of]!] === source && isOfProcess && isNamed;
  });
  return {
    count: rows.reduce((sum, row) => sum + latencies.count[row]!, 0),
    total: rows.reduce((sum, row) => sum + latencies.total[row]!, 0),
  };
}

/** Value below which `share` of the numbers lie. */
export function percentile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export const sumOf = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0);

import { basename, join } from 'node:path';
import { readTables } from '../support/read-tables.ts';
import { userStacksOf } from '../support/user-stacks.ts';
import { finish } from './finish.ts';
import { printTable } from './measure.ts';
import { type PerfStack, readPerfStacks } from './perf-stacks.ts';
import { type Workload, withWorkload } from './workloads.ts';

const SECONDS = 10;

/** Samples per stack, the stack as text: function names from the root to the leaf. */
type Counts = ReadonlyMap<string, number>;

/**
 * Both recorders watch the same run of a program whose stacks are known, at the same time. A stack is
 * the list of its functions, root first, inlined calls left out; a frame outside the program itself is
 * the file's name, since the two know different names of the C library's private functions.
 *
 * "known to the other" is the share of a recorder's samples whose whole stack the other recorded as
 * well: what the two disagree on is a stack that one of them never saw. "overlap" also compares how
 * often: the sum over stacks of the smaller share. Two honest recorders miss each other by chance
 * there, by about the root of (stacks / samples).
 */
export async function benchAgreement(
  workload: Workload,
  {
    cli,
    folder,
    rateHz,
  }: { readonly cli: string; readonly folder: string; readonly rateHz: number },
): Promise<void> {
  const ember = join(folder, 'agreement.ember');
  const data = join(folder, 'agreement.data');
  await withWorkload(workload, async (pid) => {
    const target = ['-F', String(rateHz), '-p', String(pid)];
    await Promise.all([
      finish(process.execPath, [
        ...[cli, 'record', '--quiet', '--force', '--unwind', 'auto', ...target],
        ...['-d', String(SECONDS), '-o', ember],
      ]),
      finish('perf', [
        ...['record', '-q', '-e', 'cpu-clock', '--call-graph', 'dwarf,32768', ...target],
        ...['-o', data, '--', 'sleep', String(SECONDS)],
      ]),
    ]);
  });
  const ours = countOurs((await readTables(ember)).tables);
  const perf = countPerf(readPerfStacks(data));
  const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;
  printTable(
    `Root-first agreement with perf record --call-graph dwarf,32768: ${workload.name}, ${SECONDS} s at ${rateHz} Hz, same run`,
    [
      ['recorder', 'samples', 'distinct stacks', 'known to the other', 'overlap'],
      ['emberscope auto', String(sum(ours)), String(ours.size), percent(knownTo(ours, perf)), ''],
      [
        'perf dwarf',
        String(sum(perf)),
        String(perf.size),
        percent(knownTo(perf, ours)),
        percent(overlap(ours, perf)),
      ],
    ],
  );
  if (process.env['EMBERSCOPE_BENCH_STACKS'] !== undefined) {
    for (const [name, counts] of [
      ['ours', ours],
      ['perf', perf],
    ] as const) {
      for (const [stack, count] of counts) process.stdout.write(`${name} ${count} ${stack}\n`);
    }
  }
}

const sum = (counts: Counts): number =>
  [...counts.values()].reduce((total, count) => total + count, 0);

const knownTo = (some: Counts, other: Counts): number =>
  [...some].reduce((total, [stack, count]) => total + (other.has(stack) ? count : 0), 0) /
  sum(some);

const overlap = (a: Counts, b: Counts): number =>
  [...a].reduce(
    (total, [stack, count]) => total + Math.min(count / sum(a), (b.get(stack) ?? 0) / sum(b)),
    0,
  );

function countOurs(tables: Parameters<typeof userStacksOf>[0]): Counts {
  const counts = new Map<string, number>();
  for (const { frames, stop, weight } of userStacksOf(tables)) {
    const outer = frames.filter(({ kind }) => kind !== 'inlined');
    add(counts, `${stop === null ? '' : `[${stop}];`}${textOf(outer)}`, weight);
  }
  return counts;
}

function countPerf(stacks: readonly PerfStack[]): Counts {
  const counts = new Map<string, number>();
  for (const { frames } of stacks) add(counts, textOf(frames), 1);
  return counts;
}

function add(counts: Map<string, number>, key: string, weight: number): void {
  counts.set(key, (counts.get(key) ?? 0) + weight);
}

/** Functions of the program by name without arguments, others by their file. */
function textOf(frames: readonly { readonly image: string; readonly name: string }[]): string {
  return frames
    .map(({ image, name }) =>
      basename(image) === 'deep' ? name.replace(/\(.*/s, '') : basename(image),
    )
    .join(';');
}

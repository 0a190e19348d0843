import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildCallTree } from '#shared/model/call-tree.ts';
import { invertCallTree } from '#shared/model/call-tree-invert.ts';
import { keySpaceOf } from '#shared/model/call-tree-keys.ts';
import {
  type Selection,
  TREE_ROOTS,
  WALL_CLOCK,
  WHOLE_SESSION,
} from '#shared/model/call-tree-selection.ts';
import { functionTotals } from '#shared/model/function-totals.ts';
import { processTotals } from '#shared/model/process-totals.ts';
import { stackQuality } from '#shared/model/quality.ts';
import { SampleFilter } from '#shared/model/sample-filter.ts';
import type { SessionTables } from '#shared/model/session-tables.ts';
import { timeHistogram, weightPulse } from '#shared/model/time-histogram.ts';
import { ON_CPU } from '../../support/on-cpu.ts';
import { printTree } from '../../support/print-tree.ts';
import { tablesOf } from '../../support/tables-of.ts';
import { CALLS, OFF_CPU, RUN_QUEUE, withSources } from '../../support/with-sources.ts';

/** Two threads that run, wait and queue, and the calls of a function. Times in ms are the line numbers. */
const TABLES = withSources(
  tablesOf(`
    app:1/1| main;run 2
    app:1/2| main;run 3
    app:1/1| main;wait[k];^sh;wake[k];push;start 500
    app:1/2| main;wait[k] 300
    app:1/1| main;run 40
    app:1/1| main;fast 10
    app:1/1| main;slow 900
    web:7/7| main;slow 700
  `),
  {
    sources: [ON_CPU, OFF_CPU, RUN_QUEUE, CALLS],
    series: [
      { source: 1, process: -1, name: 'sleeping', variant: '' },
      { source: 3, process: -1, name: 'vfs_read', variant: '' },
      { source: 3, process: -1, name: 'vfs_write', variant: '' },
    ],
    samples: [
      { source: 0 },
      { source: 0 },
      { source: 1, series: 0, value: 500 },
      { source: 1, series: 0, value: 300 },
      { source: 2, value: 40 },
      { source: 3, series: 1, value: 10 },
      { source: 3, series: 1, value: 900 },
      { source: 3, series: 2, value: 700 },
    ],
  },
);

const selecting = (change: Partial<Selection>): Selection => ({ ...WHOLE_SESSION, ...change });
const treeOf = (change: Partial<Selection>): string =>
  printTree(TABLES, buildCallTree(TABLES, selecting(change)), change.roots ?? 'none');
/** All rows kept; a block is gone at the next. */
function keptBy(filter: SampleFilter): number[] {
  const kept: number[] = [];
  for (const rows of filter.kept()) kept.push(...rows);
  return kept;
}
const rowsOf = (change: Partial<Selection>): number[] =>
  keptBy(new SampleFilter(TABLES, selecting(change)));

describe('SampleFilter', () => {
  it('keeps the samples of one source', () => {
    expect(rowsOf({})).toEqual([0, 1]);
    expect(rowsOf({ source: 1 })).toEqual([2, 3]);
    expect(rowsOf({ source: 3 })).toEqual([5, 6, 7]);
  });

  it('keeps nothing of a source that is not there', () => {
    expect(rowsOf({ source: 9 })).toEqual([]);
  });

  it('keeps calls that took so long, half-open', () => {
    expect(rowsOf({ source: 3, values: { from: 10, to: 700 } })).toEqual([5]);
    expect(rowsOf({ source: 3, values: { from: 11, to: Number.POSITIVE_INFINITY } })).toEqual([
      6, 7,
    ]);
  });

  it('keeps the series named, together with time and process', () => {
    expect(rowsOf({ source: 3, series: [1] })).toEqual([5, 6]);
    expect(rowsOf({ source: 3, series: [1], timeRange: { from: 6e6, to: 9e6 } })).toEqual([6]);
    expect(rowsOf({ source: 3, series: [2], processes: [0] })).toEqual([]);
    expect(rowsOf({ source: 3, series: [] })).toEqual([]);
  });

  it('weighs the wall clock in ns: samples by their length, waits as they are', () => {
    const filter = new SampleFilter(TABLES, selecting({ source: WALL_CLOCK, sampleNs: 100 }));
    expect(keptBy(filter).map((row) => [row, filter.weightOf(row)])).toEqual([
      [0, 200],
      [1, 300],
      [2, 500],
      [3, 300],
      [4, 40],
    ]);
  });

  it('keeps all rows of a long table, block by block', () => {
    const many = tablesOf('a 1\n'.repeat(9000));
    const rows = keptBy(new SampleFilter(many, WHOLE_SESSION));
    expect(rows).toEqual(Array.from({ length: 9000 }, (_, row) => row));
    const part = { ...WHOLE_SESSION, timeRange: { from: 4000e6, to: 8000e6 } };
    const chosen = keptBy(new SampleFilter(many, part));
    expect([chosen.length, chosen[0], chosen.at(-1)]).toEqual([4000, 4000, 7999]);
  });
});

describe('buildCallTree of waits', () => {
  it('shows who ended a wait above it', () => {
    expect(treeOf({ source: 1 })).toContain('[woken by sh]');
    expect(treeOf({ source: 1 })).toContain('push');
  });

  it('cuts stacks at the waker on demand, and keeps their weight', () => {
    const tree = buildCallTree(TABLES, selecting({ source: 1, wakers: false }));
    expect(printTree(TABLES, tree)).not.toContain('woken');
    expect(tree.total[0]).toBe(800);
    expect(tree.maxDepth).toBe(2);
  });

  it('cuts them when inverted: the waiting function is the leaf', () => {
    const selection = selecting({ source: 1, inverted: true });
    const tree = invertCallTree(buildCallTree(TABLES, selection));
    expect(printTree(TABLES, tree)).not.toContain('push');
    expect(tree.total[1]).toBe(800);
  });

  it('has a level for what threads did, below the group or alone', () => {
    const clock = { source: WALL_CLOCK, sampleNs: 100 };
    const alone = buildCallTree(TABLES, selecting(clock));
    const [first] = printTree(TABLES, alone).split('\n').slice(1);
    expect(first).toContain('on CPU');
    expect([alone.groupDepth, alone.total[0]]).toEqual([1, 1340]);
    const grouped = buildCallTree(TABLES, selecting({ ...clock, roots: 'thread' }));
    expect(grouped.groupDepth).toBe(2);
    expect(grouped.total[0]).toBe(1340);
    const inverted = invertCallTree(grouped);
    expect([inverted.total[0], inverted.groupDepth]).toEqual([1340, 2]);
    expect(printTree(TABLES, inverted, 'thread')).toContain('waiting');
  });
});

describe('functionTotals of waits', () => {
  it("counts a wait for the function that waited, and nothing for the waker's", () => {
    const selection = selecting({ source: 1 });
    const space = keySpaceOf(TABLES, 'none');
    const tree = buildCallTree(TABLES, selection, space);
    const totals = functionTotals(tree, space, TABLES.frames);
    const rows = Array.from(totals.key, (key, row) => [
      TABLES.functions.name[key],
      totals.self[row],
      totals.total[row],
    ]);
    expect(rows).toEqual([
      ['wait', 800, 800],
      ['main', 0, 800],
    ]);
  });
});

describe('every model that walks samples', () => {
  const anySelection: fc.Arbitrary<Selection> = fc.record({
    source: fc.constantFrom(0, 1, 2, 3, WALL_CLOCK),
    sampleNs: fc.constantFrom(1, 100),
    series: fc.constantFrom(null, [1], [0, 2]),
    values: fc.constantFrom(null, { from: 0, to: 400 }, { from: 300, to: 1e9 }),
    wakers: fc.boolean(),
    timeRange: fc.constantFrom(null, { from: 1e6, to: 7e6 }),
    processes: fc.constantFrom(null, [0], [1]),
    threads: fc.constantFrom(null, [0], [0, 1]),
    roots: fc.constantFrom(...TREE_ROOTS),
    inverted: fc.constant(false),
    frames: fc.constantFrom('all' as const, 'user' as const, 'kernel' as const),
  });

  it('speaks about the same samples', () => {
    fc.assert(
      fc.property(anySelection, (selection) => {
        const weight = slowWeight(TABLES, selection);
        expect(buildCallTree(TABLES, selection).total[0]).toBe(weight);
        expect(buildCallTree(TABLES, { ...selection, roots: 'none' }).total[0]).toBe(weight);
        expect(processTotals(TABLES, selection).total).toBe(weight);
        expect(stackQuality(TABLES, selection).weight).toBe(weight);
        const always = slowWeight(TABLES, { ...selection, timeRange: null });
        const sum = (all: number, one: number) => all + one;
        expect(timeHistogram(TABLES, selection, 1e7, 4).weight.reduce(sum)).toBe(always);
        expect(weightPulse(TABLES, selection, 1e7, 1e6).weight.reduce(sum)).toBe(always);
      }),
    );
  });
});

/** What a selection holds, counted without the filter. */
function slowWeight({ samples, threads, sources }: SessionTables, chosen: Selection): number {
  let weight = 0;
  for (let row = 0; row < samples.length; row++) {
    const source = samples.source[row]!;
    const isClock = chosen.source === WALL_CLOCK;
    const isTime = ['on-cpu', 'off-cpu', 'run-queue'].includes(sources.kind[source]!);
    if (isClock ? !isTime : source !== chosen.source) continue;
    const { timeRange, values, series, processes } = chosen;
    const thread = samples.thread[row]!;
    const time = samples.time[row]!;
    const value = samples.value[row]!;
    if (timeRange !== null && !(time >= timeRange.from && time < timeRange.to)) continue;
    if (values !== null && !(value >= values.from && value < values.to)) continue;
    if (series?.includes(samples.series[row]!) === false) continue;
    if (processes?.includes(threads.process[thread]!) === false) continue;
    if (chosen.threads?.includes(thread) === false) continue;
    const isSampled = sources.unit[source] === 'samples';
    weight += samples.weight[row]! * (isClock && isSampled ? chosen.sampleNs : 1);
  }
  return weight;
}

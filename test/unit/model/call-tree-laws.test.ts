import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildCallTree, type CallTree } from '#shared/model/call-tree.ts';
import { invertCallTree } from '#shared/model/call-tree-invert.ts';
import { keyCount, keySpaceOf, labelOfKey } from '#shared/model/call-tree-keys.ts';
import { type Selection, TREE_ROOTS, WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import { layoutFlame, rankKeys } from '#shared/model/flame-layout.ts';
import { functionTotals } from '#shared/model/function-totals.ts';
import type { SessionTables } from '#shared/model/session-tables.ts';
import { printTree } from '../../support/print-tree.ts';
import { tablesOf } from '../../support/tables-of.ts';

const frameName = fc.constantFrom(
  ...['a', 'b', 'c', 'd', 'k[k]', 'k2[k]', 'lib+0x10', 'j[j]'],
  // With calls inlined: of two depths, one within itself, and two places of one function.
  ...['b->i', 'b{b.c:2}->i->h', 'd->i->i'],
);
const line = fc.record({
  who: fc.constantFrom('p:1/1', 'p:1/2', 'q:3/3', 'r:4/5'),
  stack: fc.array(frameName, { minLength: 1, maxLength: 6 }),
  weight: fc.integer({ min: 1, max: 9 }),
  ms: fc.integer({ min: 0, max: 99 }),
});
const lines = fc.array(
  line.map((part) => `${part.who}| ${part.stack.join(';')} ${part.weight} @${part.ms}`),
  { maxLength: 30 },
);
const selection: fc.Arbitrary<Selection> = fc.record({
  ...{ source: fc.constant(0), sampleNs: fc.constant(1), wakers: fc.constant(true) },
  ...{ series: fc.constant(null), values: fc.constant(null) },
  timeRange: fc.constantFrom(null, { from: 20e6, to: 70e6 }),
  processes: fc.constantFrom(null, [0], [0, 1]),
  threads: fc.constant(null),
  roots: fc.constantFrom(...TREE_ROOTS),
  inverted: fc.constant(false),
  frames: fc.constantFrom('all' as const, 'user' as const, 'kernel' as const),
});

const sum = (column: Float64Array): number => column.reduce((total, value) => total + value, 0);

/** What the selection keeps, counted the slow way. */
function selectedWeight(tables: SessionTables, chosen: Selection): number {
  let weight = 0;
  for (let sample = 0; sample < tables.samples.length; sample++) {
    const time = tables.samples.time[sample]!;
    const process = tables.threads.process[tables.samples.thread[sample]!]!;
    const inTime =
      chosen.timeRange === null || (time >= chosen.timeRange.from && time < chosen.timeRange.to);
    if (inTime && (chosen.processes?.includes(process) ?? true)) {
      weight += tables.samples.weight[sample]!;
    }
  }
  return weight;
}

/** The same samples as from files without debug information. */
function withoutInlined(tables: SessionTables): SessionTables {
  const { symbols } = tables;
  const rows = Int32Array.from(symbols.frame.keys()).filter((row) => symbols.depth[row] === 0);
  return {
    ...tables,
    symbols: {
      ...symbols,
      length: rows.length,
      depth: new Uint8Array(rows.length),
      frame: rows.map((row) => symbols.frame[row]!),
      func: rows.map((row) => symbols.func[row]!),
    },
  };
}

/** Functions by name with their totals. */
function callsOf(tables: SessionTables, chosen: Selection): { name: string; total: number }[] {
  const space = keySpaceOf(tables, chosen.roots);
  const totals = functionTotals(buildCallTree(tables, chosen), space);
  return Array.from(totals.key, (key, row) => ({
    name: labelOfKey(tables, space, key, totals.frame[row]!).name,
    total: totals.total[row]!,
  })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

function expectWellFormed(tree: CallTree): void {
  const childSum = new Float64Array(tree.length);
  for (let node = 1; node < tree.length; node++) {
    expect(tree.parent[node]).toBeLessThan(node);
    expect(tree.depth[node]).toBe(tree.depth[tree.parent[node]!]! + 1);
    childSum[tree.parent[node]!]! += tree.total[node]!;
  }
  for (let node = 0; node < tree.length; node++) {
    expect(childSum[node]! + tree.self[node]!).toBe(tree.total[node]);
  }
}

describe('buildCallTree and invertCallTree', () => {
  it('sum self weights to the root total, which is the weight selected', () => {
    fc.assert(
      fc.property(lines, selection, (text, chosen) => {
        const tables = tablesOf(text.join('\n'));
        const tree = buildCallTree(tables, chosen);
        const inverted = invertCallTree(tree);
        expect(tree.total[0]).toBe(selectedWeight(tables, chosen));
        expect([sum(tree.self), sum(inverted.self), inverted.total[0]]).toEqual([
          tree.total[0],
          tree.total[0],
          tree.total[0],
        ]);
        expectWellFormed(tree);
        expectWellFormed(inverted);
      }),
    );
  });

  it('give back the tree when inverted twice', () => {
    fc.assert(
      fc.property(lines, selection, (text, chosen) => {
        const tables = tablesOf(text.join('\n'));
        const tree = buildCallTree(tables, chosen);
        const twice = invertCallTree(invertCallTree(tree));
        expect(printTree(tables, twice, chosen.roots)).toBe(printTree(tables, tree, chosen.roots));
      }),
    );
  });

  it('show inlined calls without changing the weight of any other function', () => {
    fc.assert(
      fc.property(lines, selection, (text, chosen) => {
        const tables = tablesOf(text.join('\n'));
        const withInlined = callsOf(tables, chosen).filter(({ name }) => !/^[hi]$/.test(name));
        expect(withInlined.map(({ name, total }) => [name, total])).toEqual(
          callsOf(withoutInlined(tables), chosen).map(({ name, total }) => [name, total]),
        );
      }),
    );
  });

  it('do not depend on the order in which samples arrived', () => {
    fc.assert(
      fc.property(lines, selection, (text, chosen) => {
        const sorted = tablesOf([...text].sort().join('\n'));
        const reversed = tablesOf([...text].sort().reverse().join('\n'));
        const names = { ...chosen, processes: null, roots: 'command' as const };
        expect(printTree(reversed, buildCallTree(reversed, names), 'command')).toBe(
          printTree(sorted, buildCallTree(sorted, names), 'command'),
        );
      }),
    );
  });
});

describe('functionTotals', () => {
  it('never exceeds the root total and sums self to it when nothing is hidden', () => {
    fc.assert(
      fc.property(lines, (text) => {
        const tables = tablesOf(text.join('\n'));
        const tree = buildCallTree(tables, WHOLE_SESSION);
        const totals = functionTotals(tree, keySpaceOf(tables, 'none'));
        expect(sum(totals.self)).toBe(tree.total[0]);
        for (let row = 0; row < totals.length; row++) {
          expect(totals.total[row]).toBeLessThanOrEqual(tree.total[0]!);
          expect(totals.self[row]).toBeLessThanOrEqual(totals.total[row]!);
        }
      }),
    );
  });
});

describe('layoutFlame', () => {
  it('gives every node one box of its width inside its parent, siblings side by side', () => {
    fc.assert(
      fc.property(lines, selection, fc.constantFrom('name', 'weight'), (text, chosen, order) => {
        const tables = tablesOf(text.join('\n'));
        const tree = buildCallTree(tables, chosen);
        const space = keySpaceOf(tables, chosen.roots);
        const nameOf = (key: number, frame: number) => labelOfKey(tables, space, key, frame).name;
        const rows = layoutFlame(tree, rankKeys(tree, keyCount(space), nameOf), order);
        expect(new Set(rows.node).size).toBe(tree.length);
        for (let box = 1; box < rows.length; box++) {
          const parent = rows.parent[box]!;
          const width = tree.total[rows.node[box]!]! / tree.total[0]!;
          expect(rows.start[box]).toBeGreaterThanOrEqual(rows.start[parent]!);
          expect(rows.end[box]).toBeLessThanOrEqual(rows.end[parent]!);
          expect(rows.end[box]! - rows.start[box]!).toBeCloseTo(width, 12);
          const depth = tree.depth[rows.node[box]!]!;
          if (box > rows.rowStart[depth]!) {
            expect(rows.start[box]).toBeGreaterThanOrEqual(rows.end[box - 1]! - 1e-12);
          }
        }
      }),
    );
  });
});

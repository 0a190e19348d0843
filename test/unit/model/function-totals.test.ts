import { describe, expect, it } from 'vitest';
import { buildCallTree } from '#shared/model/call-tree.ts';
import { keySpaceOf, labelOfKey } from '#shared/model/call-tree-keys.ts';
import { type TreeRoots, WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import { functionTotals } from '#shared/model/function-totals.ts';
import { processTotals } from '#shared/model/process-totals.ts';
import { tablesOf } from '../../support/tables-of.ts';

function totalsOf(text: string, roots: TreeRoots = 'none'): string[] {
  const tables = tablesOf(text);
  const space = keySpaceOf(tables, roots);
  const totals = functionTotals(buildCallTree(tables, { ...WHOLE_SESSION, roots }), space);
  return Array.from(totals.key, (key, row) => {
    const { name } = labelOfKey(tables, space, key, totals.frame[row]!);
    return `${name} ${totals.self[row]!}/${totals.total[row]!}`;
  });
}

describe('functionTotals', () => {
  it('adds up calls of a function and the places where it was inlined', () => {
    expect(totalsOf('main;run->add 3\nmain;add 2\nmain;only->here 1')).toEqual([
      'add 5/5',
      'here 1/1',
      'main 0/6',
      'run 0/3',
      'only 0/1',
    ]);
  });

  it('counts a function that was inlined into itself once per sample', () => {
    expect(totalsOf('run->run->run 3\nrun;run->run 1')).toEqual(['run 4/4']);
  });

  it('sums self and total by function, hottest self first', () => {
    expect(totalsOf('main;a;work 3\nmain;b;work 2\nmain 1')).toEqual([
      'work 5/5',
      'main 1/6',
      'a 0/3',
      'b 0/2',
    ]);
  });

  it('counts a recursive frame once per sample', () => {
    expect(totalsOf('f;f;g;f 2\nf 1')).toEqual(['f 3/3', 'g 0/2']);
  });

  it('is the same however the tree is grouped', () => {
    const text = 'a:100/100| f;g 2\nb:101/101| f;g 1\nb:101/101| f 4';
    expect(totalsOf(text, 'process')).toEqual(totalsOf(text));
  });

  it('is empty for an empty session', () => {
    expect(totalsOf('')).toEqual([]);
  });
});

describe('processTotals', () => {
  it('sums by process, heaviest first, within the selection', () => {
    const tables = tablesOf(
      'a:100/100| f 1 @1\nb:101/101| f 5 @2\na:100/100| f 2 @3\nc:102/102| f 9 @50',
    );
    const selection = { ...WHOLE_SESSION, timeRange: { from: 0, to: 10e6 } };
    const totals = processTotals(tables, selection);
    expect({
      process: Array.from(totals.process),
      weight: Array.from(totals.weight),
      total: totals.total,
    }).toEqual({ process: [1, 0], weight: [5, 3], total: 8 });
  });
});

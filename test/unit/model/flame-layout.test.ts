import { describe, expect, it } from 'vitest';
import { buildCallTree } from '#shared/model/call-tree.ts';
import { keyCount, keySpaceOf, labelOfKey } from '#shared/model/call-tree-keys.ts';
import { WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import {
  type FlameRows,
  layoutFlame,
  rankKeys,
  type SiblingOrder,
} from '#shared/model/flame-layout.ts';
import { tablesOf } from '../../support/tables-of.ts';

function laidOut(text: string, order: SiblingOrder): string[] {
  const tables = tablesOf(text);
  const tree = buildCallTree(tables, WHOLE_SESSION);
  const space = keySpaceOf(tables, 'none');
  const nameOf = (key: number, frame: number) => labelOfKey(tables, space, key, frame).name;
  const rows = layoutFlame(tree, rankKeys(tree, keyCount(space), nameOf), order);
  return boxes(rows, (node) => nameOf(tree.key[node]!, tree.frame[node]!));
}

function boxes(rows: FlameRows, nameOf: (node: number) => string): string[] {
  const lines: string[] = [];
  for (let depth = 0; depth + 1 < rows.rowStart.length; depth++) {
    const row: string[] = [];
    for (let box = rows.rowStart[depth]!; box < rows.rowStart[depth + 1]!; box++) {
      row.push(`${nameOf(rows.node[box]!)} ${rows.start[box]!}-${rows.end[box]!}`);
    }
    lines.push(row.join(' | '));
  }
  return lines;
}

const TEXT = `
  b;x  1
  a    1
  c;z  2
  c;y  4`;

describe('layoutFlame', () => {
  it('orders siblings by name and puts children inside their parents', () => {
    expect(laidOut(TEXT, 'name')).toEqual([
      'all 0-1',
      'a 0-0.125 | b 0.125-0.25 | c 0.25-1',
      'x 0.125-0.25 | y 0.25-0.75 | z 0.75-1',
    ]);
  });

  it('orders siblings by weight, equal ones by name', () => {
    expect(laidOut(TEXT, 'weight')).toEqual([
      'all 0-1',
      'c 0-0.75 | a 0.75-0.875 | b 0.875-1',
      'y 0-0.5 | z 0.5-0.75 | x 0.875-1',
    ]);
  });

  it('leaves the space of self weight free at the right', () => {
    expect(laidOut('m 3\nm;f 1', 'name')).toEqual(['all 0-1', 'm 0-1', 'f 0-0.25']);
  });

  it('lays out an empty session as one box', () => {
    expect(laidOut('', 'name')).toEqual(['all 0-1']);
  });

  it('keeps siblings where they are when weights change', () => {
    const namesOf = (text: string) =>
      laidOut(text, 'name').map((row) => row.replace(/ [\d.]+-[\d.]+/g, ''));
    expect(namesOf(TEXT.replace('a    1', 'a    9'))).toEqual(namesOf(TEXT));
  });
});

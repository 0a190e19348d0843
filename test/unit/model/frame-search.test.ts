import { describe, expect, it } from 'vitest';
import { buildCallTree } from '#shared/model/call-tree.ts';
import { keyCount, keySpaceOf, labelOfKey } from '#shared/model/call-tree-keys.ts';
import { WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import { matchedWeight, parseQuery } from '#shared/model/frame-search.ts';
import { tablesOf } from '../../support/tables-of.ts';

function weightOf(text: string, query: string): number {
  const tables = tablesOf(text);
  const tree = buildCallTree(tables, WHOLE_SESSION);
  const space = keySpaceOf(tables, 'none');
  const matcher = parseQuery(query);
  if (!matcher.ok) throw new Error(matcher.error);
  const matched = new Uint8Array(keyCount(space));
  for (let node = 1; node < tree.length; node++) {
    const key = tree.key[node]!;
    const { name } = labelOfKey(tables, space, key, tree.frame[node]!);
    if (matcher.value.matches(name)) matched[key] = 1;
  }
  return matchedWeight(tree, matched);
}

describe('parseQuery', () => {
  it('takes plain text as a substring without regard to case', () => {
    const matcher = parseQuery('mAlLoC(');
    expect(matcher.ok && matcher.value.matches('__libc_Malloc(int)')).toBe(true);
  });

  it('takes text between slashes as a regular expression', () => {
    const matcher = parseQuery('/^str(len|cpy)$/');
    expect(
      matcher.ok && [matcher.value.matches('STRLEN'), matcher.value.matches('strlen_avx2')],
    ).toEqual([true, false]);
  });

  it('reports a broken expression instead of throwing', () => {
    expect(parseQuery('/(/').ok).toBe(false);
  });
});

describe('matchedWeight', () => {
  it('counts a sample once however often its stack matches', () => {
    expect(weightOf('f;g;f 3\nf 1\nmain;g 2\nmain 4', 'f')).toBe(4);
    expect(weightOf('f;g;f 3\nf 1\nmain;g 2\nmain 4', '/^[fg]$/')).toBe(6);
  });

  it('is zero when nothing matches', () => {
    expect(weightOf('f 3', 'zzz')).toBe(0);
  });
});

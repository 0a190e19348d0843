import { describe, expect, it } from 'vitest';
import { buildCallTree } from '#shared/model/call-tree.ts';
import { MANY_PLACES } from '#shared/model/call-tree-columns.ts';
import { invertCallTree } from '#shared/model/call-tree-invert.ts';
import { keySpaceOf, labelOfKey, rareCallersKey } from '#shared/model/call-tree-keys.ts';
import { type Selection, WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import { sourceText } from '#shared/model/symbols.ts';
import { printTree, trimmed } from '../../support/print-tree.ts';
import { tablesOf } from '../../support/tables-of.ts';

function printed(text: string, change: Partial<Selection> = {}): string {
  const tables = tablesOf(text);
  const selection = { ...WHOLE_SESSION, ...change };
  const tree = buildCallTree(tables, selection);
  return printTree(tables, selection.inverted ? invertCallTree(tree) : tree, selection.roots);
}

describe('buildCallTree', () => {
  it('merges stacks from the root and separates self from total', () => {
    expect(
      printed(`
        main;parse;read  3
        main;parse       1
        main;write       2`),
    ).toBe(
      trimmed(`
        all 0/6
          main 0/6
            parse 1/4
              read 3/3
            write 2/2`),
    );
  });

  it('merges different code locations of one function and keeps same names of different images apart', () => {
    expect(
      printed(`
        main;init@liba.so  1
        main;init@libb.so  2`),
    ).toBe(
      trimmed(`
        all 0/3
          main 0/3
            init 1/1
            init 2/2`),
    );
  });

  it('names a frame without a symbol by image and offset', () => {
    expect(printed('main;libx.so+0x1f 2')).toBe(
      trimmed(`
        all 0/2
          main 0/2
            libx.so+0x1f 2/2`),
    );
  });

  it('shows samples without any stack instead of dropping them', () => {
    expect(printed('- 2')).toBe(
      trimmed(`
        all 0/2
          [no stack] 2/2`),
    );
  });

  it('groups by process, by command and by thread', () => {
    const text = `
      a:100/100| main 1
      a:100/1001| main 2
      b:101/101| main 4`;
    expect(printed(text, { roots: 'process' })).toBe(
      trimmed(`
        all 0/7
          a (100) 0/3
            main 3/3
          b (101) 0/4
            main 4/4`),
    );
    expect(printed(text, { roots: 'command' })).toContain('  a 0/3\n');
    expect(printed(text, { roots: 'thread' })).toBe(
      trimmed(`
        all 0/7
          a (100) 0/1
            main 1/1
          a (1001) 0/2
            main 2/2
          b (101) 0/4
            main 4/4`),
    );
  });

  it('takes samples with from <= time < to', () => {
    const text = `
      a 1 @10
      b 2 @20
      c 4 @30`;
    expect(printed(text, { timeRange: { from: 10e6, to: 30e6 } })).toBe(
      trimmed(`
        all 0/3
          a 1/1
          b 2/2`),
    );
  });

  it('keeps only the selected processes and threads', () => {
    const text = `
      a:100/100| f 1
      b:101/101| g 2
      b:101/1002| h 4`;
    expect(printed(text, { processes: [1] })).toContain('all 0/6');
    expect(printed(text, { processes: [1], threads: [2] })).toBe('all 0/4\n  h 4/4');
    expect(printed(text, { processes: [] })).toBe('all 0/0');
  });

  it('gives the weight of hidden kernel frames to the user frame that called them', () => {
    const text = `
      main;read;vfs[k];copy[k]  3
      main                        1
      idle[k]                    2`;
    expect(printed(text, { frames: 'user' })).toBe(
      trimmed(`
        all 2/6
          main 1/4
            read 3/3`),
    );
    expect(printed(text, { frames: 'kernel' })).toBe(
      trimmed(`
        all 1/6
          idle 2/2
          vfs 0/3
            copy 3/3`),
    );
  });

  it('shows inlined calls below the function that owns the code, the weight at the innermost', () => {
    const text = `
      main;run->step->add   3
      main;run->step        2
      main;run;step         1`;
    expect(printed(text)).toBe(
      trimmed(`
        all 0/6
          main 0/6
            run 0/6
              step 2/5
                add 3/3
              step 1/1`),
    );
    expect(printed(text, { inverted: true })).toContain(
      trimmed(`
          add 0/3
            step 0/3
              run 0/3
                main 3/3`).replace(/^/gm, '  '),
    );
  });

  it('hides inlined calls with their frame', () => {
    expect(printed('run->step;sys[k] 2', { frames: 'kernel' })).toBe('all 0/2\n  sys 2/2');
  });

  it('tells the place of a node, or that it has several', () => {
    const tables = tablesOf('main{m.c:3};a->b{b.c:7} 1\nmain{m.c:4};c{c.c} 1\nmain{m.c:4};l+0x1 1');
    const tree = buildCallTree(tables, WHOLE_SESSION);
    const places = Array.from(tree.place, (place) =>
      place === MANY_PLACES ? 'several' : sourceText(tables, place),
    );
    expect(places.toSorted()).toEqual(['b.c:7', 'c.c', null, null, null, 'several']);
  });

  it('tells interpreted functions from compiled ones by their function', () => {
    const tables = tablesOf('tick[j];tock[j] 1');
    const interpreted = Uint8Array.of(0, 1);
    const marked = { ...tables, functions: { ...tables.functions, interpreted } };
    const space = keySpaceOf(marked, 'none');
    expect([0, 1].map((key) => labelOfKey(marked, space, key, key).kind)).toEqual([
      'jit',
      'interpreted',
    ]);
  });

  it('stands what is missing of an incomplete stack above it', () => {
    expect(printed('!no-table;parse;read 2')).toBe(
      trimmed(`
        all 0/2
          [incomplete: no unwind table] 0/2
            parse 0/2
              read 2/2`),
    );
  });

  it('yields a lone root for a session without samples', () => {
    expect(printed('')).toBe('all 0/0');
  });
});

describe('invertCallTree', () => {
  it('puts the running functions first and their callers below', () => {
    expect(
      printed(
        `
        main;a;work  3
        main;b;work  2
        main;a       1`,
        { inverted: true },
      ),
    ).toBe(
      trimmed(`
        all 0/6
          a 0/1
            main 1/1
          work 0/5
            a 0/3
              main 3/3
            b 0/2
              main 2/2`),
    );
  });

  it('keeps groups on top', () => {
    expect(printed('a:100/100| main;f 2', { inverted: true, roots: 'process' })).toBe(
      trimmed(`
        all 0/2
          a (100) 0/2
            f 0/2
              main 2/2`),
    );
  });

  it('gathers callers too rare to be seen in one named node, without losing weight', () => {
    const tables = tablesOf('main;a;work 90\nmain;b;work 9\nmain;c;work 1');
    const restKey = rareCallersKey(keySpaceOf(tables, 'none'));
    const tree = buildCallTree(tables, WHOLE_SESSION);
    expect(printTree(tables, invertCallTree(tree, { leastWeight: 10, restKey }))).toBe(
      trimmed(`
        all 0/100
          work 0/100
            a 0/90
              main 90/90
            b 0/9
              [rare callers] 9/9
            c 0/1
              [rare callers] 1/1`),
    );
  });
});

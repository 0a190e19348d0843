import { describe, expect, it } from 'vitest';
import { FOLDED } from '../../../main/export/folded.ts';
import { WALL_CLOCK } from '../../../main/shared/model/call-tree-selection.ts';
import { parseFolded } from '../../../main/shared/text/folded-stacks.ts';
import { ON_CPU } from '../../support/on-cpu.ts';
import { sessionOf } from '../../support/session-of.ts';
import { tablesOf } from '../../support/tables-of.ts';
import { CALLS, OFF_CPU, withSources } from '../../support/with-sources.ts';

const folded = (text: string, rename: Record<string, string> = {}): string =>
  [...FOLDED.render(sessionOf(tablesOf(text, rename)))].join('');

describe('FOLDED', () => {
  it('adds up threads of one name and keeps commands apart', () => {
    expect(
      folded(`
        a b:1/1| main;read 3
        a b:1/2| main;read 2
        c:9/9| main;read 1
      `),
    ).toBe('a_b;main;read 5\nc;main;read 1\n');
  });

  it('adds up stacks that differ only in offsets', () => {
    expect(folded('main;libx.so+0x10 1\nmain;libx.so+0x20 2')).toBe('app;main;[libx.so] 3\n');
  });

  it('cuts arguments off but not Go methods or anonymous namespaces', () => {
    const names = { F: 'ns::f(int, char*)', G: 'net.(*T).Do', H: '(anonymous namespace)::h(int)' };
    expect(folded('F;G;H 1', names)).toBe('app;ns::f;net.(*T).Do;(anonymous namespace)::h 1\n');
  });

  it('reads Java names as perf tools do, in java only', () => {
    const names = { J: 'Lorg/x/Y;.call(I)V' };
    expect(folded('java:1/1| J 1\nother:2/2| J 1', names)).toBe(
      'java;org/x/Y:.call 1\nother;Lorg/x/Y:.call 1\n',
    );
  });

  it('sorts by byte', () => {
    expect(folded('b 1\nB 1\nä 1')).toBe('app;B 1\napp;b 1\napp;ä 1\n');
  });

  it('keeps the number of lines and frames with hostile names', () => {
    const text = folded('E;x 7', { E: 'a;b\nevil 99\r\x1b[2J', app: 'c;d\ne' });
    expect(parseFolded(text)).toEqual({
      stacks: [{ frames: ['c:d?e', 'a:b?evil 99??[2J', 'x'], count: 7 }],
      malformedLines: 0,
    });
  });

  it('exports one source of several, in its unit', () => {
    const tables = withSources(
      tablesOf(`
        main;run 3
        main;wait[k];^sh;wake[k] 1500
        main;read 70
      `),
      {
        sources: [ON_CPU, OFF_CPU, CALLS],
        samples: [{ source: 0 }, { source: 1, value: 1500 }, { source: 2, value: 70 }],
      },
    );
    const linesOf = (source?: number) =>
      [
        ...FOLDED.render({ ...sessionOf(tables), ...(source === undefined ? {} : { source }) }),
      ].join('');
    expect(linesOf()).toBe('app;main;run 3\n');
    expect(linesOf(1)).toBe('app;main;wait;[woken by sh];wake 1500\n');
    expect(linesOf(2)).toBe('app;main;read 70\n');
    // 3 samples at 99 Hz are 30.3 ms.
    expect(linesOf(WALL_CLOCK)).toBe(
      'app;main;run 30303030\napp;main;wait;[woken by sh];wake 1500\n',
    );
  });
});

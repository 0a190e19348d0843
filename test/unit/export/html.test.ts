import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { HTML } from '../../../main/export/html.ts';
import { PAGE_SCRIPT } from '../../../main/export/html-page.ts';
import { sessionOf } from '../../support/session-of.ts';
import { tablesOf } from '../../support/tables-of.ts';

interface PageData {
  readonly labels: readonly (readonly string[])[];
  readonly label: readonly number[];
  readonly parent: readonly number[];
  readonly total: readonly number[];
  readonly self: readonly number[];
}

function dataOf(text: string): PageData {
  const page = [...HTML.render(sessionOf(tablesOf(text)))].join('');
  return JSON.parse(/id="data">([\s\S]*?)<\/script>/.exec(page)?.[1] ?? '') as PageData;
}

describe('HTML', () => {
  it('gives the page the tree by depth, siblings by name', () => {
    const { labels, label, parent, total, self } = dataOf('main;b 3\nmain;a 1\nmain 2');
    const boxes = label.map((row, box) => [labels[row]?.[0], parent[box], total[box], self[box]]);
    expect(boxes).toEqual([
      ['all', -1, 6, 0],
      ['app', 0, 6, 0],
      ['main', 1, 6, 2],
      ['a', 2, 1, 1],
      ['b', 2, 3, 3],
    ]);
  });

  it('explains incomplete stacks, and tells inlined calls by their texture', () => {
    const { labels } = dataOf('!no-table;run->step 2');
    expect(labels.map(([name, note, texture]) => [name, note, texture]).slice(2)).toEqual([
      [
        '[incomplete: no unwind table]',
        expect.stringMatching(/not loaded.*Narrow the target/),
        'incomplete',
      ],
      ['run', '/usr/bin/app', ''],
      ['step', 'inlined · /usr/bin/app', 'inlined'],
    ]);
  });

  it('leaves the lightest boxes out of a huge tree, parents never', () => {
    const lines = Array.from({ length: 100_010 }, (_, i) => `f${i};g${i} ${i < 10 ? 1 : 2}`);
    const { parent, total } = dataOf(lines.join('\n'));
    expect(total.length).toBeLessThanOrEqual(200_000);
    expect(parent.every((above, box) => above < box)).toBe(true);
    expect(total[0]).toBe(100_000 * 2 + 10);
  });

  it('has a script that is valid in strict mode', () => {
    // Parsed, not run: a syntax error throws.
    expect(() => new Script(PAGE_SCRIPT)).not.toThrow();
  });
});

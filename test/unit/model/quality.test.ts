import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import { encodeImageProblem } from '#shared/model/image-problem.ts';
import { stackQuality } from '#shared/model/quality.ts';
import { FRAME_KINDS, type SessionTables } from '#shared/model/session-tables.ts';
import { tablesOf } from '../../support/tables-of.ts';

const TABLES = tablesOf(`
  app:1/1| _start;main;work          10 @1
  app:1/1| main;libx.so+0x10;work     4 @2
  app:1/1| !no-table;f@liba.so;g      3 @3
  app:1/2| !no-table;f@libb.so        2 @4
  app:1/2| !no-registers              1 @5
  app:1/2| !no-registers;sys[k]       1 @6
  app:1/2| libx.so+0x10;libx.so+0x20  5 @7
  kthread:2/2| idle[k]                7 @8
  app:1/1| -                          6 @9
`);

describe('stackQuality', () => {
  it('tells complete, cut and absent user stacks apart, with the image where a walk ended', () => {
    const quality = stackQuality(TABLES);
    expect(quality).toMatchObject({
      weight: 39,
      withoutUserStack: 13,
      cut: [
        { stop: 'no-table', image: 'liba.so', weight: 3 },
        { stop: 'no-table', image: 'libb.so', weight: 2 },
        { stop: 'no-registers', image: '', weight: 2 },
      ],
      unmarked: [
        { root: 'start', image: '/usr/bin/app', weight: 10 },
        { root: 'unnamed', image: '/usr/lib/libx.so', weight: 5 },
        { root: 'named', image: '/usr/bin/app', weight: 4 },
      ],
    });
  });

  it('counts a sample once per module, however many of its frames lack a name', () => {
    const { unnamed, unnamedLeaf, modules } = stackQuality(TABLES);
    expect([unnamed, unnamedLeaf]).toEqual([9, 5]);
    expect(modules).toEqual([
      { path: '/usr/lib/libx.so', kind: 'elf', leaf: 5, any: 9, problem: null },
    ]);
  });

  it('counts a function of which only the beginning is known as one without a name', () => {
    const tables = tablesOf(`
      app:1/1| top@libx.so;work@libx.so 3 @1
      app:1/1| main;work@libx.so        4 @2
    `);
    const starts: Readonly<Record<string, string>> = { top: 'libx.so+0x10', work: 'libx.so+0x40' };
    const name = tables.functions.name.map((text) => starts[text] ?? text);
    const nameless = { ...tables, functions: { ...tables.functions, name } };
    expect(stackQuality(tables)).toMatchObject({ unnamed: 0, modules: [] });
    expect(stackQuality(nameless)).toMatchObject({
      ...{ unnamed: 7, unnamedLeaf: 7 },
      modules: [{ leaf: 7, any: 7 }],
      unmarked: [
        { root: 'named', weight: 4 },
        { root: 'unnamed', weight: 3 },
      ],
    });
  });

  it('looks at the selected samples alone', () => {
    const selection = { ...WHOLE_SESSION, timeRange: { from: 3e6, to: 5e6 } };
    expect(stackQuality(TABLES, selection)).toMatchObject({
      ...{ weight: 5, withoutUserStack: 0, unmarked: [], unnamed: 0 },
    });
    expect(stackQuality(TABLES, { ...WHOLE_SESSION, processes: [1] })).toMatchObject({
      ...{ weight: 7, withoutUserStack: 7, cut: [] },
    });
  });

  it('says what is known to keep a module from having names, and nothing of what is damaged', () => {
    const problem = { kind: 'no-symbols', path: '/usr/lib/libx.so' } as const;
    const image = Int32Array.of(TABLES.images.path.indexOf('/usr/lib/libx.so'));
    const withText = (text: string): SessionTables => ({
      ...TABLES,
      imageProblems: { length: 1, image, problem: [text] },
    });
    const problemOf = (text: string) => stackQuality(withText(text)).modules[0]?.problem;
    expect(problemOf(encodeImageProblem(problem))).toEqual(problem);
    expect(problemOf('{"kind":1}')).toBeNull();
  });

  it('adds up: every sample is cut, unmarked or without a user stack', () => {
    const frame = fc.constantFrom('a', 'b@x', '_start', 'k[k]', 'lib+0x10', 'x+0x2', 'j[j]');
    const mark = fc.constantFrom('', '!depth;', '!no-mapping;', '!unreadable-stack;');
    const line = fc
      .tuple(mark, fc.array(frame, { minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 9 }))
      .map(([first, frames, weight]) => `${first}${frames.join(';')} ${weight}`);
    fc.assert(
      fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
        const tables = tablesOf(lines.join('\n'));
        const quality = stackQuality(tables);
        const sum = (rows: readonly { readonly weight: number }[]): number =>
          rows.reduce((total, { weight }) => total + weight, 0);
        expect(sum(quality.cut) + sum(quality.unmarked) + quality.withoutUserStack).toBe(
          quality.weight,
        );
        expect([quality.unnamed, quality.unnamedLeaf]).toEqual(unnamedSlowly(tables));
      }),
    );
  });
});

/** Samples with a frame without a name, and those that end in one: stack by stack. */
function unnamedSlowly({ samples, stacks, frames }: SessionTables): [number, number] {
  const mark = FRAME_KINDS.indexOf('incomplete');
  const isUnnamed = (row: number): boolean => {
    const frame = stacks.frame[row]!;
    return frames.func[frame]! < 0 && frames.kind[frame] !== mark;
  };
  let any = 0;
  let leaf = 0;
  samples.stack.forEach((end, sample) => {
    const weight = samples.weight[sample]!;
    let has = false;
    for (let row = end; row >= 0; row = stacks.parent[row]!) has ||= isUnnamed(row);
    if (has) any += weight;
    if (end >= 0 && isUnnamed(end)) leaf += weight;
  });
  return [any, leaf];
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldedName, parseFolded, printFolded } from '../../../main/shared/text/folded-stacks.ts';

describe('foldedName', () => {
  it('replaces what would break a line or a stack', () => {
    expect(foldedName('a;b\nc\x1b d')).toBe('a:b?c? d');
  });
});

describe('parseFolded', () => {
  it('reads names with spaces and skips comments and empty lines', () => {
    expect(parseFolded('# made by hand\n\nmain;operator new 3\nx 1.5\r\n')).toEqual({
      stacks: [
        { frames: ['main', 'operator new'], count: 3 },
        { frames: ['x'], count: 1.5 },
      ],
      malformedLines: 0,
    });
  });

  it.each(['main', 'main;read x', ' 12', 'main -3'])('counts %j as malformed', (line) => {
    expect(parseFolded(line)).toEqual({ stacks: [], malformedLines: 1 });
  });

  it('reads back what printFolded prints', () => {
    const name = fc.string({ unit: 'binary', minLength: 1 }).map(foldedName);
    const stack = fc.record({
      frames: fc.array(name, { minLength: 1 }).filter(([first = '']) => !/^[#\s]/.test(first)),
      count: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(stack), (stacks) => {
        expect(parseFolded(printFolded(stacks))).toEqual({ stacks, malformedLines: 0 });
      }),
    );
  });
});

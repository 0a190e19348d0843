import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { NO_STACK, StackInterner } from '../../../main/capture/stack-interner.ts';

/** Interns stacks written as "main;parse;read", frames numbered as they appear. */
function internAll(stacks: readonly string[]): { interner: StackInterner; leaves: number[] } {
  const interner = new StackInterner();
  const frames = new Map<string, number>();
  const frameOf = (name: string): number => {
    if (!frames.has(name)) frames.set(name, frames.size);
    return frames.get(name)!;
  };
  const leaves = stacks.map((stack) =>
    stack.split(';').reduce((node, name) => interner.intern(node, frameOf(name)), NO_STACK),
  );
  return { interner, leaves };
}

function framesOf(interner: StackInterner, leaf: number): number[] {
  const frames: number[] = [];
  for (let node = leaf; node !== NO_STACK; node = interner.parentOf(node)) {
    frames.unshift(interner.frameOf(node));
  }
  return frames;
}

describe('StackInterner', () => {
  it('stores callers that stacks share once', () => {
    const { interner, leaves } = internAll(['main;parse;read', 'main;parse;skip', 'main']);
    expect(interner.length).toBe(4);
    expect(interner.parentOf(leaves[0]!)).toBe(interner.parentOf(leaves[1]!));
  });

  it('names an equal stack by the same id', () => {
    const { leaves } = internAll(['main;read', 'main;parse', 'main;read']);
    expect(leaves[2]).toBe(leaves[0]);
  });

  it('keeps one node per level of a recursion', () => {
    const { interner, leaves } = internAll(['f;f;f']);
    expect(framesOf(interner, leaves[0]!)).toEqual([0, 0, 0]);
  });

  it('hands out each new node once, parents first', () => {
    const { interner } = internAll(['main;parse']);
    expect(interner.takeNew()).toEqual({ parent: [-1, 0], frame: [0, 1] });
    interner.intern(1, 7);
    expect(interner.takeNew()).toEqual({ parent: [1], frame: [7] });
    expect(interner.takeNew()).toEqual({ parent: [], frame: [] });
  });

  it('gives back any set of stacks, whatever their number', () => {
    const stack = fc.array(fc.nat(20), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.array(stack, { maxLength: 400 }), (stacks) => {
        const interner = new StackInterner();
        const leaves = stacks.map((frames) =>
          frames.reduce((node, frame) => interner.intern(node, frame), NO_STACK),
        );
        expect(leaves.map((leaf) => framesOf(interner, leaf))).toEqual(stacks);
        const distinct = new Set(stacks.map((frames) => frames.join(';')));
        expect(new Set(leaves).size).toBe(distinct.size);
      }),
      { numRuns: 60 },
    );
  });
});

import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fuzz, inputOf } from '../../fuzz/fuzzer.ts';
import { fuzzTargets } from '../../fuzz/targets.ts';

/** A fraction of what scripts/fuzz.mjs does, with the same seeds each time. */
const RUNS = 4000;
const targets = fuzzTargets(resolve(import.meta.dirname, '../../fixtures/fuzz'));

describe('fuzz', () => {
  it.each(targets)(
    '$name keeps its promises on damaged inputs',
    (target) => {
      const seeds = target.seeds();
      const { failures, runs } = fuzz(target, seeds, { seed: 7, from: 0, to: RUNS });
      expect(failures).toEqual([]);
      expect(runs).toBe(RUNS);
    },
    60_000,
  );

  it.each(targets)('$name has seeds that its parser accepts, and damages each', (target) => {
    const seeds = target.seeds();
    expect(seeds.length).toBeGreaterThan(0);
    for (const seed of seeds) target.run(Buffer.from(seed.bytes));
    const inputs = Array.from({ length: 50 }, (_, run) => inputOf(target.name, seeds, 7, run));
    expect(new Set(inputs.map((input) => input.toString('latin1'))).size).toBeGreaterThan(40);
    expect(inputOf(target.name, seeds, 7, 3)).toEqual(inputs[3]);
  });

  it('reports what a parser throws and which input it was', () => {
    const [target] = targets;
    const broken = {
      ...target!,
      run: (bytes: Buffer) => {
        if (bytes.length % 2 === 1) throw new Error('odd');
      },
    };
    const { failures } = fuzz(broken, target!.seeds(), { seed: 7, from: 0, to: 400 });
    expect(failures.length).toBeGreaterThan(0);
    expect(failures[0]!.problem).toContain('odd');
    const again = inputOf(target!.name, target!.seeds(), 7, failures[0]!.run);
    expect(again.length % 2).toBe(1);
  });
});

import { describe, expect, it } from 'vitest';
import { BackOff } from '../../../main/helper/back-off.ts';

/** Levels after half-second readings of the given shares of one CPU. */
function levels(limit: number, shares: readonly number[]): number[] {
  const backOff = new BackOff(limit);
  let [runNs, atMs] = [0, 0];
  backOff.next({ runNs, atMs });
  return shares.map((share) => {
    runNs += share * 500e6;
    atMs += 500;
    return backOff.next({ runNs, atMs });
  });
}

describe('BackOff', () => {
  it('stays quiet below the limit, and without one', () => {
    expect(levels(0.05, [0.04, 0.049, 0.01])).toEqual([0, 0, 0]);
    expect(levels(0, [3, 3, 3])).toEqual([0, 0, 0]);
  });

  it('halves the calls as often as it takes at once', () => {
    expect(levels(0.05, [0.06])).toEqual([1]);
    expect(levels(0.05, [0.8])).toEqual([4]);
    expect(levels(0.05, [1000])).toEqual([10]);
  });

  it('gives back a level at a time once half the cost more would be within the limit', () => {
    expect(levels(0.05, [0.3, 0.04, 0.019, 0.019, 0.001, 0.001])).toEqual([3, 3, 2, 1, 0, 0]);
  });
});

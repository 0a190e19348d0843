import { describe, expect, it } from 'vitest';
import { IntervalAllocator } from '../../../../main/helper/unwind/interval-allocator.ts';
import { randomFrom } from '../../../support/random.ts';

describe('IntervalAllocator', () => {
  it('hands out the first range that is long enough', () => {
    const allocator = new IntervalAllocator(10);
    expect([allocator.allocate(3), allocator.allocate(4), allocator.allocate(3)]).toEqual([
      0, 3, 7,
    ]);
    allocator.release(0, 3);
    allocator.release(7, 3);
    expect(allocator.allocate(4)).toBe(-1);
    expect(allocator.allocate(2)).toBe(0);
    expect(allocator.allocate(3)).toBe(7);
    expect(allocator.free).toBe(1);
  });

  it('joins what comes back with its neighbours, in whatever order', () => {
    for (const order of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ]) {
      const allocator = new IntervalAllocator(9);
      for (let index = 0; index < 3; index++) allocator.allocate(3);
      for (const index of order) allocator.release(index * 3, 3);
      expect(allocator.allocate(9)).toBe(0);
    }
  });

  it('has nothing of no length', () => {
    expect(new IntervalAllocator(4).allocate(0)).toBe(-1);
    expect(new IntervalAllocator(0).allocate(1)).toBe(-1);
  });

  it('refuses a range that is free already', () => {
    const allocator = new IntervalAllocator(8);
    allocator.allocate(4);
    expect(() => allocator.release(4, 2)).toThrow(/released twice/);
    expect(() => allocator.release(3, 2)).toThrow(/released twice/);
    allocator.release(0, 4);
    expect(() => allocator.release(0, 4)).toThrow(/released twice/);
  });

  it('never hands out what is taken, nor loses what comes back', () => {
    const random = randomFrom(11);
    const allocator = new IntervalAllocator(1000);
    const owner = new Int32Array(1000).fill(-1);
    const taken: [start: number, length: number][] = [];
    for (let round = 0; round < 5000; round++) {
      if (random() < 0.55) {
        const length = 1 + Math.floor(random() * 40);
        const start = allocator.allocate(length);
        if (start < 0) continue;
        expect(owner.subarray(start, start + length).every((value) => value < 0)).toBe(true);
        owner.fill(round, start, start + length);
        taken.push([start, length]);
      } else if (taken.length > 0) {
        const [range] = taken.splice(Math.floor(random() * taken.length), 1);
        allocator.release(range![0], range![1]);
        owner.fill(-1, range![0], range![0] + range![1]);
      }
      expect(allocator.free).toBe(owner.filter((value) => value < 0).length);
    }
  });
});

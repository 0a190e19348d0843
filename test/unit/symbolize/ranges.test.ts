import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findRange, flattenRanges, sortedOrder } from '../../../main/symbolize/ranges.ts';

const items = fc.array(fc.tuple(fc.nat(60), fc.nat(20)), { maxLength: 25 });

describe('flattenRanges', () => {
  it('gives every point to the latest item that covers it, as trying all of them does', () => {
    fc.assert(
      fc.property(items, (list) => {
        const start = Float64Array.from(list, ([from]) => from);
        const end = Float64Array.from(list, ([from, size]) => from + size);
        const priority = Float64Array.from(list, (_, index) => index);
        const ranges = flattenRanges({ order: sortedOrder(start), start, end, priority });
        for (let point = 0; point <= 80; point++) {
          const expected = list.findLastIndex(
            ([from, size]) => from <= point && point < from + size,
          );
          const found = findRange(ranges, point);
          expect(found < 0 ? -1 : ranges.item[found]).toBe(expected);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('leaves disjoint ranges in ascending order', () => {
    fc.assert(
      fc.property(items, (list) => {
        const start = Float64Array.from(list, ([from]) => from);
        const end = Float64Array.from(list, ([from, size]) => from + size);
        const priority = Float64Array.from(list, (_, index) => -index);
        const ranges = flattenRanges({ order: sortedOrder(start), start, end, priority });
        for (let range = 0; range < ranges.length; range++) {
          expect(ranges.start[range]).toBeLessThan(ranges.end[range]!);
          if (range > 0) expect(ranges.start[range]).toBeGreaterThanOrEqual(ranges.end[range - 1]!);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('sortedOrder', () => {
  it('sorts whole numbers up to 2^53 and keeps the order of equal ones', () => {
    const key = fc.oneof(fc.nat(5), fc.maxSafeNat());
    fc.assert(
      fc.property(fc.array(key, { maxLength: 60 }), (list) => {
        const expected = list.map((_, row) => row).sort((a, b) => list[a]! - list[b]! || a - b);
        expect([...sortedOrder(Float64Array.from(list))]).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packColumn, unpackColumn } from '../../main/store/chunk-codec.ts';

describe('packColumn', () => {
  it('is reversed by unpackColumn for any whole numbers', () => {
    const anyBase = fc.integer({ min: -1, max: 1000 });
    const anyLimit = fc.constantFrom(255, 256, 65_536, 2 ** 24, 2 ** 32, 2 ** 40, 2 ** 52);
    const anyColumn = anyLimit.chain((max) =>
      fc.array(
        fc.maxSafeNat().map((n) => n % (max + 1)),
        { minLength: 1, maxLength: 50 },
      ),
    );
    fc.assert(
      fc.property(anyColumn, anyBase, (numbers, base) => {
        const column = Float64Array.from(numbers, (n) => n + base);
        const bytes = packColumn(column, { from: 0, to: column.length, base });
        const into = new Float64Array(column.length + 2);
        unpackColumn(bytes, { into, at: 1, count: column.length, base });
        expect([...into]).toEqual([0, ...column, 0]);
      }),
    );
  });

  it.each([
    [255, 1],
    [256, 2],
    [65_536, 3],
    [2 ** 24, 4],
    [2 ** 32, 5],
    [Number.MAX_SAFE_INTEGER, 7],
  ])('stores %d in %d bytes', (value, width) => {
    const column = Float64Array.of(0, value);
    expect(packColumn(column, { from: 0, to: 2, base: 0 }).length).toBe(2 * width);
  });

  it.each([-1, 0.5, NaN, 2 ** 53])('throws on %d', (value) => {
    const pack = () => packColumn(Float64Array.of(value), { from: 0, to: 1, base: 0 });
    expect(pack).toThrow(/^Bug: /);
  });
});

describe('unpackColumn', () => {
  it.each([0, 5, 24])('calls %d bytes for three samples damaged', (bytes) => {
    const target = { into: new Float64Array(3), at: 0, count: 3, base: 0 };
    expect(() => unpackColumn(new Uint8Array(bytes), target)).toThrow(/sample column/);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { placeMarkers } from '../../../renderer/charts/marker-labels.ts';

const WIDTH = 800;
const markers = fc
  .array(
    fc.record({ x: fc.integer({ min: 0, max: WIDTH }), width: fc.integer({ min: 20, max: 140 }) }),
    { maxLength: 6 },
  )
  .map((list) => list.sort((a, b) => a.x - b.x));

describe('placeMarkers', () => {
  it('never puts a label over another label', () => {
    fc.assert(
      fc.property(markers, (list) => {
        const places = placeMarkers(list, WIDTH);
        for (let a = 0; a < list.length; a++) {
          for (let b = a + 1; b < list.length; b++) {
            if (places[a]!.row !== places[b]!.row) continue;
            const apart =
              places[a]!.left + list[a]!.width <= places[b]!.left ||
              places[b]!.left + list[b]!.width <= places[a]!.left;
            expect(apart).toBe(true);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('never puts a label over the line of another, which begins at the row of its label', () => {
    fc.assert(
      fc.property(markers, (list) => {
        const places = placeMarkers(list, WIDTH);
        list.forEach((line, at) => {
          list.forEach((label, other) => {
            if (at === other || line.x === label.x) return;
            const { left, row } = places[other]!;
            const crossed = line.x > left && line.x < left + label.width && row <= places[at]!.row;
            // A label wider than the room left of its line is pushed in: nothing can be done for it.
            if (left + label.width > label.x + label.width) return;
            if (left === 0 && label.x < label.width) return;
            expect(crossed).toBe(false);
          });
        });
      }),
      { numRuns: 2000 },
    );
  });

  it('stays within the plot', () => {
    fc.assert(
      fc.property(markers, (list) => {
        placeMarkers(list, WIDTH).forEach(({ left, row }, at) => {
          expect(left).toBeGreaterThanOrEqual(0);
          expect(left + list[at]!.width).toBeLessThanOrEqual(WIDTH);
          expect(row).toBeLessThan(list.length);
        });
      }),
    );
  });

  it('uses one row where there is room', () => {
    const list = [100, 300, 500].map((x) => ({ x, width: 90 }));
    expect(placeMarkers(list, WIDTH)).toEqual([
      { left: 100, row: 0 },
      { left: 300, row: 0 },
      { left: 500, row: 0 },
    ]);
  });

  it('turns labels to the left at the right edge', () => {
    expect(placeMarkers([{ x: 790, width: 90 }], WIDTH)).toEqual([{ left: 700, row: 0 }]);
  });
});

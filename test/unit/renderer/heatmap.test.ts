import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf } from '#shared/model/latency-buckets.ts';
import { ALL_LATENCIES } from '#shared/model/latency-histogram.ts';
import {
  type HeatBrush,
  heatKey,
  heaviestCells,
  NO_HEAT_BRUSH,
} from '../../../renderer/charts/heatmap-brush.ts';
import {
  heatColor,
  heatColors,
  heatPosition,
  heatRange,
  legendTicks,
} from '../../../renderer/charts/heatmap-color.ts';
import {
  boxesOfSelection,
  cellAt,
  columnsOf as columnsIn,
  rowsOf,
  selectionOfCells,
  sumOf,
} from '../../../renderer/charts/heatmap-geometry.ts';
import { type HeatData, layoutHeatmap } from '../../../renderer/charts/heatmap-layout.ts';
import { bimodalDurations, columnsOf } from '../../support/latencies.ts';

const SIZE = { width: 900, height: 400 };
const measure = (text: string) => text.length * 6;
const latency = (durations: readonly number[]): HeatData => ({
  ...{ kind: 'latency', columns: columnsOf(durations), filter: ALL_LATENCIES, sliceNs: 1e9 },
  ...{ time: { from: 0, to: 10e9 }, axis: 'log', noun: 'call' },
});
const subSecond = (times: readonly number[]): HeatData => ({
  kind: 'sub-second',
  samples: {
    length: times.length,
    time: Float64Array.from(times),
    weight: new Float64Array(times.length).fill(1),
  },
  view: { from: 0, to: 10e9, columnNs: 1e9, rows: 10 },
  noun: 'sample',
  unit: 'samples',
});
const layoutOf = (data: HeatData) => layoutHeatmap(data, SIZE, measure);
const bimodal = layoutOf(latency(bimodalDurations(10_000)));
const seconds = layoutOf(subSecond(Array.from({ length: 100 }, (_, at) => at * 1e8 + 5e7)));

describe('layoutHeatmap', () => {
  it('shows all calls', () => {
    expect(bimodal.grid.inside).toBe(10_000);
    expect(columnsIn(bimodal.grid)).toBe(10);
    expect(rowsOf(bimodal.grid)).toBeLessThanOrEqual(bimodal.plot.height / 5 + 1);
  });

  it('runs latencies upward and parts of a second downward', () => {
    expect(bimodal.rowTop[0]).toBeGreaterThan(bimodal.rowTop.at(-1)!);
    expect(seconds.rowTop[0]).toBe(0);
    expect(seconds.rowTop.at(-1)).toBe(seconds.plot.height);
  });

  it('colours evenly spread calls alike on both sides of a power of two', () => {
    const even = Array.from({ length: 40_000 }, (_, at) => Math.floor(1e6 * 1.00004 ** at));
    const narrow: HeatData = { ...latency(even), time: { from: 0, to: 1e9 } } as HeatData;
    const layout = layoutOf({ ...narrow, columns: columnsOf(even, 1) } as HeatData);
    const values = Array.from(layout.rowWeight, (weight, row) => {
      return sumOf(layout.grid, { column: 0, row }) * weight;
    }).filter((value) => value > 0);
    const inner = values.slice(1, -1);
    expect(Math.max(...inner) / Math.min(...inner)).toBeLessThan(1.05);
  });

  it('has no marks where there is nothing', () => {
    for (const data of [latency([]), subSecond([])]) {
      const { xTicks, yTicks, grid } = layoutOf(data);
      expect([xTicks, yTicks, grid.inside]).toEqual([[], [], 0]);
    }
  });
});

describe('cellAt', () => {
  it.each([
    ['latency', bimodal],
    ['sub-second', seconds],
  ])('finds the cell under the middle of every cell: %s', (_, layout) => {
    const { columnLeft, rowTop, grid } = layout;
    for (let column = 0; column < columnsIn(grid); column++) {
      for (let row = 0; row < rowsOf(grid); row++) {
        const x = (columnLeft[column]! + columnLeft[column + 1]!) / 2;
        const y = (rowTop[row]! + rowTop[row + 1]!) / 2;
        if (rowTop[row] === rowTop[row + 1]) continue;
        expect(cellAt(layout, { x, y }, false)).toEqual({ column, row });
      }
    }
  });

  it('takes the nearest cell outside of the plot only if asked to', () => {
    const outside = { x: -5, y: 1e6 };
    expect(cellAt(seconds, outside, false)).toBe(null);
    expect(cellAt(seconds, outside, true)).toEqual({ column: 0, row: 9 });
    expect(cellAt(bimodal, outside, true)).toEqual({ column: 0, row: 0 });
  });
});

describe('selectionOfCells', () => {
  it('is the rectangle between two corners of a latency heatmap', () => {
    const selection = selectionOfCells(bimodal, { column: 4, row: 2 }, { column: 1, row: 5 });
    expect(selection.time).toEqual({ from: 1e9, to: 5e9 });
    expect(selection.latency).toEqual({
      first: bimodal.grid.rowEdges[2],
      end: bimodal.grid.rowEdges[6],
    });
    const [box] = boxesOfSelection(bimodal, selection);
    expect(box!.left).toBeCloseTo(bimodal.columnLeft[1]!, 6);
    expect(box!.top).toBeCloseTo(bimodal.rowTop[6]!, 6);
    expect(box!.top + box!.height).toBeCloseTo(bimodal.rowTop[2]!, 6);
  });

  it('is the time from the earlier to the later cell of a sub-second heatmap', () => {
    const selection = selectionOfCells(seconds, { column: 4, row: 2 }, { column: 2, row: 8 });
    expect(selection).toEqual({ time: { from: 2.8e9, to: 4.3e9 }, latency: null });
    const boxes = boxesOfSelection(seconds, selection);
    expect(boxes.length).toBe(3);
    const area = boxes.reduce((sum, { width, height }) => sum + width * height, 0);
    expect(area / (seconds.plot.width * seconds.plot.height)).toBeCloseTo(0.15, 9);
  });
});

describe('heatKey', () => {
  const press = (brush: HeatBrush, layout: typeof seconds, ...keys: string[]): HeatBrush =>
    keys.reduce((now, key) => {
      const shift = key.startsWith('Shift+');
      return heatKey(now, layout, shift ? key.slice(6) : key, shift)?.brush ?? now;
    }, brush);

  it('begins at the heaviest cell and moves in the direction of the arrow', () => {
    const [heaviest] = heaviestCells(bimodal.grid, 1);
    expect(press(NO_HEAT_BRUSH, bimodal, 'ArrowUp').cursor).toEqual(heaviest);
    expect(press(NO_HEAT_BRUSH, bimodal, 'ArrowUp', 'ArrowUp').cursor!.row).toBe(heaviest!.row + 1);
    const down = press(NO_HEAT_BRUSH, seconds, 'ArrowDown', 'ArrowDown').cursor;
    expect(down).toEqual({ column: 0, row: 1 });
  });

  it('extends with Shift, applies with Enter, clears with Escape', () => {
    const keys = ['Home', 'Home', 'Shift+ArrowRight', 'Shift+ArrowRight', 'Enter'];
    const applied = press(NO_HEAT_BRUSH, seconds, ...keys);
    expect(applied.applied!.time).toEqual({ from: 0, to: 2.1e9 });
    expect(press(applied, seconds, 'End', 'Escape').applied).not.toBe(null);
    expect(press(applied, seconds, 'Escape')).toEqual(NO_HEAT_BRUSH);
    expect(heatKey(NO_HEAT_BRUSH, seconds, 'Escape', false)).toBe(null);
    expect(heatKey(NO_HEAT_BRUSH, seconds, 'x', false)).toBe(null);
  });

  it('stays in the grid whatever is pressed', () => {
    const key = fc.constantFrom('ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'PageUp', 'End');
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 60 }), (keys) => {
        const { cursor } = press(NO_HEAT_BRUSH, bimodal, ...keys);
        expect(sumOf(bimodal.grid, cursor!)).toBeGreaterThanOrEqual(0);
        expect(cursor!.column).toBeLessThan(columnsIn(bimodal.grid));
        expect(cursor!.row).toBeLessThan(rowsOf(bimodal.grid));
      }),
    );
  });

  it('does nothing in an empty grid', () => {
    const empty = layoutOf(latency([]));
    expect(heatKey(NO_HEAT_BRUSH, empty, 'ArrowUp', false)!.brush).toEqual(NO_HEAT_BRUSH);
  });
});

/** Lightness of a colour such as "rgb(1, 2, 3)" or "#010203", roughly as eyes see it. */
function lightness(color: string): number {
  const hex = /^#(..)(..)(..)$/.exec(color);
  const [red = 0, green = 0, blue = 0] =
    hex === null
      ? (color.match(/\d+/g) ?? []).map(Number)
      : hex.slice(1).map((part) => Number.parseInt(part, 16));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe('heatColors', () => {
  it('grows steadily away from the background in lightness, so that it reads in grey', () => {
    const dark = heatColors(true).steps.map(lightness);
    const light = heatColors(false).steps.map(lightness);
    for (let step = 8; step < dark.length; step += 8) {
      expect(dark[step]!).toBeGreaterThan(dark[step - 8]!);
      expect(light[step]!).toBeLessThan(light[step - 8]!);
    }
  });
});

describe('heatRange', () => {
  it('spans a decade at least where counts reach so far down', () => {
    expect(heatRange({ smallest: 38, largest: 40 })).toEqual({ smallest: 4, largest: 40 });
    expect(heatRange({ smallest: 1, largest: 3 })).toEqual({ smallest: 1, largest: 3 });
    expect(heatRange({ smallest: 0.2, largest: 0.4 }).smallest).toBe(0.2);
    expect(heatRange({ smallest: 7, largest: 7 })).toEqual({ smallest: 7, largest: 7 });
  });

  it('gives every sum a colour', () => {
    const colors = heatColors(true);
    const sum = fc.integer({ min: 1, max: 1e9 });
    fc.assert(
      fc.property(sum, sum, sum, (a, b, c) => {
        const [smallest, middle, largest] = [a, b, c].sort((one, other) => one - other);
        const range = heatRange({ smallest: smallest!, largest: largest! });
        expect(colors.steps).toContain(heatColor(colors, middle!, range));
        expect(heatPosition(largest!, range)).toBeGreaterThanOrEqual(heatPosition(middle!, range));
      }),
    );
  });
});

describe('legendTicks', () => {
  it('has both ends and powers of ten between', () => {
    const texts = legendTicks({ smallest: 1, largest: 5000 }).map(({ text }) =>
      text.replaceAll(/\s/g, ''),
    );
    expect(texts).toEqual(['1', '10', '100', '5000']);
    expect(legendTicks({ smallest: 0, largest: 0 })).toEqual([]);
    expect(legendTicks({ smallest: 9, largest: 9 }).map(({ text }) => text)).toEqual(['9']);
  });

  it('counts in whole calls, and tells the same count once', () => {
    const texts = (smallest: number, largest: number) =>
      legendTicks({ smallest, largest }).map(({ text }) => text);
    expect(texts(0.9, 8.3)).toEqual(['1', '8']);
    expect(texts(0.6, 2.2)).toEqual(['1', '2']);
    expect(texts(0.024, 9)).toEqual(['0.024', '0.1', '1', '9']);
  });
});

describe('the bucket of a call', () => {
  it('lies in the row whose place on the axis is drawn', () => {
    const layout = layoutOf(latency([5e5, 2e7]));
    const row = layout.grid.rowEdges.findIndex((edge) => edge > bucketOf(2e7)) - 1;
    expect(sumOf(layout.grid, { column: 0, row })).toBe(1);
  });
});

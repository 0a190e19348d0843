import { scaleLog } from 'd3';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AxisKind, axisPosition } from '#shared/model/latency-bins.ts';
import { countScale, latencyTicks, roundDown } from '../../../renderer/charts/latency-axis.ts';

describe('latencyTicks', () => {
  it('stands at round durations with a text each on a linear axis', () => {
    const ticks = latencyTicks({ kind: 'linear', from: 0, to: 10e6 }, 600, 100);
    expect(ticks.map(({ text }) => text)).toEqual(['0', '2 ms', '4 ms', '6 ms', '8 ms', '10 ms']);
    expect(ticks.map(({ position }) => position)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  });

  it('says powers of ten on a logarithmic axis, and 2 and 5 where there is room', () => {
    const said = (pixels: number): string[] =>
      latencyTicks({ kind: 'log', from: 1e3, to: 1e6 }, pixels, 90)
        .map(({ text }) => text)
        .filter((text) => text !== '');
    expect(said(500)).toEqual(['1 µs', '10 µs', '100 µs', '1 ms']);
    expect(said(100)).toEqual(['1 µs', '1 ms']);
    expect(said(900).slice(0, 5)).toEqual(['1 µs', '2 µs', '5 µs', '10 µs', '20 µs']);
  });

  it('uses equal differences where the range is narrow', () => {
    const ticks = latencyTicks({ kind: 'log', from: 12e6, to: 14e6 }, 500, 120);
    expect(ticks.map(({ text }) => text)).toEqual([
      '12 ms',
      '12.5 ms',
      '13 ms',
      '13.5 ms',
      '14 ms',
    ]);
  });

  it('never lets texts of the same size come closer than half the spacing', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<AxisKind>('linear', 'log'),
        fc.integer({ min: 0, max: 9 }),
        fc.integer({ min: 1, max: 11 }),
        fc.integer({ min: 200, max: 2500 }),
        (kind, power, decades, pixels) => {
          const from = kind === 'linear' ? 0 : 10 ** power;
          const ticks = latencyTicks({ kind, from, to: 10 ** (power + decades) }, pixels, 90);
          const places = ticks.filter(({ text }) => text !== '').map(({ position }) => position);
          expect(places.length).toBeGreaterThanOrEqual(1);
          for (let at = 1; at < places.length; at++) {
            expect((places[at]! - places[at - 1]!) * pixels).toBeGreaterThan(45);
          }
        },
      ),
    );
  });
});

describe('axisPosition', () => {
  it('places durations as the logarithmic scale of d3 does', () => {
    const scale = scaleLog([250, 3e8], [0, 1]);
    for (const ns of [250, 1e3, 7.7e5, 3e8]) {
      expect(axisPosition({ kind: 'log', from: 250, to: 3e8 }, ns)).toBeCloseTo(scale(ns), 12);
    }
  });
});

describe('countScale', () => {
  it('reaches from nothing to a round count above the largest', () => {
    const { heightOf, ticks } = countScale('linear', { least: 1, most: 930 }, 300);
    expect([heightOf(0), heightOf(1000)]).toEqual([0, 1]);
    expect(ticks.at(-1)!.text.replaceAll(/\D/g, '')).toBe('1000');
  });

  it('shows single calls beside millions on a logarithmic axis', () => {
    const { heightOf, ticks } = countScale('log', { least: 1, most: 2e6 }, 300);
    expect(heightOf(0)).toBe(0);
    expect(heightOf(1)).toBeGreaterThan(0.05);
    expect(heightOf(2e6)).toBeLessThanOrEqual(1);
    expect(ticks.length).toBeLessThanOrEqual(10);
  });

  it('survives that there is nothing', () => {
    expect(countScale('log', { least: Infinity, most: 0 }, 300).heightOf(0)).toBe(0);
  });
});

describe('roundDown', () => {
  it('goes down to 1, 2 or 5 times a power of ten', () => {
    expect([1, 1.9, 2, 4.9, 5, 9.9, 0.016].map(roundDown)).toEqual([1, 1, 2, 2, 5, 5, 0.01]);
  });
});

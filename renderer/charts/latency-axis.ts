import { scaleLinear, scaleLog } from 'd3';
import {
  type AxisKind,
  axisPosition,
  type LatencyAxis,
  LOG_AXIS_LEAST,
} from '#shared/model/latency-bins.ts';
import { formatCount } from '#shared/text/format-value.ts';
import { linearTickTexts, logTickText } from '#shared/text/latency-text.ts';

/** A mark of an axis. */
export interface AxisTick {
  /** 0 to 1 of the axis' length. */
  readonly position: number;
  /** Empty: a mark without text between those with one. */
  readonly text: string;
}

/** Narrower ranges on a logarithmic axis get marks at equal differences. */
const NARROW = 6;
/** Pixels per decade that leave room for texts at 1, 2 and 5 of each. */
const ROOMY_DECADE = 200;

/** Round durations on a latency axis, texts about `spacing` pixels apart or more. */
export function latencyTicks(axis: LatencyAxis, pixels: number, spacing: number): AxisTick[] {
  const count = Math.max(2, Math.floor(pixels / spacing));
  if (axis.kind === 'linear' || axis.to / axis.from < NARROW) {
    const ticks = scaleLinear([axis.from, axis.to], [0, 1]).ticks(count);
    const texts = linearTickTexts(ticks);
    return ticks.map((ns, at) => ({ position: axisPosition(axis, ns), text: texts[at]! }));
  }
  const decade = pixels / Math.log10(axis.to / axis.from);
  const every = Math.max(1, Math.ceil(spacing / decade));
  // Asked for more than about twice the marks there are, d3 gives equal differences instead.
  const asked = Math.ceil(Math.log10(axis.to / axis.from)) + 2;
  return scaleLog([Math.max(axis.from, LOG_AXIS_LEAST), axis.to], [0, 1])
    .ticks(asked)
    .map((ns) => {
      const power = Math.floor(Math.log10(ns) + 1e-9);
      const digit = Math.round(ns / 10 ** power);
      const said =
        decade >= ROOMY_DECADE
          ? digit === 1 || digit === 2 || digit === 5
          : digit === 1 && power % every === 0;
      return { position: axisPosition(axis, ns), text: said ? logTickText(ns) : '' };
    })
    .filter(({ position, text }) => text !== '' || (position >= 0 && decade > 40));
}

/** Maps a number of calls to a height, 0 to 1. */
export interface CountScale {
  readonly heightOf: (count: number) => number;
  readonly ticks: readonly AxisTick[];
}

/**
 * An axis of counts from 0, or on a logarithmic one from below the smallest, to a round figure at or
 * above the largest. Texts at least `spacing` pixels apart.
 */
export function countScale(
  kind: AxisKind,
  extremes: { readonly least: number; readonly most: number },
  pixels: number,
): CountScale {
  const spacing = 32;
  const count = Math.max(1, Math.floor(pixels / spacing));
  if (kind === 'linear' || extremes.most <= 0) {
    const scale = scaleLinear([0, Math.max(extremes.most, 1e-9)], [0, 1]).nice(Math.min(count, 5));
    const ticks = scale.ticks(Math.min(count, 5));
    return {
      heightOf: (value) => scale(value),
      ticks: ticks.map((value) => ({ position: scale(value), text: countText(value) })),
    };
  }
  const bottom = 10 ** Math.floor(Math.log10(extremes.least) - 0.3);
  const scale = scaleLog([bottom, Math.max(extremes.most, bottom * 10)], [0, 1]).nice();
  const [low = 1, high = 10] = scale.domain();
  const decades = Math.round(Math.log10(high / low));
  const every = Math.max(1, Math.ceil((decades * spacing) / pixels));
  const ticks = Array.from({ length: Math.floor(decades / every) + 1 }, (_, at) => {
    const value = low * 10 ** (at * every);
    return { position: scale(value), text: countText(value) };
  });
  return { heightOf: (value) => (value > 0 ? Math.max(0, scale(value)) : 0), ticks };
}

/** Counts per step of the axis are often below one. */
const countText = (value: number): string =>
  value === 0 || value >= 10 || Number.isInteger(value)
    ? formatCount(value)
    : String(Number(value.toPrecision(2)));

/** The largest of 1, 2 and 5 times a power of ten that is at most `value`, which is above 0. */
export function roundDown(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [5, 2]) if (power * step <= value * (1 + 1e-9)) return power * step;
  return power;
}

import { interpolateInferno } from 'd3';
import { formatCount } from '#shared/text/format-value.ts';
import type { AxisTick } from './latency-axis.ts';
import type { Palette } from './palette.ts';

/** Steps of the colour scale. */
const STEPS = 256;

/** Colours of a heatmap: from the background's side of the scale (few) to the far side (many). */
export interface HeatColors {
  /** CSS colours, few to many. */
  readonly steps: readonly string[];
}

/**
 * Inferno: of even perceived steps, and told apart with any common kind of colour vision and in grey.
 * Ends are cut off where they would be lost against the background; light themes run the other way.
 */
export function heatColors(dark: boolean): HeatColors {
  const [few, many] = dark ? [0.26, 0.98] : [0.8, 0.1];
  return {
    steps: Array.from({ length: STEPS }, (_, step) =>
      interpolateInferno(few + (many - few) * (step / (STEPS - 1))),
    ),
  };
}

/** Whether a palette is that of the dark theme: its background is darker than its text. */
export const isDark = (palette: Palette): boolean =>
  luminanceOf(palette.background) < luminanceOf(palette.text);

/** Rough lightness of a colour such as "#161412". */
const luminanceOf = (color: string): number =>
  [1, 3, 5].reduce((sum, at) => sum + Number.parseInt(color.slice(at, at + 2), 16), 0);

/** Sums that the colour scale spans. */
export interface HeatRange {
  readonly smallest: number;
  readonly largest: number;
}

/**
 * What the scale spans: from the smallest sum to the largest, but a decade at least where counts reach
 * so far down, or the noise of nearly equal sums would be drawn in all colours.
 */
export const heatRange = ({ smallest, largest }: HeatRange): HeatRange => ({
  smallest:
    smallest === largest
      ? smallest
      : Math.max(Math.min(1, smallest), Math.min(smallest, largest / 10)),
  largest,
});

/**
 * Place of a sum on the colour scale, 0 to 1, by its logarithm: heatmaps hold cells of one call and of
 * a hundred thousand. One and the same sum everywhere is in the upper part of the scale.
 */
export function heatPosition(sum: number, { smallest, largest }: HeatRange): number {
  if (!(largest > smallest)) return 0.7;
  return Math.min(1, Math.max(0, Math.log(sum / smallest) / Math.log(largest / smallest)));
}

/** The colour of a sum above 0; `range` as heatRange gives it. */
export const heatColor = (colors: HeatColors, sum: number, range: HeatRange): string =>
  colors.steps[Math.round(heatPosition(sum, range) * (STEPS - 1))]!;

/** Round sums along the legend: both ends, and powers of ten where they have room. */
export function legendTicks(range: HeatRange): AxisTick[] {
  const { smallest, largest } = range;
  if (!(largest > 0)) return [];
  if (largest === smallest) return [{ position: 0.7, text: sumText(largest) }];
  const at = (sum: number): AxisTick => ({
    position: heatPosition(sum, range),
    text: sumText(sum),
  });
  const powers: AxisTick[] = [];
  let free = 0.15;
  for (let sum = 10 ** Math.ceil(Math.log10(smallest)); sum < largest; sum *= 10) {
    const tick = at(sum);
    if (tick.position <= free || tick.position >= 0.72 || tick.text === sumText(smallest)) continue;
    powers.push(tick);
    free = tick.position + 0.15;
  }
  return [at(smallest), ...powers, at(largest)];
}

/**
 * Sums of rows of unequal height are made comparable, so that one call may count 0.9. A reader counts calls: fractions are
 * told only where nothing else is left.
 */
const sumText = (sum: number): string =>
  sum >= 0.5 ? formatCount(Math.round(sum)) : String(Number(sum.toPrecision(2)));

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
  const [few, many] = dark ? [0.26, 0.98] : [0.8, 0.06];
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

/**
 * Place of a sum on the colour scale, 0 to 1, by its logarithm: heatmaps hold cells of one call and of
 * a hundred thousand. One and the same sum everywhere is in the upper part of the scale.
 */
export function heatPosition(sum: number, smallest: number, largest: number): number {
  if (!(largest > smallest)) return 0.7;
  return Math.min(1, Math.max(0, Math.log(sum / smallest) / Math.log(largest / smallest)));
}

/** The colour of a sum above 0. */
export function heatColor(
  colors: HeatColors,
  sum: number,
  range: { readonly smallest: number; readonly largest: number },
): string {
  const position = heatPosition(sum, range.smallest, range.largest);
  return colors.steps[Math.round(position * (STEPS - 1))]!;
}

/** Round sums along the legend: powers of ten, with the ends where there are none. */
export function legendTicks(smallest: number, largest: number): AxisTick[] {
  if (!(largest > 0)) return [];
  if (largest === smallest) return [{ position: 0.5, text: formatCount(largest) }];
  const ends = [smallest, largest].map((sum) => ({
    position: heatPosition(sum, smallest, largest),
    text: sumText(sum),
  }));
  const powers: AxisTick[] = [];
  for (let sum = 10 ** Math.ceil(Math.log10(smallest)); sum < largest; sum *= 10) {
    const position = heatPosition(sum, smallest, largest);
    if (position > 0.15 && position < 0.85) powers.push({ position, text: sumText(sum) });
  }
  return [ends[0]!, ...powers, ends[1]!];
}

/** A sum of weights may be a fraction. */
const sumText = (sum: number): string =>
  sum >= 10 || Number.isInteger(sum) ? formatCount(sum) : String(Number(sum.toPrecision(2)));

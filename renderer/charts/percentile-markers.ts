import { axisPosition, type LatencyAxis } from '#shared/model/latency-bins.ts';
import type { LatencyPercentile, LatencyStats } from '#shared/model/latency-stats.ts';
import { percentileName, percentileText } from '#shared/text/latency-text.ts';
import { placeMarkers } from './marker-labels.ts';

/** A rectangle, CSS pixels. */
export interface PlotBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A percentile's line and label, CSS pixels from the canvas' left and top. */
export interface PlacedMarker {
  readonly x: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly name: string;
  readonly value: string;
}

/** Width of a text in the font of the axes, CSS pixels. */
export type Measure = (text: string) => number;

const MARKER_PADDING = 10;
/** Labels may reach so far beyond the plot's right edge: into its margin. */
const OVERHANG = 20;

/** A marker in a row of labels above the plot; 0 is the lowest. */
export type Unplaced = Omit<PlacedMarker, 'top'> & { readonly row: number };

/** Percentiles on the axis; those of the same bucket share a line and a label. */
export function markersOf(
  stats: LatencyStats,
  axis: LatencyAxis,
  across: Pick<PlotBox, 'left' | 'width'>,
  measure: Measure,
): Unplaced[] {
  const groups: { names: string[]; percentile: LatencyPercentile }[] = [];
  for (const percentile of stats.percentiles) {
    const last = groups.at(-1);
    const position = axisPosition(axis, percentile.value);
    if (position < 0 || position > 1) continue;
    if (last?.percentile.bucket === percentile.bucket) {
      last.names.push(percentileName(percentile.share));
    } else groups.push({ names: [percentileName(percentile.share)], percentile });
  }
  const texts = groups.map(({ names, percentile }) => {
    const name = names.join(' ');
    const value = percentileText(percentile);
    const x = Math.round(across.left + axisPosition(axis, percentile.value) * across.width);
    return { x, name, value, width: measure(`${name} ${value}`) + MARKER_PADDING };
  });
  const places = placeMarkers(texts, across.left + across.width + OVERHANG);
  return texts.map((text, at) => ({ ...text, ...places[at]! }));
}

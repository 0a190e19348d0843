import { WALL_CLOCK } from '../model/call-tree-selection.ts';
import type { SessionInfo } from '../model/session-info.ts';
import type { SourceTable, WeightUnit } from '../model/session-tables.ts';
import { WEIGHT_UNITS } from '../model/session-tables.ts';
import { formatCount, formatDuration, formatQuantity } from './format-value.ts';

/** The unit of a source's weights; of the wall clock ns, of a source that is not known samples. */
export function unitOf(sources: SourceTable, source: number): WeightUnit {
  if (source === WALL_CLOCK) return 'nanoseconds';
  return WEIGHT_UNITS.find((unit) => unit === sources.unit[source]) ?? 'samples';
}

/** A weight with its unit: "12 samples", "1.25 ms", "3 events". */
export function formatWeight(weight: number, unit: WeightUnit): string {
  switch (unit) {
    case 'samples':
      return formatQuantity(weight, 'sample');
    case 'nanoseconds':
      return formatDuration(weight);
    case 'events':
      return formatQuantity(weight, 'event');
  }
}

/** A weight below a heading of unitHeading(): "12", "1.25 ms". */
export const weightFigure = (weight: number, unit: WeightUnit): string =>
  unit === 'nanoseconds' ? formatDuration(weight) : formatCount(weight);

/** What a column of weights is called. */
export const unitHeading = (unit: WeightUnit): string => (unit === 'nanoseconds' ? 'time' : unit);

/** What one measured thing of a source is called, singular. `kind`: SourceKind. */
export function callNoun(kind: string): string {
  switch (kind) {
    case 'on-cpu':
      return 'sample';
    case 'off-cpu':
    case 'run-queue':
      return 'wait';
    case 'block-io':
      return 'request';
    case 'count':
    case 'trace':
      return 'event';
    default:
      return 'call';
  }
}

/** How many samples were recorded, whatever they weigh: in aggregate mode one row stands for many. */
export const recordedCount = ({ spec, totalWeight, sampleCount }: SessionInfo): number =>
  spec.sources[0]?.kind === 'on-cpu' ? Math.max(totalWeight, sampleCount) : sampleCount;

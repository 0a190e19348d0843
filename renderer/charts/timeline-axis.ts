import { scaleLinear } from 'd3';
import { formatDuration } from '#shared/text/format-value.ts';

/** A mark of the time axis. `at` in ns since session start. */
export interface TimeTick {
  readonly at: number;
  readonly text: string;
}

/** Round times between 0 and `duration` ns, about one per `spacing` pixels of `width`. */
export function timeTicks(duration: number, width: number, spacing = 110): TimeTick[] {
  if (duration <= 0) return [];
  const count = Math.max(2, Math.floor(width / spacing));
  return scaleLinear([0, duration], [0, width])
    .ticks(count)
    .map((at) => ({ at, text: formatDuration(at) }));
}

/** A round upper end of a value axis, at least `largest`. */
export const roundedTop = (largest: number): number =>
  scaleLinear([0, Math.max(largest, 1e-9)], [0, 1])
    .nice(2)
    .domain()[1] ?? largest;

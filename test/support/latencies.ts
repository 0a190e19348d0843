import {
  type LatencyColumns,
  type LatencyEvents,
  latenciesOfEvents,
} from '#shared/model/latency-histogram.ts';
import { randomFrom } from './random.ts';

/** Events of one key, `spacing` ns apart, with the durations given. */
export const eventsOf = (durations: readonly number[], spacing = 1e6): LatencyEvents => ({
  length: durations.length,
  time: Float64Array.from(durations, (_, at) => at * spacing),
  key: new Uint32Array(durations.length),
  durationNs: Float64Array.from(durations),
});

/** Histogram columns of durations, in slices of a second. */
export const columnsOf = (durations: readonly number[], spacing = 1e6): LatencyColumns =>
  latenciesOfEvents(eventsOf(durations, spacing), 1e9).columns;

/** About normal with the mean and deviation given: the sum of twelve uniform numbers. */
function aboutNormal(next: () => number, mean: number, deviation: number): number {
  let sum = -6;
  for (let k = 0; k < 12; k++) sum += next();
  return Math.max(1, Math.round(mean + sum * deviation));
}

/** Durations spread evenly over [from, to) ns. */
export function uniformDurations(count: number, from: number, to: number): number[] {
  const next = randomFrom(4);
  return Array.from({ length: count }, () => Math.floor(from + next() * (to - from)));
}

/** A fast mode around 200 µs and, for one call in ten, a slow one around 12 ms. */
export function bimodalDurations(count: number): number[] {
  const next = randomFrom(7);
  return Array.from({ length: count }, (_, at) =>
    at % 10 === 9 ? aboutNormal(next, 12e6, 0.9e6) : aboutNormal(next, 200e3, 30e3),
  );
}

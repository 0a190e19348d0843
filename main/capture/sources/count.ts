import type { CountedEvent } from '#shared/model/capture-spec.ts';
import { PERF_EVENTS } from '#shared/model/perf-events.ts';
import { err, ok } from '#shared/result.ts';
import { nearNames } from '#shared/text/near-names.ts';
import type { CaptureSource } from '../capture-source.ts';

const MAX_PERIOD = 1_000_000_000;

const eventText = (event: CountedEvent): string =>
  event.type === 'perf' ? event.name : `${event.category}:${event.name}`;

/** Where something happens: a stack for every so many occurrences of an event. */
export const count: CaptureSource<'count'> = {
  kind: 'count',
  title: 'Event count',
  unit: 'events',
  options: [],
  requiredFeatures: ['btf', 'ring-buffer', 'perf-events', 'capabilities'],
  overhead:
    'Some 5 us for each stack taken; a tracepoint costs 0.1 us for every occurrence besides. A larger period takes fewer.',
  titleOf: ({ event, period }) =>
    period === 1 ? eventText(event) : `${eventText(event)}, every ${period.toLocaleString('en')}`,
  validate({ event, period }) {
    if (!Number.isInteger(period) || period < 1 || period > MAX_PERIOD) {
      const allowed = `a whole number from 1 to ${MAX_PERIOD}`;
      return err({ kind: 'spec-invalid', field: 'period', value: String(period), allowed });
    }
    if (event.type === 'tracepoint' || PERF_EVENTS.has(event.name)) return ok(null);
    const similar = nearNames(event.name, PERF_EVENTS.keys());
    return err({ kind: 'probe-not-found', probe: event.name, similar });
  },
  toRequest({ event, period }) {
    if (event.type === 'tracepoint') return ok({ kind: 'count', event, period });
    const code = PERF_EVENTS.get(event.name);
    if (code === undefined) return err({ kind: 'probe-not-found', probe: event.name });
    return ok({ kind: 'count', event: { type: 'perf', ...code }, period });
  },
};

import { parseFilter } from '#shared/model/trace-filter.ts';
import { err, ok } from '#shared/result.ts';
import { probeText } from '#shared/text/probe-text.ts';
import { findUserFunction } from '../../symbolize/user-function.ts';
import type { CaptureSource } from '../capture-source.ts';

const MAX_PER_SECOND = 1_000_000;

/** Every event of a probe with its fields. */
export const trace: CaptureSource<'trace'> = {
  kind: 'trace',
  title: 'Trace',
  unit: 'events',
  options: [],
  requiredFeatures: ['btf', 'ring-buffer', 'capabilities'],
  overhead:
    'One program at each hit, before the filter too; some microseconds for each event that is recorded with stacks.',
  titleOf: ({ probe, filter }) => `${probeText(probe)}${filter === '' ? '' : ` if ${filter}`}`,
  validate({ filter, perSecond }) {
    const parsed = parseFilter(filter);
    if (!parsed.ok) return err({ kind: 'filter-invalid', expression: filter, ...parsed.error });
    if (Number.isInteger(perSecond) && perSecond >= 1 && perSecond <= MAX_PER_SECOND)
      return ok(null);
    const allowed = `1 to ${MAX_PER_SECOND} events per second`;
    return err({ kind: 'spec-invalid', field: 'perSecond', value: String(perSecond), allowed });
  },
  toRequest({ probe, filter, stacks, perSecond }) {
    const rest = { filter, stacks, perSecond };
    if (probe.type === 'user') {
      const offset = findUserFunction(probe.path, probe.symbol);
      if (!offset.ok) return offset;
      const { path } = probe;
      return ok({ kind: 'trace', probe: { type: 'user', path, offset: offset.value }, ...rest });
    }
    if (probe.type === 'usdt') {
      const reason = 'USDT probes cannot be traced yet; trace the function around it instead';
      return err({ kind: 'probe-unsupported', probe: probeText(probe), reason });
    }
    return ok({ kind: 'trace', probe, ...rest });
  },
};

import type { ProfilerError } from '#shared/errors.ts';
import type { TraceProbe } from '#shared/model/capture-spec.ts';
import { parseFilter } from '#shared/model/trace-filter.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { probeText } from '#shared/text/probe-text.ts';
import { findUsdtSites } from '../../symbolize/usdt-probe.ts';
import { findUserFunction } from '../../symbolize/user-function.ts';
import type { CaptureSource } from '../capture-source.ts';
import { MAX_SDT_ARGUMENTS, MAX_USDT_SITES, type SourceRequest } from '../wire/helper-protocol.ts';

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
  titleOf: ({ probe, filter, returns }) =>
    `${probeText(probe)}${returns ? ' returns' : ''}${filter === '' ? '' : ` if ${filter}`}`,
  validate({ probe, filter, returns, perSecond }) {
    if (returns && probe.type !== 'kernel' && probe.type !== 'user') {
      const allowed = 'a function: tracepoints and USDT probes do not return';
      return err({ kind: 'spec-invalid', field: 'returns', value: probeText(probe), allowed });
    }
    const parsed = parseFilter(filter);
    if (!parsed.ok) return err({ kind: 'filter-invalid', expression: filter, ...parsed.error });
    if (Number.isInteger(perSecond) && perSecond >= 1 && perSecond <= MAX_PER_SECOND)
      return ok(null);
    const allowed = `1 to ${MAX_PER_SECOND} events per second`;
    return err({ kind: 'spec-invalid', field: 'perSecond', value: String(perSecond), allowed });
  },
  toRequest({ probe, filter, stacks, returns, perSecond }) {
    const place = placeOf(probe, returns);
    return place.ok
      ? ok({ kind: 'trace', probe: place.value, filter, stacks, returns, perSecond })
      : place;
  },
};

type Place = Extract<SourceRequest, { kind: 'trace' }>['probe'];

function placeOf(probe: TraceProbe, returns: boolean): Result<Place, ProfilerError> {
  switch (probe.type) {
    case 'kernel':
    case 'tracepoint':
      return ok(probe);
    case 'user': {
      const { path, symbol } = probe;
      const offset = findUserFunction(path, symbol, returns ? 'return' : 'entry');
      return offset.ok ? ok({ type: 'user', path, offset: offset.value }) : offset;
    }
    case 'usdt':
      return sitesOf(probe);
  }
}

/** Where a USDT probe stands in its file, and its arguments there. */
function sitesOf(probe: Extract<TraceProbe, { type: 'usdt' }>): Result<Place, ProfilerError> {
  const found = findUsdtSites(probe);
  if (!found.ok) return found;
  const { length } = found.value;
  if (length > MAX_USDT_SITES) {
    const reason = `the file has it at ${length} places, at most ${MAX_USDT_SITES} can be traced`;
    return err({ kind: 'probe-unsupported', probe: probeText(probe), reason });
  }
  const sites = found.value.map((site) => ({
    ...site,
    arguments: site.arguments.slice(0, MAX_SDT_ARGUMENTS),
  }));
  return ok({ type: 'usdt', path: probe.path, sites });
}

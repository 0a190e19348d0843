import type { ProfilerError } from '#shared/errors.ts';
import { ok, type Result } from '#shared/result.ts';
import type { SourceRequest } from '../../capture/wire/helper-protocol.ts';
import { blockIo } from './block-io.ts';
import { count } from './count.ts';
import { functionLatency } from './function.ts';
import type { IndexedSource, Instrument, InstrumentContext, InstrumentKind } from './instrument.ts';
import { sched } from './sched.ts';
import { syscalls } from './syscalls.ts';
import { trace } from './trace.ts';

/** THE list of instruments besides on-CPU sampling, which open-stage.ts itself attaches. */
const INSTRUMENTS = [syscalls, sched, functionLatency, blockIo, count, trace] as const;

/** Opens every instrument the request needs; the first failure ends it. */
export function openInstruments(context: InstrumentContext): Result<Instrument[], ProfilerError> {
  const all = context.request.sources.map((source, index): IndexedSource => ({ source, index }));
  const opened: Instrument[] = [];
  for (const instrument of INSTRUMENTS as readonly InstrumentKind<SourceRequest['kind']>[]) {
    const wanted = all.filter(({ source }) => instrument.kinds.includes(source.kind));
    if (wanted.length === 0) continue;
    const result = instrument.open(wanted, context);
    if (!result.ok) return result;
    opened.push(result.value);
  }
  return ok(opened);
}

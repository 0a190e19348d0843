import type { ProfilerError } from '#shared/errors.ts';
import { perfEventName } from '#shared/model/perf-events.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { openCountEvents } from '../../bpf/perf-event.ts';
import { openTracepoint } from '../../bpf/probe-event.ts';
import { tracepointNotFound } from '../../bpf/tracefs.ts';
import type { IndexedSource, InstrumentContext, InstrumentKind, Mechanism } from './instrument.ts';

/** Stack counters: an object of its own for each. */
export const count: InstrumentKind<'count'> = {
  kinds: ['count'],
  open(sources, context) {
    const attachments: number[] = [];
    const mechanisms = new Map<number, Mechanism>();
    for (const source of sources) {
      const opened = openCounter(source, context);
      if (!opened.ok) return opened;
      attachments.push(...opened.value.fds);
      mechanisms.set(source.index, { name: opened.value.name, note: '' });
    }
    return ok({ attachments, beginIterators: [], endIterators: [], mechanisms });
  },
};

function openCounter(
  { index, source }: IndexedSource<'count'>,
  { objects, cpus }: InstrumentContext,
): Result<{ fds: readonly number[]; name: string }, ProfilerError> {
  const { event, period } = source;
  const isTracepoint = event.type === 'tracepoint';
  const settings = { source: index, parameters: [period] };
  const loaded = objects.load('count.bpf.o', settings, (object) => {
    object.skipProgram(isTracepoint ? 'on_overflow' : 'on_tracepoint');
    return ok(undefined);
  });
  if (!loaded.ok) return loaded;
  if (isTracepoint) {
    const program = loaded.value.programFd('on_tracepoint');
    const fd = openTracepoint(event.category, event.name, program);
    if (fd.ok) return ok({ fds: [fd.value], name: 'tracepoint' });
    if (fd.error === 'ENOENT') return err(tracepointNotFound(event));
    return err({
      kind: 'attach-failed',
      point: `${event.category}:${event.name}`,
      errno: fd.error,
    });
  }
  const fds = openCountEvents({ ...event, period }, cpus, loaded.value.programFd('on_overflow'));
  if (fds.ok) return ok({ fds: fds.value, name: 'perf event' });
  const reason = `${whyNot(fds.error)} (${fds.error})`;
  return err({ kind: 'probe-unsupported', probe: perfEventName(event), reason });
}

const whyNot = (errno: string): string =>
  ['ENOENT', 'EOPNOTSUPP', 'ENODEV', 'ENOTSUP'].includes(errno)
    ? 'this machine has no such counter, as many virtual machines have none; software events such as page-faults work everywhere'
    : 'the kernel refused the event';

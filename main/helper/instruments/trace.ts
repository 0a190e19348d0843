import type { ProfilerError } from '#shared/errors.ts';
import type { TraceField } from '#shared/model/trace-fields.ts';
import { err, ok } from '#shared/result.ts';
import type { BpfObject } from '../../bpf/bpf-object.ts';
import { MAX_PAYLOAD } from '../../capture/wire/records.ts';
import { compileFilter } from '../trace-program.ts';
import type { IndexedSource, InstrumentContext, InstrumentKind, Mechanism } from './instrument.ts';
import { type TraceSite, traceSites } from './trace-sites.ts';

/** config.options of trace.bpf.c. */
const OPTION_STACKS = 1;
const PROGRAMS = [
  ...['on_tracepoint', 'on_kernel_call', 'note_kernel_call', 'on_kernel_return'],
  ...['on_user_call', 'note_user_call', 'on_user_return'],
];
/** Map of the events of the current second: one for all sites of a trace. */
const BUDGET = 'trace_budget';
const MECHANISMS = { kernel: 'kprobe', user: 'uprobe', usdt: 'USDT', tracepoint: 'tracepoint' };

/** Traces: an object of its own for each site, with its filter. */
export const trace: InstrumentKind<'trace'> = {
  kinds: ['trace'],
  open(sources, context) {
    const attachments: number[] = [];
    const mechanisms = new Map<number, Mechanism>();
    for (const indexed of sources) {
      const sites = traceSites(indexed.source, context.files);
      if (!sites.ok) return sites;
      let budget: number | null = null;
      for (const site of sites.value) {
        const opened = openSite(indexed, { site, budget }, context);
        if (!opened.ok) return opened;
        attachments.push(...opened.value.fds);
        budget ??= opened.value.object.mapFd(BUDGET);
      }
      const { type } = indexed.source.probe;
      const fields = sites.value[0]?.fields ?? [];
      mechanisms.set(indexed.index, { name: MECHANISMS[type], note: '', fields });
    }
    return ok({ attachments, beginIterators: [], endIterators: [], mechanisms });
  },
};

/** budget: map of a site before this one; null: the first. */
function openSite(
  { index, source }: IndexedSource<'trace'>,
  { site, budget }: { readonly site: TraceSite; readonly budget: number | null },
  { objects }: InstrumentContext,
): ReturnType<TraceSite['attach']> {
  const { fields, places, programs } = site;
  const steps = compileFilter(source.filter, fields);
  if (!steps.ok) return steps;
  const settings = {
    source: index,
    options: source.stacks ? OPTION_STACKS : 0,
    parameters: [recordBytes(fields), steps.value.length, source.perSecond, places.length],
  };
  return site.attach((prepare) => {
    const loaded = objects.load('trace.bpf.o', settings, (object) => {
      for (const program of PROGRAMS) if (!programs.includes(program)) object.skipProgram(program);
      if (budget !== null) object.reuseMap(BUDGET, budget);
      prepare(object);
      return ok(undefined);
    });
    if (!loaded.ok) return loaded;
    const failed =
      writeList(loaded.value, 'trace_filter', steps.value) ??
      writeList(loaded.value, 'trace_arguments', places);
    return failed === null ? loaded : err(failed);
  });
}

/** What a record has to hold for the fields, bytes; texts elsewhere in it lie behind them. */
function recordBytes(fields: readonly TraceField[]): number {
  if (fields.some(({ form }) => form === 'dynamic')) return MAX_PAYLOAD;
  const end = Math.max(0, ...fields.map(({ offset, size }) => offset + size));
  return Math.min(MAX_PAYLOAD, Math.ceil(end / 8) * 8);
}

/** Fills an array of the object; null: it is done. */
function writeList(
  object: BpfObject,
  map: string,
  entries: readonly Uint8Array[],
): ProfilerError | null {
  for (const [index, entry] of entries.entries()) {
    const key = new Uint8Array(Uint32Array.of(index).buffer);
    const failed = object.setEntry(map, key, entry);
    if (failed !== null) return { kind: 'attach-failed', point: map, errno: failed };
  }
  return null;
}

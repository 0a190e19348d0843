import type { ProfilerError } from '#shared/errors.ts';
import { ok, type Result } from '#shared/result.ts';
import type { BpfObject } from '../../bpf/bpf-object.ts';
import { DETAIL_CODES } from '../../capture/wire/records.ts';
import type { ObjectSettings } from '../capture-objects.ts';
import type { IndexedSource, Instrument, InstrumentKind } from './instrument.ts';
import { readInterruptEntries } from './interrupt-entries.ts';

/** NO_SOURCE of sched.bpf.c. */
const NO_SOURCE = 0xffff_ffff;
/** OPTION_WAKERS of sched.bpf.c. */
const OPTION_WAKERS = 1;

type SchedSource = IndexedSource<'off-cpu' | 'run-queue'>;

/** Waits of threads, for something or for a CPU: one object measures both at every switch. */
export const sched: InstrumentKind<'off-cpu' | 'run-queue'> = {
  kinds: ['off-cpu', 'run-queue'],
  open(sources, { request, objects }) {
    const settings = settingsOf(sources);
    const loaded = objects.load('sched.bpf.o', settings, (object) => {
      if (!request.userStacks) object.skipProgram('on_sys_exit');
      return ok(undefined);
    });
    if (!loaded.ok) return loaded;
    return attach(loaded.value, sources, request.userStacks);
  },
};

/** As sched.bpf.c reads capture_config. */
function settingsOf(sources: readonly SchedSource[]): ObjectSettings {
  let settings: ObjectSettings = { source: NO_SOURCE };
  let queue: readonly number[] = [NO_SOURCE, 0, 0];
  let isWithWakers = false;
  for (const { index, source } of sources) {
    if (source.kind === 'run-queue') {
      queue = [index, source.minNs, DETAIL_CODES[source.detail]];
    } else {
      isWithWakers = source.wakers;
      settings = { source: index, minNs: source.minNs };
    }
  }
  const entries = isWithWakers ? readInterruptEntries() : { start: 0n, end: 0n };
  return {
    ...settings,
    options: isWithWakers ? OPTION_WAKERS : 0,
    parameters: [...queue, entries.start, entries.end],
  };
}

/** Switches last: what they find must be written down already. */
function attach(
  object: BpfObject,
  sources: readonly SchedSource[],
  hasUserStacks: boolean,
): Result<Instrument, ProfilerError> {
  const attachments: number[] = [];
  const programs = ['on_task_newtask', 'on_sched_waking', 'on_sched_switch'];
  if (hasUserStacks) {
    const returns = object.attachRawTracepoint('on_sys_exit', 'sys_exit');
    if (!returns.ok) return returns;
    attachments.push(returns.value);
  }
  for (const program of programs) {
    const attached = object.attachTracing(program);
    if (!attached.ok) return attached;
    attachments.push(attached.value);
  }
  const begin = object.openIterator('begin_wait');
  if (!begin.ok) return begin;
  const end = object.openIterator('end_open_wait');
  if (!end.ok) return end;
  return ok({
    attachments: [...attachments, begin.value.link, end.value.link],
    beginIterators: [begin.value.iterator],
    endIterators: [end.value.iterator],
    mechanisms: new Map(sources.map(({ index }) => [index, { name: 'tracepoint', note: '' }])),
  });
}

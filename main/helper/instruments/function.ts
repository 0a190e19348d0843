import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { DETAIL_CODES } from '../../capture/wire/records.ts';
import type { ObjectSettings } from '../capture-objects.ts';
import { equivalentOf } from './function-equivalents.ts';
import { type Attempt, attemptFentry, attemptKprobe, attemptMulti } from './function-mechanisms.ts';
import { kernelFunctionsOf } from './function-names.ts';
import type { IndexedSource, InstrumentContext, InstrumentKind, Mechanism } from './instrument.ts';
import { NOT_ROOT, openUserProbes } from './user-probes.ts';

/** OPTION_KEYED of function.bpf.h. */
const OPTION_KEYED = 1;
/** More are attached by kprobe.multi first, and never one by one with fentry. */
const MAX_SINGLE = 20;

interface Opened {
  readonly fds: readonly number[];
  readonly mechanism: Mechanism;
}

/** Latency of functions: an object of its own for each source. */
export const functionLatency: InstrumentKind<'function'> = {
  kinds: ['function'],
  open(sources, context) {
    const attachments: number[] = [];
    const mechanisms = new Map<number, Mechanism>();
    for (const source of sources) {
      const { type } = source.source.probe;
      const opened = type === 'user' ? openUser(source, context) : openKernel(source, context);
      if (!opened.ok) return opened;
      attachments.push(...opened.value.fds);
      mechanisms.set(source.index, opened.value.mechanism);
    }
    return ok({ attachments, beginIterators: [], endIterators: [], mechanisms });
  },
};

const settingsOf = ({ index, source }: IndexedSource<'function'>): ObjectSettings => ({
  source: index,
  minNs: source.minNs,
  detail: DETAIL_CODES[source.detail],
});

function openUser(
  indexed: IndexedSource<'function'>,
  { objects, files }: InstrumentContext,
): Result<Opened, ProfilerError> {
  const { probe } = indexed.source;
  if (probe.type !== 'user') return err({ kind: 'internal-error', detail: probe.type });
  // Returns first: a call that is seen to begin is seen to end.
  const found = files.placeOf(probe, ['return', 'entry']);
  if (!found.ok) return found;
  const points = (['return', 'entry'] as const).map((point) => ({
    ...{ program: `on_${point}`, place: found.value, point },
  }));
  const opened = openUserProbes(
    points,
    (prepare) =>
      objects.load('uprobe.bpf.o', settingsOf(indexed), (object) => {
        prepare(object);
        return ok(undefined);
      }),
    (errno) => refusedUser(probe, errno),
  );
  if (!opened.ok) return opened;
  return ok({ fds: opened.value.fds, mechanism: { name: 'uprobe', note: '' } });
}

function refusedUser(
  { path, offset }: { readonly path: string; readonly offset: number },
  errno: string,
): ProfilerError {
  const probe = `${path}:+0x${offset.toString(16)}`;
  if (errno === 'ENOENT') return { kind: 'file-not-found', path };
  if (errno === 'ENOTSUP') {
    return { kind: 'probe-unsupported', probe, reason: 'this kernel is built without uprobes' };
  }
  if (errno === 'EINVAL' || errno === 'EIO' || errno === 'EOPNOTSUPP') {
    const reason = `the kernel cannot probe the instruction there (${errno})`;
    return { kind: 'probe-unsupported', probe, reason };
  }
  if (errno === 'EACCES') return { kind: 'probe-unsupported', probe, reason: NOT_ROOT };
  return { kind: 'attach-failed', point: probe, errno };
}

function openKernel(
  indexed: IndexedSource<'function'>,
  { objects }: InstrumentContext,
): Result<Opened, ProfilerError> {
  const { probe } = indexed.source;
  if (probe.type !== 'kernel') return err({ kind: 'internal-error', detail: probe.type });
  const names = kernelFunctionsOf(probe.name);
  if (!names.ok) return names;
  const isPattern = probe.name.includes('*');
  const settings = { ...settingsOf(indexed), options: isPattern ? OPTION_KEYED : 0 };
  const attempts = isPattern
    ? [attemptMulti, attemptFentry, attemptKprobe]
    : [attemptFentry, attemptMulti, attemptKprobe];
  const refusals: string[] = [];
  for (const attempt of attempts as readonly Attempt[]) {
    if (attempt === attemptFentry && names.value.length > MAX_SINGLE) continue;
    const made = attempt(names.value, settings, objects);
    if (made.ok) {
      const { name, fds, note } = made.value;
      const notes = note === '' ? refusals : [...refusals, note];
      return ok({ fds, mechanism: { name, note: notes.join('; ').slice(0, 2000) } });
    }
    refusals.push(made.error);
  }
  const reason = `${refusals.join('; ')}. ${equivalentOf(probe.name)}`;
  return err({ kind: 'probe-unsupported', probe: probe.name, reason });
}

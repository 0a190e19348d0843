import { type CaptureSpec, UNWIND_MODES } from '#shared/model/capture-spec.ts';
import {
  CAPTURE_END_REASONS,
  type HostFacts,
  type SessionEnd,
  type SessionState,
  type UnwindReport,
} from '#shared/model/session-info.ts';
import { undamaged } from './store-failure.ts';
import { specFrom } from './stored-spec.ts';

/** What a session knows about itself from its first byte on; rows of the table `meta`. */
export interface SessionMeta {
  /** Product version, e.g. "0.1.0". */
  readonly recordedBy: string;
  /** Wall-clock time of session start, ISO 8601 UTC. */
  readonly startedAt: string;
  /** CLOCK_MONOTONIC at session start, ns, lower-case hex without 0x; empty until sampling starts. */
  readonly startMonotonicNs: string;
  readonly host: HostFacts;
  readonly spec: CaptureSpec;
  /** How user stacks are walked in fact; see UnwindReport. */
  readonly unwind: Pick<UnwindReport, 'mode' | 'fallback'>;
}

/** SessionMeta with what the store adds. */
export interface StoredMeta extends SessionMeta {
  readonly state: SessionState;
  /** End of capture, ns since session start; 0 while recording. */
  readonly endNs: number;
  /** How it ended; null while recording, and in what a dead writer left. */
  readonly end: SessionEnd | null;
}

/** Every key of the table `meta`; SESSION-FORMAT.md documents each, held by a test. */
export const META_KEYS = [
  'recorded_by',
  'started_at',
  'start_monotonic_ns',
  'state',
  'end_ns',
  'end_reason',
  'end_error',
  'spec',
  'unwind.mode',
  'unwind.fallback',
  'host.hostname',
  'host.kernel',
  'host.arch',
  'host.os',
  'host.cpu_model',
  'host.cpus',
  'host.memory_bytes',
  'host.sample_event',
  'host.bpf_jit',
] as const;
export type MetaKey = (typeof META_KEYS)[number];
export type MetaRow = readonly [key: MetaKey, value: string];

const STATES: readonly string[] = ['recording', 'complete', 'interrupted'] satisfies SessionState[];

/** ISO 8601, UTC. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/;

const hostRows = (host: HostFacts): readonly MetaRow[] => [
  ['host.hostname', host.hostname],
  ['host.kernel', host.kernel],
  ['host.arch', host.arch],
  ['host.os', host.os],
  ['host.cpu_model', host.cpuModel],
  ['host.cpus', String(host.cpus)],
  ['host.memory_bytes', String(host.memoryBytes)],
  ['host.sample_event', host.sampleEvent],
  ['host.bpf_jit', host.bpfJit ? '1' : '0'],
];

/** Rows for the given parts; what is absent stays as it is in the file. */
export function metaRows(part: Partial<StoredMeta>): readonly MetaRow[] {
  const rows: MetaRow[] = [];
  if (part.recordedBy !== undefined) rows.push(['recorded_by', part.recordedBy]);
  if (part.startedAt !== undefined) rows.push(['started_at', part.startedAt]);
  if (part.startMonotonicNs !== undefined) rows.push(['start_monotonic_ns', part.startMonotonicNs]);
  if (part.state !== undefined) rows.push(['state', part.state]);
  if (part.endNs !== undefined) rows.push(['end_ns', String(Math.round(part.endNs))]);
  if (part.end !== undefined) {
    rows.push(['end_reason', part.end?.reason ?? ''], ['end_error', part.end?.error ?? '']);
  }
  if (part.spec !== undefined) rows.push(['spec', JSON.stringify(part.spec)]);
  if (part.unwind !== undefined) {
    rows.push(['unwind.mode', part.unwind.mode], ['unwind.fallback', part.unwind.fallback]);
  }
  if (part.host !== undefined) rows.push(...hostRows(part.host));
  return rows;
}

/** Reads the rows back; a missing key or a value that makes no sense is damage. */
export function metaFromRows(rows: ReadonlyMap<string, string>): StoredMeta {
  const text = (key: MetaKey): string => {
    const value = rows.get(key);
    undamaged(value !== undefined, `meta has no "${key}"`);
    return value;
  };
  const whole = (key: MetaKey): number => {
    const value = Number(text(key));
    undamaged(Number.isSafeInteger(value) && value >= 0, `meta "${key}" is no whole number`);
    return value;
  };
  const matching = (key: MetaKey, form: RegExp): string => {
    const value = text(key);
    undamaged(form.test(value), `meta "${key}" is not of its form`);
    return value;
  };
  const state = text('state');
  undamaged(isState(state), `meta "state" is "${state}"`);
  // Files from before unwinding was a choice have neither key: frame pointers.
  const mode = UNWIND_MODES.find((known) => known === (rows.get('unwind.mode') ?? 'fp'));
  undamaged(mode !== undefined, 'meta "unwind.mode" is not known');
  return {
    recordedBy: text('recorded_by'),
    startedAt: matching('started_at', TIME),
    startMonotonicNs: matching('start_monotonic_ns', /^[0-9a-f]{0,16}$/),
    state,
    endNs: whole('end_ns'),
    end: endFrom(rows.get('end_reason') ?? '', rows.get('end_error') ?? ''),
    spec: specFrom(text('spec')),
    unwind: { mode, fallback: rows.get('unwind.fallback') ?? '' },
    host: {
      hostname: text('host.hostname'),
      kernel: text('host.kernel'),
      arch: text('host.arch'),
      os: text('host.os'),
      cpuModel: text('host.cpu_model'),
      cpus: whole('host.cpus'),
      memoryBytes: whole('host.memory_bytes'),
      sampleEvent: text('host.sample_event'),
      bpfJit: text('host.bpf_jit') === '1',
    },
  };
}

/** Files from before the reason was kept have neither key. */
function endFrom(text: string, error: string): SessionEnd | null {
  if (text === '') return null;
  const reason = CAPTURE_END_REASONS.find((known) => known === text);
  undamaged(reason !== undefined, `meta "end_reason" is "${text}"`);
  return { reason, error };
}

const isState = (text: string): text is SessionState => STATES.includes(text);

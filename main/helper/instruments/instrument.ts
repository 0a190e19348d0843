import type { ProfilerError } from '#shared/errors.ts';
import type { TraceField } from '#shared/model/trace-fields.ts';
import type { Result } from '#shared/result.ts';
import type { SourceRequest, StartRequest } from '../../capture/wire/helper-protocol.ts';
import type { CaptureObjects } from '../capture-objects.ts';
import type { ProbeFiles } from '../probe-files.ts';

/** What an instrument finds when it is opened: everything privileged happens now or never. */
export interface InstrumentContext {
  readonly request: StartRequest;
  /** CPUs that are sampled. */
  readonly cpus: readonly number[];
  /** Opens, configures and loads BPF objects of this capture, which share maps and counters. */
  readonly objects: CaptureObjects;
  /** Files of user probes. */
  readonly files: ProbeFiles;
}

/** One source of the request, with its index there: stack_sample.source. */
export interface IndexedSource<K extends SourceRequest['kind'] = SourceRequest['kind']> {
  readonly index: number;
  readonly source: Extract<SourceRequest, { kind: K }>;
}

/** An attached source, as descriptors: those live on when this process is replaced. */
export interface Instrument {
  /** Only need to stay open: links, perf events with programs, program arrays. */
  readonly attachments: readonly number[];
  /** Iterators (bpf_iter_create) to be read to their end once when the session begins. */
  readonly beginIterators: readonly number[];
  /** The same just before the last drain: e.g. waits that have no end yet. */
  readonly endIterators: readonly number[];
  /** How each source of the kind is measured ("kprobe", "tracepoint"), by index. */
  readonly mechanisms: ReadonlyMap<number, Mechanism>;
}

/** How a source is measured. */
export interface Mechanism {
  readonly name: string;
  /** Why not in a better way, one sentence; empty: this is the best. */
  readonly note: string;
  /** Traces: the fields of an event's payload. */
  readonly fields?: readonly TraceField[];
}

/**
 * Opens all sources of some kinds: one file per BPF object. On failure everything it opened is closed
 * and nothing stays attached.
 */
export interface InstrumentKind<K extends SourceRequest['kind']> {
  readonly kinds: readonly K[];
  open(
    sources: readonly IndexedSource<K>[],
    context: InstrumentContext,
  ): Result<Instrument, ProfilerError>;
}

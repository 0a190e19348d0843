import type { ProfilerError } from '#shared/errors.ts';
import type { TraceField } from '#shared/model/trace-fields.ts';
import { err, ok, type Result } from '#shared/result.ts';
import type { BpfObject } from '../../bpf/bpf-object.ts';
import { openKernelProbe, openTracepoint, openUserProbe } from '../../bpf/probe-event.ts';
import type { SourceRequest } from '../../capture/wire/helper-protocol.ts';
import { MAX_PAYLOAD } from '../../capture/wire/records.ts';
import { CALL_FIELDS, parseTraceFormat, readTraceFormat } from '../trace-format.ts';
import { compileFilter } from '../trace-program.ts';
import type { IndexedSource, Instrument, InstrumentContext, InstrumentKind } from './instrument.ts';

type Trace = Extract<SourceRequest, { kind: 'trace' }>;

/** config.options of trace.bpf.c. */
const OPTION_STACKS = 1;
const PROGRAMS = { tracepoint: 'on_tracepoint', kernel: 'on_kernel_call', user: 'on_user_call' };

/** Traces: an object of its own for each, with its filter. */
export const trace: InstrumentKind<'trace'> = {
  kinds: ['trace'],
  open(sources, context) {
    const attachments: number[] = [];
    const mechanisms: [number, { name: string; note: string; fields: readonly TraceField[] }][] =
      [];
    for (const source of sources) {
      const opened = openTrace(source, context);
      if (!opened.ok) return opened;
      attachments.push(opened.value.fd);
      const { type } = source.source.probe;
      const name = type === 'kernel' ? 'kprobe' : type === 'user' ? 'uprobe' : 'tracepoint';
      mechanisms.push([source.index, { name, note: '', fields: opened.value.fields }]);
    }
    const instrument: Instrument = {
      attachments,
      beginIterators: [],
      endIterators: [],
      mechanisms: new Map(mechanisms),
    };
    return ok(instrument);
  },
};

function openTrace(
  { index, source }: IndexedSource<'trace'>,
  { objects }: InstrumentContext,
): Result<{ fd: number; fields: readonly TraceField[] }, ProfilerError> {
  const fields = fieldsOf(source.probe);
  if (!fields.ok) return fields;
  const steps = compileFilter(source.filter, fields.value);
  if (!steps.ok) return steps;
  const settings = {
    source: index,
    options: source.stacks ? OPTION_STACKS : 0,
    parameters: [recordBytes(fields.value), steps.value.length, source.perSecond],
  };
  const wanted = PROGRAMS[source.probe.type];
  const loaded = objects.load('trace.bpf.o', settings, (object) => {
    for (const program of Object.values(PROGRAMS)) {
      if (program !== wanted) object.skipProgram(program);
    }
    return ok(undefined);
  });
  if (!loaded.ok) return loaded;
  const written = writeFilter(loaded.value, steps.value);
  if (!written.ok) return written;
  const fd = attach(source.probe, loaded.value.programFd(wanted));
  return fd.ok ? ok({ fd: fd.value, fields: fields.value }) : fd;
}

/** What a record has to hold for the fields, bytes; texts elsewhere in it lie behind them. */
function recordBytes(fields: readonly TraceField[]): number {
  if (fields.some(({ form }) => form === 'dynamic')) return MAX_PAYLOAD;
  const end = Math.max(0, ...fields.map(({ offset, size }) => offset + size));
  return Math.min(MAX_PAYLOAD, Math.ceil(end / 8) * 8);
}

function fieldsOf(probe: Trace['probe']): Result<readonly TraceField[], ProfilerError> {
  if (probe.type !== 'tracepoint') return ok(CALL_FIELDS);
  const format = readTraceFormat(probe.category, probe.name);
  if (format !== null) return ok(parseTraceFormat(format));
  return err({ kind: 'probe-not-found', probe: `tracepoint:${probe.category}:${probe.name}` });
}

function writeFilter(object: BpfObject, steps: readonly Uint8Array[]): Result<void, ProfilerError> {
  for (const [index, step] of steps.entries()) {
    const failed = object.setEntry(
      'trace_filter',
      new Uint8Array(Uint32Array.of(index).buffer),
      step,
    );
    if (failed !== null)
      return err({ kind: 'attach-failed', point: 'trace_filter', errno: failed });
  }
  return ok(undefined);
}

function attach(probe: Trace['probe'], program: number): Result<number, ProfilerError> {
  const [name, opened] = ((): [string, Result<number, string>] => {
    switch (probe.type) {
      case 'tracepoint':
        return [
          `tracepoint:${probe.category}:${probe.name}`,
          openTracepoint(probe.category, probe.name, program),
        ];
      case 'kernel':
        return [probe.name, openKernelProbe(probe.name, program)];
      case 'user':
        return [`${probe.path}+0x${probe.offset.toString(16)}`, openUserProbe(probe, program)];
    }
  })();
  if (opened.ok) return opened;
  if (probe.type === 'kernel' && opened.error === 'ENOTSUP') {
    return err({
      kind: 'probe-unsupported',
      probe: name,
      reason: 'this kernel is built without kprobes',
    });
  }
  return err({ kind: 'attach-failed', point: name, errno: opened.error });
}

import type { ProfilerError } from '#shared/errors.ts';
import type { TraceField } from '#shared/model/trace-fields.ts';
import { err, ok, type Result } from '#shared/result.ts';
import type { BpfObject } from '../../bpf/bpf-object.ts';
import { openKernelProbe, openTracepoint, type ProbePoint } from '../../bpf/probe-event.ts';
import { tracepointNotFound } from '../../bpf/tracefs.ts';
import type { SourceRequest } from '../../capture/wire/helper-protocol.ts';
import { libc } from '../../ffi/libc.ts';
import { kernelCallFields, usdtFields, userCallFields } from '../call-fields.ts';
import type { ProbeFiles } from '../probe-files.ts';
import { parseTraceFormat, readTraceFormat } from '../trace-format.ts';
import { equivalentOf } from './function-equivalents.ts';
import { kernelFunctionNamed } from './function-names.ts';
import { NOT_ROOT, openUserProbes, type UserProbes } from './user-probes.ts';

type Trace = Extract<SourceRequest, { kind: 'trace' }>;
type Load = (prepare: (object: BpfObject) => void) => Result<BpfObject, ProfilerError>;

/** One place to attach to, with the fields that events there have. */
export interface TraceSite {
  /** Of an event: the same at all sites of a trace. */
  readonly fields: readonly TraceField[];
  /** struct trace_argument each; none: the fields are those of a tracepoint's record. */
  readonly places: readonly Uint8Array[];
  /** Of trace.bpf.c: the others need not be loaded. */
  readonly programs: readonly string[];
  /** Loads and attaches them; on failure nothing stays attached. */
  attach(load: Load): Result<UserProbes, ProfilerError>;
}

/** Where a trace's probe is: at one place, or for USDT at as many as its file has. */
export function traceSites(
  { probe, returns }: Trace,
  files: ProbeFiles,
): Result<readonly TraceSite[], ProfilerError> {
  const refuse = (errno: string): ProfilerError => refused(probe, errno);
  switch (probe.type) {
    case 'tracepoint': {
      const { category, name } = probe;
      const format = readTraceFormat(category, name);
      if (format === null) return err(tracepointNotFound(probe));
      const open = (program: number) => openTracepoint(category, name, program);
      const points = [{ program: 'on_tracepoint', open }];
      return ok([{ fields: parseTraceFormat(format), places: [], ...inKernel(points, refuse) }]);
    }
    case 'kernel': {
      const known = kernelFunctionNamed(probe.name);
      if (!known.ok) return known;
      const points = pointsOf('kernel', returns).map(({ program, point }) => ({
        program,
        open: (fd: number) => openKernelProbe(probe.name, fd, point),
      }));
      return ok([{ ...kernelCallFields(probe.name, returns), ...inKernel(points, refuse) }]);
    }
    case 'user': {
      const places = pointsOf('user', returns);
      const found = files.placeOf(
        probe,
        places.map(({ point }) => point),
      );
      if (!found.ok) return found;
      const points = places.map((one) => ({ ...one, place: found.value }));
      return ok([{ ...userCallFields(returns), ...inProgram(points, refuse) }]);
    }
    case 'usdt': {
      const fields = usdtFields(probe.sites.map((site) => site.arguments));
      const sites: TraceSite[] = [];
      for (const [index, { offset, semaphoreOffset }] of probe.sites.entries()) {
        const wanted = { path: probe.path, offset, semaphoreOffset };
        const found = files.placeOf(wanted, ['entry']);
        if (!found.ok) return found;
        const points = [{ program: 'on_user_call', place: found.value, point: 'entry' }] as const;
        sites.push({ ...fields[index]!, ...inProgram(points, refuse) });
      }
      return ok(sites);
    }
  }
}

/** Returns first: a call that is seen to begin is seen to end. */
function pointsOf(
  where: 'kernel' | 'user',
  returns: boolean,
): readonly { readonly program: string; readonly point: ProbePoint }[] {
  if (!returns) return [{ program: `on_${where}_call`, point: 'entry' }];
  return [
    { program: `on_${where}_return`, point: 'return' },
    { program: `note_${where}_call`, point: 'entry' },
  ];
}

type Attachment = Pick<TraceSite, 'programs' | 'attach'>;
type Refuse = (errno: string) => ProfilerError;

const inProgram = (points: Parameters<typeof openUserProbes>[0], refuse: Refuse): Attachment => ({
  programs: points.map(({ program }) => program),
  attach: (load) => openUserProbes(points, load, refuse),
});

const inKernel = (
  points: readonly {
    readonly program: string;
    readonly open: (programFd: number) => Result<number, string>;
  }[],
  refuse: Refuse,
): Attachment => ({
  programs: points.map(({ program }) => program),
  attach(load) {
    const loaded = load(() => undefined);
    if (!loaded.ok) return loaded;
    const fds: number[] = [];
    for (const { program, open } of points) {
      const fd = open(loaded.value.programFd(program));
      if (fd.ok) {
        fds.push(fd.value);
        continue;
      }
      for (const opened of fds) libc().close(opened);
      return err(refuse(fd.error));
    }
    return ok({ object: loaded.value, fds });
  },
});

function textOf(probe: Trace['probe']): string {
  switch (probe.type) {
    case 'tracepoint':
      return `tracepoint:${probe.category}:${probe.name}`;
    case 'kernel':
      return probe.name;
    case 'user':
      return `${probe.path}:+0x${probe.offset.toString(16)}`;
    case 'usdt':
      return `usdt:${probe.path}`;
  }
}

function refused(probe: Trace['probe'], errno: string): ProfilerError {
  const isUser = probe.type === 'user' || probe.type === 'usdt';
  const unsupported = (reason: string): ProfilerError => ({
    ...{ kind: 'probe-unsupported', probe: textOf(probe), reason },
  });
  if (isUser && errno === 'EACCES') return unsupported(NOT_ROOT);
  if (isUser && errno === 'ENOTSUP') return unsupported('this kernel is built without uprobes');
  if (probe.type === 'kernel' && errno === 'ENOTSUP')
    return unsupported(`this kernel is built without kprobes. ${equivalentOf(probe.name)}`);
  return { kind: 'attach-failed', point: textOf(probe), errno };
}

import { openSync } from 'node:fs';
import type { ProfilerError } from '#shared/errors.ts';
import { invariant } from '#shared/invariant.ts';
import type { HelperScope } from '#shared/model/helper-scope.ts';
import { err, ok, type Result } from '#shared/result.ts';
import type { BpfObject } from '../bpf/bpf-object.ts';
import * as capabilities from '../bpf/capabilities.ts';
import {
  onlineCpus,
  openSampleEvents,
  openSideBandEvents,
  setEventProgram,
} from '../bpf/perf-event.ts';
import { decodeJson } from '../capture/wire/framing.ts';
import {
  PROTOCOL_VERSION,
  type StartRequest,
  startSchema,
} from '../capture/wire/helper-protocol.ts';
import { MAX_CPUS } from '../capture/wire/records.ts';
import { type Handover, type HandoverTarget, replaceByCaptureStage } from './handover.ts';
import { openInstruments } from './instruments/index.ts';
import type { Instrument, Mechanism } from './instruments/instrument.ts';
import { capabilitiesToKeep } from './kept-capabilities.ts';
import { drawKernelShift, withoutKernelAddresses } from './kernel-shift.ts';
import { ProbeFiles } from './probe-files.ts';
import { attemptIn, logRefusalOnce, openRefusalLog } from './refusal-log.ts';
import { loadSampler, needsRing, onCpuOf, type Sampler } from './sampler.ts';
import { withoutIoUring } from './seccomp.ts';
import { readFrame, writeFrame } from './stdio.ts';
import {
  checkProcess,
  checkScope,
  descendantsOf,
  findCgroup,
  isAlive,
  isOwnProcess,
  isStranger,
  notOwn,
} from './target-check.ts';
import { cacheFolder, openTablePlace } from './unwind/table-spool.ts';

/** The engine has this long to send its request, ms. */
const START_TIMEOUT_MS = 10_000;
/** Keys of target_processes: u32. */
const MEMBER_KEY_BYTES = 4;

/**
 * The privileged stage: greet, read the one request, open and attach everything, give up privilege
 * by replacing this process. Returns an exit code only if there is no capture. `scope`: what the launcher
 * was authorized for.
 */
export function runOpenStage(version: string, scope: HelperScope): number {
  writeFrame('hello', {
    product: 'emberscope-helper',
    version,
    protocol: PROTOCOL_VERSION,
    pid: process.pid,
  });
  const request = readRequest();
  if (!request.ok) return refuse(request.error);
  if (request.value === null) return 0;
  const inScope = checkScope(request.value, scope);
  if (!inScope.ok) return refuse(inScope.error);
  const prepared = prepare(request.value, scope);
  if (!prepared.ok)
    return refuse(scope === 'own' ? withoutAddresses(prepared.error) : prepared.error);
  const { handover, attachments } = prepared.value;
  const keep = BigInt(handover.keep);
  capabilities.forbidNewPrivileges();
  capabilities.limitCapabilities(keep, keep);
  withoutIoUring();
  process.umask(0o077);
  process.chdir('/');
  const failure = replaceByCaptureStage(handover, attachments);
  return refuse({ kind: 'attach-failed', point: 'exec of the capture stage', errno: failure });
}

function refuse(error: ProfilerError): number {
  const tried = attemptIn(error);
  if (tried !== null) logRefusalOnce(tried);
  writeFrame('error', error);
  return 1;
}

/** The verifier names maps of the kernel's by where they lie. */
const withoutAddresses = (error: ProfilerError): ProfilerError =>
  error.kind === 'bpf-load-failed'
    ? { ...error, verifierLog: withoutKernelAddresses(error.verifierLog) }
    : error;

/** null: the engine went away before it asked for anything. */
function readRequest(): Result<StartRequest | null, ProfilerError> {
  const frame = readFrame(START_TIMEOUT_MS);
  if (!frame.ok) return frame;
  if (frame.value === null || frame.value.type === 'stop') return ok(null);
  if (frame.value.type !== 'start') {
    return err({ kind: 'helper-protocol', detail: `expected start, got ${frame.value.type}` });
  }
  const parsed = startSchema.safeParse(decodeJson(frame.value.payload));
  if (parsed.success) return ok(parsed.data);
  const issue = parsed.error.issues[0];
  const detail = `start request: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  return err({ kind: 'helper-protocol', detail });
}

/** What the capture cannot do without; CAP_SYS_ADMIN stands for both, and did before Linux 5.8. */
function checkPrivilege(): Result<void, ProfilerError> {
  const { effective } = capabilities.readCapabilities();
  if ((effective & capabilities.maskOf(['CAP_SYS_ADMIN'])) !== 0n) return ok(undefined);
  const needed: capabilities.Capability[] = ['CAP_BPF', 'CAP_PERFMON'];
  const missing = needed.filter((name) => (effective & capabilities.maskOf([name])) === 0n);
  return missing.length === 0 ? ok(undefined) : err({ kind: 'permission-refused', missing });
}

interface Prepared {
  readonly handover: Handover;
  /** Descriptors that only need to stay open: the tracepoint attachments. */
  readonly attachments: readonly number[];
}

/** Descriptors opened before a failure close as this process ends. */
function prepare(request: StartRequest, scope: HelperScope): Result<Prepared, ProfilerError> {
  const allowed = checkPrivilege();
  if (!allowed.ok) return allowed;
  const { target } = request;
  if (target.kind === 'process') {
    const exists = checkProcess(target.pid);
    if (!exists.ok) return exists;
  }
  const cgroupPath = target.kind === 'cgroup' ? findCgroup(target) : ok('');
  if (!cgroupPath.ok) return cgroupPath;
  const cpus = onlineCpus().filter((cpu) => cpu < MAX_CPUS);
  const sampler = loadSampler(request, cpus.length, scope);
  if (!sampler.ok) return sampler;
  const followed = followTarget(sampler.value, request, scope);
  if (!followed.ok) return followed;
  const attached = attach(sampler.value, cpus, onCpuOf(request));
  if (!attached.ok) return attached;
  const { object, objects, aggregate, ringBytes, unwind, unwindFallback } = sampler.value;
  const effective = unwind === null ? { ...request, unwind: 'fp' as const } : request;
  const files = new ProbeFiles(scope);
  const instruments = openInstruments({ request: effective, cpus, objects, files });
  if (!instruments.ok) return instruments;
  const even = objects.fdOf('histogram_even');
  const odd = objects.fdOf('histogram_odd');
  return ok({
    handover: {
      ...attached.value,
      keep: capabilitiesToKeep(request, sampler.value, scope).toString(),
      parent: process.ppid,
      departuresFd: scope === 'own' ? object.mapFd('departures') : -1,
      kernelShift: scope === 'own' ? drawKernelShift() : null,
      periodMs: drainPeriodMs(request),
      // Sampling at a rate costs what the user asked for.
      costLimit: request.sources.some(({ kind }) => kind !== 'on-cpu') ? request.costLimit : 0,
      target: handoverTarget(request, followed.value, cgroupPath.value),
      cpus,
      ringFd: object.mapFd('samples'),
      ringBytes,
      hasRing: needsRing(request),
      stateFd: object.stateFd(),
      aggregate,
      histograms: even === null || odd === null ? null : [even, odd],
      beginIterators: instruments.value.flatMap(({ beginIterators }) => beginIterators),
      endIterators: instruments.value.flatMap(({ endIterators }) => endIterators),
      mechanisms: mechanismsOf(request, attached.value.sampleEvent, instruments.value),
      unwind,
      tables: unwind === null ? null : openTablePlace(cacheFolder()),
      unwindMode: unwind === null ? 'fp' : request.unwind,
      unwindFallback,
      kallsymsFd: request.kernelStacks ? openKernelSymbols() : -1,
      refusalLogFd: openRefusalLog(),
    },
    attachments: [
      ...followed.value.attachments,
      ...instruments.value.flatMap(({ attachments }) => attachments),
    ],
  });
}

/** How often the drain thread looks, ms: see DrainLoop.isDue(). */
function drainPeriodMs(request: StartRequest): number {
  const rateHz = onCpuOf(request)?.rateHz ?? 0;
  const hasOthers = request.sources.some(({ kind }) => kind !== 'on-cpu');
  return rateHz > 1000 || hasOthers ? 50 : 150;
}

/** How each source of the request is measured, in its order. */
function mechanismsOf(
  { sources }: StartRequest,
  sampleEvent: string,
  instruments: readonly Instrument[],
): Mechanism[] {
  return sources.map((source, index) => {
    if (source.kind === 'on-cpu') return { name: `perf event ${sampleEvent}`, note: '' };
    const mechanism = instruments.map(({ mechanisms }) => mechanisms.get(index)).find(Boolean);
    invariant(mechanism !== undefined, `nobody measures source ${index}, ${source.kind}`);
    return mechanism;
  });
}

function handoverTarget(
  { target }: StartRequest,
  { members, added }: Followed,
  path: string,
): HandoverTarget {
  if (target.kind === 'process') return { kind: 'process', pid: target.pid, members, added };
  return target.kind === 'cgroup' ? { kind: 'cgroup', path } : { kind: 'machine' };
}

interface Followed extends Pick<Extract<HandoverTarget, { kind: 'process' }>, 'members' | 'added'> {
  readonly attachments: readonly number[];
}
type Members = Omit<Followed, 'attachments'>;
const NO_MEMBERS: Members = { members: [], added: 0 };

/** Attaches the programs that follow processes, for what needs them, and finds the target's members. */
function followTarget(
  sampler: Sampler,
  { target }: StartRequest,
  scope: HelperScope,
): Result<Followed, ProfilerError> {
  const events: string[] = [];
  if (target.kind === 'process' || sampler.unwind !== null) {
    events.push('sched_process_exit', 'sched_process_fork');
  }
  if (sampler.unwind !== null || scope === 'own') events.push('sched_process_exec');
  const attachments: number[] = [];
  for (const event of events) {
    const attached = sampler.object.attachRawTracepoint(`on_${event}`, event);
    if (!attached.ok) return attached;
    attachments.push(attached.value);
  }
  const members = target.kind === 'process' ? follow(sampler, target.pid, scope) : ok(NO_MEMBERS);
  return members.ok ? ok({ ...members.value, attachments }) : members;
}

/**
 * Makes the process, its descendants, and what they fork from now on, the target. The tracepoints
 * come first, so that no fork or exit after a process became a member is missed; then we look for
 * descendants until a look finds nobody the programs or we do not have.
 */
function follow(
  { object }: Sampler,
  pid: number,
  scope: HelperScope,
): Result<Members, ProfilerError> {
  const members = new Set<number>();
  let added = 0;
  for (let found = [pid]; found.length > 0; ) {
    for (const member of found) {
      members.add(member);
      const change = addMember(object, member);
      if (!change.ok) return change;
      added += change.value;
      // From now on the programs see it become somebody else's; it may have done so before.
      if (scope === 'system' || !isStranger(member)) continue;
      if (member === pid) return err(notOwn(pid));
      members.delete(member);
      if (removeMember(object, member)) added--;
    }
    found = [...descendantsOf(pid)].filter(
      (child) => !members.has(child) && (scope === 'system' || isOwnProcess(child)),
    );
  }
  if (!isAlive(pid)) return err({ kind: 'target-gone', pid });
  return ok({ members: [...members], added });
}

/** By how many members of ours the set grew: 0 if the programs have it already, or it just ended. */
function addMember(object: BpfObject, pid: number): Result<number, ProfilerError> {
  const isNew = object.addKey('target_processes', memberKey(pid), new Uint8Array([1]));
  if (!isNew.ok || !isNew.value) return isNew.ok ? ok(0) : isNew;
  // It may have ended before it was a member: then no exit record will remove it, we do.
  return ok(!isAlive(pid) && removeMember(object, pid) ? 0 : 1);
}

/** false: the programs were quicker. */
const removeMember = (object: BpfObject, pid: number): boolean =>
  object.removeKey('target_processes', memberKey(pid));

function memberKey(pid: number): Uint8Array {
  const key = new Uint8Array(MEMBER_KEY_BYTES);
  new DataView(key.buffer).setUint32(0, pid, true);
  return key;
}

type Attached = Pick<Handover, 'sampleEvent' | 'sampleFds' | 'sideBandFds'>;

function attach(
  sampler: Sampler,
  cpus: readonly number[],
  onCpu: ReturnType<typeof onCpuOf>,
): Result<Attached, ProfilerError> {
  const sideBand = openSideBandEvents(cpus);
  if (!sideBand.ok) return sideBand;
  if (onCpu === null) return ok({ sampleEvent: '', sampleFds: [], sideBandFds: sideBand.value });
  const samples = openSampleEvents(cpus, onCpu.rateHz);
  if (!samples.ok) return samples;
  const { event, fds } = samples.value;
  const program = sampler.object.programFd('on_tick');
  for (const fd of fds) {
    const failure = setEventProgram(fd, program);
    if (failure !== null) {
      return err({ kind: 'attach-failed', point: `on_tick to ${event}`, errno: failure });
    }
  }
  return ok({ sampleEvent: event, sampleFds: fds, sideBandFds: sideBand.value });
}

/** Readable addresses need CAP_SYSLOG while the file is opened; without, it holds only zeros. */
function openKernelSymbols(): number {
  const { effective } = capabilities.readCapabilities();
  const sufficient = capabilities.maskOf(['CAP_SYSLOG', 'CAP_SYS_ADMIN']);
  if ((effective & sufficient) === 0n) return -1;
  return openSync('/proc/kallsyms', 'r');
}

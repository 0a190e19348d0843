import type { ProfilerError } from '#shared/errors.ts';
import type { HelperScope } from '#shared/model/helper-scope.ts';
import { err, ok, type Result } from '#shared/result.ts';
import type { BpfObject } from '../bpf/bpf-object.ts';
import type { SourceRequest, StartRequest } from '../capture/wire/helper-protocol.ts';
import { CaptureObjects, type Owner } from './capture-objects.ts';
import type { AggregateMaps, UnwindMaps } from './handover.ts';

const OBJECT = 'on_cpu.bpf.o';
const NAMES = {
  programs: [
    'on_tick',
    'unwind_user',
    'on_sched_process_fork',
    'on_sched_process_exec',
    'on_sched_process_exit',
  ],
  maps: [
    'samples',
    'target_processes',
    'departures',
    'counts_even',
    'counts_odd',
    'stacks_even',
    'stacks_odd',
    'unwind_programs',
    'unwind_chunks',
    'unwind_pages',
    'unwind_rules',
    'unwind_mappings',
    'unwind_processes',
    'unwind_wanted',
  ],
};

/** Ring size: two seconds of the deepest usual stacks (700 B) at full rate, within bounds. */
const BYTES_PER_SAMPLE = 700;
const RING_SECONDS = 2;
const MIN_RING_BYTES = 2 << 20;
const MAX_RING_BYTES = 64 << 20;
/** With sources whose rate nobody knows beforehand. */
const EVENT_RING_BYTES = 32 << 20;
/** Aggregate mode, per map set: distinct (thread, stacks) and distinct stacks in one slice. */
const COUNT_ENTRIES = 16_384;
const STACK_ENTRIES = 16_384;

/** The loaded sampler: the object is closed by the caller once its descriptors are handed over. */
export interface Sampler {
  readonly object: BpfObject;
  /** Further objects of the capture are loaded by it. */
  readonly objects: CaptureObjects;
  readonly ringBytes: number;
  readonly aggregate: AggregateMaps | null;
  /** null: user stacks are walked by frame pointers. */
  readonly unwind: UnwindMaps | null;
  /** Why that is so though tables were asked for; empty: it is as asked. */
  readonly unwindFallback: string;
}

type OnCpu = Extract<SourceRequest, { kind: 'on-cpu' }>;
/** How on-CPU sampling is asked for; null: it is not. */
export const onCpuOf = ({ sources }: StartRequest): OnCpu | null =>
  sources.find((source) => source.kind === 'on-cpu') ?? null;

/** Records come one by one: samples, unless they are counted in the kernel, and all other sources. */
export const needsRing = (request: StartRequest): boolean =>
  request.sources.length > 1 || onCpuOf(request)?.mode !== 'aggregate';

function ringBytesFor(request: StartRequest, cpus: number): number {
  if (!needsRing(request)) return 4096;
  const wanted = cpus * (onCpuOf(request)?.rateHz ?? 0) * BYTES_PER_SAMPLE * RING_SECONDS;
  const hasOthers = request.sources.some(({ kind }) => kind !== 'on-cpu');
  let bytes = hasOthers ? EVENT_RING_BYTES : MIN_RING_BYTES;
  while (bytes < wanted && bytes < MAX_RING_BYTES) bytes *= 2;
  return bytes;
}

/**
 * Opens, configures and loads the sampler; on failure nothing is left open. A kernel that refuses the
 * unwinder (before 5.15) gets the sampler without it.
 */
export function loadSampler(
  request: StartRequest,
  cpus: number,
  scope: HelperScope,
): Result<Sampler, ProfilerError> {
  const loaded = loadOnce(request, cpus, scope);
  if (loaded.ok || !usesTables(request) || loaded.error.kind !== 'bpf-load-failed') return loaded;
  const without = loadOnce({ ...request, unwind: 'fp' }, cpus, scope);
  if (!without.ok) return without;
  const { program, errno } = loaded.error;
  const unwindFallback = `This kernel refused the unwinder (${program}: ${errno}), which needs Linux 5.15 or newer.`;
  return ok({ ...without.value, unwindFallback });
}

const usesTables = ({ userStacks, unwind }: StartRequest): boolean => userStacks && unwind !== 'fp';

/** This process runs as the user who asked: launcher/README.md. */
const ownerIn = (scope: HelperScope): Owner =>
  scope === 'own' ? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 } : null;

function loadOnce(
  request: StartRequest,
  cpus: number,
  scope: HelperScope,
): Result<Sampler, ProfilerError> {
  const objects = new CaptureObjects(request, ownerIn(scope));
  const ringBytes = ringBytesFor(request, cpus);
  const onCpu = onCpuOf(request);
  const isAggregate = onCpu?.mode === 'aggregate';
  const settings = {
    source: onCpu === null ? 0 : request.sources.indexOf(onCpu),
    aggregate: isAggregate,
    includeIdle: onCpu?.includeIdle ?? false,
  };
  const prepare = (object: BpfObject) => configure(object, request, { ringBytes, scope });
  const loaded = objects.load(OBJECT, settings, prepare);
  if (!loaded.ok) return loaded;
  const object = loaded.value;
  const aggregate: AggregateMaps | null = isAggregate
    ? {
        counts: [object.mapFd('counts_even'), object.mapFd('counts_odd')],
        stacks: [object.mapFd('stacks_even'), object.mapFd('stacks_odd')],
      }
    : null;
  const unwind = usesTables(request) ? unwindMaps(object) : null;
  return ok({ object, objects, ringBytes, aggregate, unwind, unwindFallback: '' });
}

/** Ties the walk's program to itself and names its maps. */
function unwindMaps(object: BpfObject): UnwindMaps {
  object.setProgramSlot('unwind_programs', 0, 'unwind_user');
  return {
    chunks: object.mapFd('unwind_chunks'),
    pages: object.mapFd('unwind_pages'),
    rules: object.mapFd('unwind_rules'),
    mappings: object.mapFd('unwind_mappings'),
    processes: object.mapFd('unwind_processes'),
    wanted: object.mapFd('unwind_wanted'),
    programs: object.mapFd('unwind_programs'),
  };
}

/** Of a map that nobody will write to: the least that kernels take of its kind. */
const UNUSED_ENTRIES = 128;

/** Maps that only the unwinder uses: not worth their memory without it. */
const UNWIND_MAPS = ['unwind_pages', 'unwind_rules', 'unwind_mappings', 'unwind_processes'];

function configure(
  object: BpfObject,
  request: StartRequest,
  { ringBytes, scope }: { readonly ringBytes: number; readonly scope: HelperScope },
): Result<void, ProfilerError> {
  if (!object.has(NAMES)) {
    const reason = 'it lacks programs or maps of the sampler';
    return err({ kind: 'bpf-object-unusable', object: OBJECT, reason });
  }
  object.setMaxEntries('samples', ringBytes);
  if (scope === 'system') object.setMaxEntries('departures', UNUSED_ENTRIES);
  if (onCpuOf(request)?.mode === 'aggregate') {
    for (const parity of ['even', 'odd']) {
      object.setMaxEntries(`counts_${parity}`, COUNT_ENTRIES);
      object.setMaxEntries(`stacks_${parity}`, STACK_ENTRIES);
    }
  }
  const tables = usesTables(request);
  if (!tables) {
    object.skipProgram('unwind_user');
    if (scope === 'system') object.skipProgram('on_sched_process_exec');
    for (const map of UNWIND_MAPS) object.setMaxEntries(map, 1);
  }
  if (!tables && request.target.kind !== 'process') {
    object.skipProgram('on_sched_process_fork');
    object.skipProgram('on_sched_process_exit');
  }
  return ok(undefined);
}

import { fileURLToPath } from 'node:url';
import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { BpfObject } from '../bpf/bpf-object.ts';
import type { StartRequest } from '../capture/wire/helper-protocol.ts';
import { SAMPLER_CONFIG, TARGET_KINDS } from '../capture/wire/records.ts';
import type { AggregateMaps } from './handover.ts';

const OBJECT = 'on_cpu.bpf.o';
const NAMES = {
  programs: ['on_tick', 'on_sched_process_fork', 'on_sched_process_exit'],
  maps: ['samples', 'target_processes', 'counts_even', 'counts_odd', 'stacks_even', 'stacks_odd'],
};

/** Ring size: a quarter second of the deepest usual stacks (700 B) at full rate, within bounds. */
const BYTES_PER_SAMPLE = 700;
const MIN_RING_BYTES = 8 << 20;
const MAX_RING_BYTES = 64 << 20;
/** Aggregate mode, per map set: distinct (thread, stacks) and distinct stacks in one slice. */
const COUNT_ENTRIES = 16_384;
const STACK_ENTRIES = 16_384;

/** The loaded sampler: the object is closed by the caller once its descriptors are handed over. */
export interface Sampler {
  readonly object: BpfObject;
  readonly ringBytes: number;
  readonly aggregate: AggregateMaps | null;
}

/** Where the object lies: beside this file's folder. Tests may name another folder. */
function objectPath(): string {
  const folder = process.env['EMBERSCOPE_TEST_BPF_DIR'];
  if (process.env['EMBERSCOPE_TEST'] === '1' && folder !== undefined) return `${folder}/${OBJECT}`;
  return fileURLToPath(new URL(`../bpf/${OBJECT}`, import.meta.url));
}

/** struct sampler_config. */
export function encodeSamplerConfig(request: StartRequest): Uint8Array {
  const { fields, size } = SAMPLER_CONFIG;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const { target } = request;
  if (target.kind === 'cgroup') {
    view.setBigUint64(fields.cgroup_id, BigInt(`0x${target.id}`), true);
    view.setUint32(fields.cgroup_level, target.level, true);
  }
  view.setUint32(fields.target_kind, TARGET_KINDS[target.kind], true);
  view.setUint32(fields.aggregate, request.mode === 'aggregate' ? 1 : 0, true);
  view.setUint32(fields.include_idle, request.includeIdle ? 1 : 0, true);
  view.setUint32(fields.kernel_stacks, request.kernelStacks ? 1 : 0, true);
  view.setUint32(fields.user_stacks, request.userStacks ? 1 : 0, true);
  return bytes;
}

function ringBytesFor(request: StartRequest, cpus: number): number {
  if (request.mode === 'aggregate') return 4096;
  const wanted = (cpus * request.rateHz * BYTES_PER_SAMPLE) / 4;
  let bytes = MIN_RING_BYTES;
  while (bytes < wanted && bytes < MAX_RING_BYTES) bytes *= 2;
  return bytes;
}

/** Opens, configures and loads the sampler. On failure nothing is left open. */
export function loadSampler(request: StartRequest, cpus: number): Result<Sampler, ProfilerError> {
  const opened = BpfObject.open(objectPath());
  if (!opened.ok) return opened;
  const object = opened.value;
  const ringBytes = ringBytesFor(request, cpus);
  const loaded = configureAndLoad(object, request, ringBytes);
  if (!loaded.ok) {
    object[Symbol.dispose]();
    return loaded;
  }
  const aggregate: AggregateMaps | null =
    request.mode === 'aggregate'
      ? {
          counts: [object.mapFd('counts_even'), object.mapFd('counts_odd')],
          stacks: [object.mapFd('stacks_even'), object.mapFd('stacks_odd')],
        }
      : null;
  return ok({ object, ringBytes, aggregate });
}

function configureAndLoad(
  object: BpfObject,
  request: StartRequest,
  ringBytes: number,
): Result<void, ProfilerError> {
  if (!object.has(NAMES)) {
    const reason = 'it lacks programs or maps of the sampler';
    return err({ kind: 'bpf-object-unusable', object: OBJECT, reason });
  }
  const configured = object.setRodata(encodeSamplerConfig(request));
  if (!configured.ok) return configured;
  object.setMaxEntries('samples', ringBytes);
  if (request.mode === 'aggregate') {
    for (const parity of ['even', 'odd']) {
      object.setMaxEntries(`counts_${parity}`, COUNT_ENTRIES);
      object.setMaxEntries(`stacks_${parity}`, STACK_ENTRIES);
    }
  }
  if (request.target.kind !== 'process') {
    object.skipProgram('on_sched_process_fork');
    object.skipProgram('on_sched_process_exit');
  }
  return object.load();
}

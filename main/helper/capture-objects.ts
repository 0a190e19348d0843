import { fileURLToPath } from 'node:url';
import type { ProfilerError } from '#shared/errors.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { BpfObject } from '../bpf/bpf-object.ts';
import { hasLoops } from '../bpf/kernel-helpers.ts';
import type { StartRequest } from '../capture/wire/helper-protocol.ts';
import {
  ANY_UID,
  CAPTURE_CONFIG,
  TARGET_KINDS,
  UNWIND_MODE_CODES,
} from '../capture/wire/records.ts';

/** What capture_config holds besides the request's target and stacks. */
export interface ObjectSettings {
  /** Index of the object's source in the request: stack_sample.source. */
  readonly source: number;
  readonly minNs?: number;
  /** DETAIL_CODES. */
  readonly detail?: number;
  /** Bits and words as the object defines them. */
  readonly options?: number;
  readonly parameters?: readonly (number | bigint)[];
  /** On-CPU sampling alone. */
  readonly aggregate?: boolean;
  readonly includeIdle?: boolean;
}

/** Whose processes alone are followed, those that have no more power than he; null: anybody's. */
export type Owner = { readonly uid: number; readonly gid: number } | null;

/** Where the objects lie: beside this file's folder. Tests may name another folder. */
function objectPath(name: string): string {
  const folder = process.env['EMBERSCOPE_TEST_BPF_DIR'];
  if (process.env['EMBERSCOPE_TEST'] === '1' && folder !== undefined) return `${folder}/${name}`;
  return fileURLToPath(new URL(`../bpf/${name}`, import.meta.url));
}

/** struct capture_config. */
export function encodeCaptureConfig(
  request: StartRequest,
  settings: ObjectSettings,
  owner: Owner,
): Uint8Array {
  const { fields, size } = CAPTURE_CONFIG;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  const flag = (at: number, value: boolean | undefined): void =>
    view.setUint32(at, value === true ? 1 : 0, true);
  const { target } = request;
  if (target.kind === 'cgroup') {
    view.setBigUint64(fields.cgroup_id, BigInt(`0x${target.id}`), true);
    view.setUint32(fields.cgroup_level, target.level, true);
  }
  view.setUint32(fields.target_kind, TARGET_KINDS[target.kind], true);
  flag(fields.aggregate, settings.aggregate);
  flag(fields.include_idle, settings.includeIdle);
  flag(fields.kernel_stacks, request.kernelStacks);
  flag(fields.user_stacks, request.userStacks);
  view.setUint32(fields.unwind, UNWIND_MODE_CODES[request.unwind], true);
  view.setUint32(fields.source, settings.source, true);
  view.setBigUint64(fields.min_ns, BigInt(settings.minNs ?? 0), true);
  view.setUint32(fields.detail, settings.detail ?? 0, true);
  view.setUint32(fields.own_uid, owner?.uid ?? ANY_UID, true);
  view.setUint32(fields.own_gid, owner?.gid ?? 0, true);
  view.setUint32(fields.options, settings.options ?? 0, true);
  settings.parameters?.forEach((value, index) => {
    view.setBigUint64(fields.parameters + index * 8, BigInt(value), true);
  });
  return bytes;
}

/** Maps of one name in two objects that are nevertheless two maps: an object's own working memory. */
const OWN_MAPS = new Set([
  'scratch',
  'unwind_walks',
  'event_slots',
  'open_calls',
  'occurrences',
  'trace_filter',
  'trace_budget',
  'trace_payloads',
  'trace_arguments',
  'trace_calls',
  'unwind_programs',
  'counts_even',
  'counts_odd',
  'stacks_even',
  'stacks_odd',
]);
/** The one object that kernels without bpf_loop() can load. */
const SAMPLER = 'on_cpu.bpf.o';
const TOO_OLD: ProfilerError = {
  kind: 'kernel-feature-missing',
  feature: 'Anything but on-CPU sampling',
  reason: 'the kernel has no bpf_loop(), which came with Linux 5.17',
};

/** Entries of each histogram map: cells of (source, key, process, bucket) in one slice. */
export const HISTOGRAM_ENTRIES = 65_536;
const HISTOGRAMS = ['histogram_even', 'histogram_odd'];

/**
 * The BPF objects of one capture. What capture.bpf.h, unwind.bpf.h and event.bpf.h declare is one map
 * for all: the first object that has it creates it. Objects stay open; their descriptors close with
 * this process, those handed over live on.
 */
export class CaptureObjects {
  readonly #request: StartRequest;
  readonly #owner: Owner;
  readonly #shared = new Map<string, number>();
  readonly #objects: BpfObject[] = [];

  constructor(request: StartRequest, owner: Owner) {
    this.#request = request;
    this.#owner = owner;
  }

  /**
   * Opens, configures and loads an object; on failure nothing of it is left open. `prepare` is called
   * between opening and loading: sizes of maps, programs that are not wanted, attach targets.
   */
  load(
    name: string,
    settings: ObjectSettings,
    prepare: (object: BpfObject) => Result<void, ProfilerError> = () => ok(undefined),
  ): Result<BpfObject, ProfilerError> {
    if (name !== SAMPLER && !hasLoops()) return err(TOO_OLD);
    const opened = BpfObject.open(objectPath(name));
    if (!opened.ok) return opened;
    const object = opened.value;
    const loaded = this.#load(object, settings, prepare);
    if (!loaded.ok) {
      object[Symbol.dispose]();
      return loaded;
    }
    this.#objects.push(object);
    for (const [map, fd] of object.maps()) {
      if (!isOwn(map) && !this.#shared.has(map)) this.#shared.set(map, fd);
    }
    return ok(object);
  }

  /** Descriptor of a shared map; null: no object has it. */
  fdOf(map: string): number | null {
    return this.#shared.get(map) ?? null;
  }

  #load(
    object: BpfObject,
    settings: ObjectSettings,
    prepare: (object: BpfObject) => Result<void, ProfilerError>,
  ): Result<void, ProfilerError> {
    const prepared = prepare(object);
    if (!prepared.ok) return prepared;
    const configured = object.setRodata(encodeCaptureConfig(this.#request, settings, this.#owner));
    if (!configured.ok) return configured;
    for (const [map] of object.maps()) {
      const held = this.#shared.get(map);
      if (held !== undefined) object.reuseMap(map, held);
      else if (HISTOGRAMS.includes(map)) object.setMaxEntries(map, HISTOGRAM_ENTRIES);
    }
    return object.load();
  }
}

/** Data sections are named after their object, except that ".bss" is one for all: maps() says so. */
const isOwn = (map: string): boolean =>
  OWN_MAPS.has(map) || (map.includes('.') && map !== STATE_MAP);
/** As BpfObject.maps() calls the .bss section. */
export const STATE_MAP = '.bss';

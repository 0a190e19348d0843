import { closeSync, openSync } from 'node:fs';
import type { HelperScope } from '#shared/model/helper-scope.ts';
import * as capabilities from '../bpf/capabilities.ts';
import type { StartRequest } from '../capture/wire/helper-protocol.ts';
import { MAX_FRAMES } from '../capture/wire/records.ts';
import { errno, errnoName } from '../ffi/koffi.ts';
import { libbpf } from '../ffi/libbpf.ts';
import { isElevated } from './parent-watch.ts';
import type { Sampler } from './sampler.ts';
import { isOwnProcess } from './target-check.ts';
import { withoutPrivilege } from './without-privilege.ts';

/** The capabilities the capture still needs once all is attached; see README.md. */
export function capabilitiesToKeep(
  request: StartRequest,
  sampler: Sampler,
  scope: HelperScope,
): bigint {
  const keep: capabilities.Capability[] = [];
  const { target } = request;
  // Never for own processes alone: one of them may have become somebody else's program by now.
  if (scope === 'system' && (target.kind !== 'process' || !isOwnProcess(target.pid))) {
    keep.push('CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH');
  }
  // To read who left. To look into processes that have what systemd gives to a whole session: ptrace(2).
  if (scope === 'own') keep.push('CAP_BPF', 'CAP_WAKE_ALARM');
  // Chunks of unwind tables are maps of their own, created as they are needed; deleted files have one, too.
  if (sampler.unwind !== null) keep.push('CAP_BPF', 'CAP_CHECKPOINT_RESTORE');
  if (
    sampler.objects.fdOf('histogram_even') !== null &&
    !withoutPrivilege(() => canReadMap(sampler))
  ) {
    keep.push('CAP_BPF');
  }
  if (sampler.aggregate !== null && !withoutPrivilege(() => canReadMap(sampler))) {
    keep.push('CAP_BPF');
  }
  if (!withoutPrivilege(canReadProgram)) keep.push('CAP_DAC_READ_SEARCH');
  // Whoever has a capability cannot be traced by a process without it, from its first instruction on.
  if (keep.length === 0 && isElevated()) keep.push('CAP_BPF');
  return capabilities.maskOf(keep) & capabilities.readCapabilities().permitted;
}

/** Kernels before 5.19 refuse every bpf(2) call where unprivileged BPF is off. */
function canReadMap({ aggregate, objects }: Sampler): boolean {
  const library = libbpf();
  const map = aggregate?.stacks[0] ?? objects.fdOf('histogram_even');
  if (!library.ok || map === null) return false;
  // Larger than any key and value of either map.
  const room = new Uint8Array(8 * MAX_FRAMES);
  const absent = library.value.bpf_map_lookup_elem(map, new Uint8Array(64), room);
  return absent === 0 || errnoName(errno()) === 'ENOENT';
}

/** Root without its capabilities cannot enter another user's closed folder, e.g. a checkout. */
function canReadProgram(): boolean {
  try {
    closeSync(openSync(process.argv[1] ?? '', 'r'));
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EACCES') return false;
    throw error;
  }
}

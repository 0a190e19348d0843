import type { ProfilerError } from '#shared/errors.ts';
import type { HelperScope } from '#shared/model/helper-scope.ts';
import { err, ok, type Result } from '#shared/result.ts';
import type { UserPlace } from '../bpf/probe-event.ts';
import { FileSource } from '../elf/byte-source.ts';
import { ElfFile, segmentAtOffset } from '../elf/elf-file.ts';
import { hasFunctionAt } from '../elf/function-starts.ts';
import { sdtProbesOf } from '../elf/sdt-notes.ts';
import { FunctionBounds } from '../unwind/function-bounds.ts';
import { isElevated } from './parent-watch.ts';
import { withoutPrivilege } from './without-privilege.ts';

/** In how many processes a file of somebody else's is probed; each takes a descriptor per place. */
const MAX_PROCESSES = 64;

/** What the request says of a place in user code. */
export interface WantedPlace {
  readonly path: string;
  readonly offset: number;
  /** Absent: it is the beginning of a function. 0: of a USDT probe without a counter. */
  readonly semaphoreOffset?: number;
}

/** Where a probe goes. */
export interface FoundPlaces {
  readonly places: readonly UserPlace[];
  /** What is not measured therefore, one sentence; empty: nothing. */
  readonly note: string;
}

/**
 * The files that user probes are put into. A probe changes code in memory, and a USDT counter data, of every
 * process that has the file mapped. So a file is opened with no more than the user's own rights and known by
 * its descriptor from then on, and in a file that is not his own a probe goes only where the file itself says
 * that a function begins or a USDT probe stands: anywhere else it would corrupt other people's programs. A
 * helper for own processes probes such a file in these alone.
 */
export class ProbeFiles {
  readonly #scope: HelperScope;
  readonly #members: readonly number[];
  readonly #files = new Map<string, FileSource>();

  /** `members`: processes of the target, if it is one of own processes. */
  constructor(scope: HelperScope, members: readonly number[]) {
    this.#scope = scope;
    this.#members = members;
  }

  placesOf(wanted: WantedPlace): Result<FoundPlaces, ProfilerError> {
    const file = this.#open(wanted.path);
    if (!file.ok) return file;
    const { path, offset, semaphoreOffset = 0 } = wanted;
    const place = { path, file: file.value.openPath, offset, semaphoreOffset };
    // Whoever owns a file can change its code in any way.
    if (file.value.owner === process.getuid?.()) return ok({ places: [place], note: '' });
    const problem = problemOf(file.value, wanted);
    if (problem !== null) {
      const probe = `${path}:+0x${offset.toString(16)}`;
      return err({ kind: 'probe-unsupported', probe, reason: problem });
    }
    if (this.#scope === 'system') return ok({ places: [place], note: '' });
    const processes = this.#members.slice(0, MAX_PROCESSES);
    const note = `In ${processes.length} processes of the target, those that ran at the start: the file is not yours, and what they start later takes the permission to record everything`;
    return ok({ places: processes.map((pid) => ({ ...place, pid })), note });
  }

  #open(path: string): Result<FileSource, ProfilerError> {
    const known = this.#files.get(path);
    if (known !== undefined) return ok(known);
    // Whoever was raised by nobody has the rights himself.
    const open = () => FileSource.open(path);
    const opened = isElevated() ? withoutPrivilege(open) : open();
    if (opened.ok) {
      this.#files.set(path, opened.value);
      return opened;
    }
    const { error } = opened;
    if (error.kind === 'not-found') return err({ kind: 'file-not-found', path });
    if (error.kind === 'unreadable' && error.errno === 'EACCES') {
      return err({ kind: 'target-not-own', what: `You may not read ${path}` });
    }
    return err({ kind: 'file-unreadable', path, reason: error.kind });
  }
}

/** Why no probe goes there; null: one may. */
function problemOf(file: FileSource, wanted: WantedPlace): string | null {
  const parsed = ElfFile.parse(file);
  if (!parsed.ok) return `it is no program or library (${parsed.error})`;
  const { offset, semaphoreOffset } = wanted;
  if (semaphoreOffset === undefined) {
    return beginsFunction(parsed.value, offset)
      ? null
      : 'no function begins there as far as the file says, and the file is not yours';
  }
  const isKnown = sdtProbesOf(parsed.value).some(
    (probe) => probe.offset === offset && probe.semaphoreOffset === semaphoreOffset,
  );
  return isKnown ? null : 'the file has no USDT probe there, and the file is not yours';
}

function beginsFunction(elf: ElfFile, offset: number): boolean {
  const segment = segmentAtOffset(elf.segments, offset);
  if (segment === null) return false;
  const vaddr = offset - segment.offset + segment.vaddr;
  return hasFunctionAt(elf, vaddr) || FunctionBounds.of(elf)?.startOf(vaddr) === vaddr;
}

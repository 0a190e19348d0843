import type { ProfilerError } from '#shared/errors.ts';
import type { HelperScope } from '#shared/model/helper-scope.ts';
import { err, ok, type Result } from '#shared/result.ts';
import type { ProbePoint, UserPlace } from '../bpf/probe-event.ts';
import { FileSource } from '../elf/byte-source.ts';
import { isElevated } from './parent-watch.ts';
import { problemOfPlace, type WantedPlace } from './probe-place.ts';
import { logRefusalOnce } from './refusal-log.ts';
import { withoutPrivilege } from './without-privilege.ts';

/**
 * The files that user probes are put into. A probe changes code in memory, a probe at returns the stack, and a
 * USDT counter data, of every process that has the file mapped. So a file is opened with no more than the user's
 * own rights and known by its descriptor from then on. In one that is not his own, which other people's programs
 * run, nothing is probed by a permission for own processes; else only where probe-place.ts finds that it
 * disturbs nobody.
 */
export class ProbeFiles {
  readonly #scope: HelperScope;
  readonly #files = new Map<string, FileSource>();

  constructor(scope: HelperScope) {
    this.#scope = scope;
  }

  /** Where to probe for `points`: all of them at one place. */
  placeOf(wanted: WantedPlace, points: readonly ProbePoint[]): Result<UserPlace, ProfilerError> {
    const file = this.#open(wanted.path);
    if (!file.ok) return file;
    const { path, offset, semaphoreOffset = 0 } = wanted;
    const place = { path, file: file.value.openPath, offset, semaphoreOffset };
    // Whoever owns a file can change its code in any way.
    if (file.value.owner === process.getuid?.()) return ok(place);
    if (this.#scope === 'own') return err(notOwn(`${path} is another user’s file`));
    const reason = problemOfPlace(file.value, wanted, points.includes('return'));
    if (reason === null) return ok(place);
    const probe = `${path}:+0x${offset.toString(16)}`;
    logRefusalOnce(`a probe at ${probe}: ${reason}`);
    return err({ kind: 'probe-unsupported', probe, reason });
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
      return err(notOwn(`You may not read ${path}`));
    }
    return err({ kind: 'file-unreadable', path, reason: error.kind });
  }
}

const notOwn = (what: string): ProfilerError => ({ kind: 'target-not-own', what });

import type { ProfilerError } from '#shared/errors.ts';
import type { HelperScope } from '#shared/model/helper-scope.ts';
import { err, ok, type Result } from '#shared/result.ts';
import type { ProbePoint, UserPlace } from '../bpf/probe-event.ts';
import { FileSource } from '../elf/byte-source.ts';
import { isElevated } from './parent-watch.ts';
import { ProbePlaces, type WantedPlace } from './probe-place.ts';
import { logRefusalOnce } from './refusal-log.ts';
import { withoutPrivilege } from './without-privilege.ts';

/** An open file, and what it says of itself. */
interface ProbeFile {
  readonly source: FileSource;
  readonly places: ProbePlaces;
}

/**
 * The files that user probes are put into. A probe changes code in memory, a probe at returns the stack, and a
 * USDT counter data, of every process that has the file mapped. So a file is opened with no more than the user's
 * own rights and known by its descriptor from then on. In one that is not his own, which other people's programs
 * run, nothing is probed by a permission for own processes; else only where probe-place.ts finds that it
 * disturbs nobody.
 */
export class ProbeFiles {
  readonly #scope: HelperScope;
  readonly #files = new Map<string, ProbeFile>();

  constructor(scope: HelperScope) {
    this.#scope = scope;
  }

  /** Where to probe for `points`: all of them at one place. */
  placeOf(wanted: WantedPlace, points: readonly ProbePoint[]): Result<UserPlace, ProfilerError> {
    const file = this.#open(wanted.path);
    if (!file.ok) return file;
    const { path, offset, semaphoreOffset = 0 } = wanted;
    const { source, places } = file.value;
    const place = { path, file: source.openPath, offset, semaphoreOffset };
    // Whoever owns a file can change its code in any way.
    if (source.owner === process.getuid?.()) return ok(place);
    if (this.#scope === 'own') return err(notOwn(`${path} is another user’s file`));
    const reason = places.problemOf(wanted, points.includes('return'));
    if (reason === null) return ok(place);
    const probe = `${path}:+0x${offset.toString(16)}`;
    logRefusalOnce(`a probe at ${probe}: ${reason}`);
    return err({ kind: 'probe-unsupported', probe, reason });
  }

  #open(path: string): Result<ProbeFile, ProfilerError> {
    const known = this.#files.get(path);
    if (known !== undefined) return ok(known);
    // Whoever was raised by nobody has the rights himself.
    const open = () => FileSource.open(path);
    const opened = isElevated() ? withoutPrivilege(open) : open();
    if (opened.ok) {
      const file = { source: opened.value, places: new ProbePlaces(opened.value) };
      this.#files.set(path, file);
      return ok(file);
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

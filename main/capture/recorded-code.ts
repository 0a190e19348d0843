import { readFileSync, statSync } from 'node:fs';
import { hostname, release } from 'node:os';
import type { ImageProblem } from '#shared/model/image-problem.ts';
import type { StoredCode, StoredImage, StoredProcess } from '../store/stored-code.ts';
import { type FetchedFiles, type ImageRef } from '../symbolize/image-files.ts';
import { bootTimeMs, processStartMs } from '../symbolize/process-facts.ts';

/** Two accounts of when a process began, or of now, differ by no more, ms. */
const SLACK_MS = 2000;

/**
 * The images of a recorded session as things that can be opened here and now. What may have become
 * another's since (a pid, an inode, a perf map, the running kernel) is offered only if it is proven.
 */
export class RecordedCode {
  readonly #code: StoredCode;
  readonly #fetched = new Map<number, FetchedFiles>();
  readonly #isThisBoot: boolean;
  readonly #isThisHost: boolean;

  constructor(code: StoredCode) {
    this.#code = code;
    this.#isThisHost = code.host.hostname === hostname();
    const bootMs = bootTimeMs();
    const isSince = bootMs !== null && code.startedMs >= bootMs - SLACK_MS;
    this.#isThisBoot = this.#isThisHost && code.host.kernel === release() && isSince;
  }

  /** Whether the kernel that was recorded still runs: its symbols then are the right ones. */
  get isThisBoot(): boolean {
    return this.#isThisBoot;
  }

  /** An image to be symbolized; a problem: nothing here can be the right one. */
  refOf(row: number): ImageRef | ImageProblem {
    const image = this.#code.images[row]!;
    const { kind, path, fileIdentity, buildId } = image;
    if (kind === 'kernel' || kind === 'module' || kind === 'vdso') {
      if (!this.#isThisBoot) return { kind: 'other-kernel' };
      return { ...image, pids: [] };
    }
    if (kind === 'jit' || kind === 'unknown') return this.#generated(row, image);
    if (buildId === '' && !this.#isThisHost) return { kind: 'unproven', path };
    const recordedMs = this.#code.startedMs;
    const pids = this.#livePids(row);
    const fetched = this.#fetched.get(row);
    const ref = { kind, path, buildId, fileIdentity, pids, recordedMs };
    return fetched === undefined ? ref : { ...ref, fetched };
  }

  /** Files of an image were brought from elsewhere. */
  addFetched(row: number, files: FetchedFiles): void {
    this.#fetched.set(row, { ...this.#fetched.get(row), ...files });
  }

  /** Processes that had the image mapped and still run. */
  #livePids(row: number): readonly number[] {
    if (!this.#isThisBoot) return [];
    const users = this.#code.usersOf.get(row) ?? [];
    return [...new Set(users.filter((user) => this.#isAlive(user)).map(({ pid }) => pid))];
  }

  #isAlive({ pid, startNs }: StoredProcess): boolean {
    const startMs = processStartMs(pid);
    const recorded = this.#code.startedMs + startNs / 1e6;
    return startMs !== null && Math.abs(startMs - recorded) <= SLACK_MS;
  }

  #generated(row: number, image: StoredImage): ImageRef | ImageProblem {
    const pid = Number(image.fileIdentity.slice('pid:'.length));
    const nobody: ImageProblem = { kind: 'no-perf-map', pids: pid > 0 ? [pid] : [] };
    if (image.kind !== 'jit' || !this.#isThisBoot) return nobody;
    const lives = (this.#code.usersOf.get(row) ?? []).filter((user) => user.pid === pid);
    const isProven = lives.some((life) => this.#isAlive(life) || this.#leftItsMap(life));
    return isProven ? { ...image, pids: [pid] } : nobody;
  }

  /** The process is gone, and its perf map was neither made before it nor touched after the recording. */
  #leftItsMap({ pid, startNs, uid }: StoredProcess): boolean {
    if (processStartMs(pid) !== null) return false;
    const map = statSync(`/tmp/perf-${pid}.map`, { throwIfNoEntry: false });
    if (map === undefined || (map.uid !== uid && map.uid !== 0)) return false;
    const { startedMs, endedMs } = this.#code;
    const isOld = map.mtimeMs < startedMs + startNs / 1e6 - SLACK_MS;
    return !isOld && map.mtimeMs <= endedMs + SLACK_MS;
  }
}

/** The kernel's symbols as this user sees them now. */
export function kallsymsNow(): Uint8Array {
  try {
    return readFileSync('/proc/kallsyms');
  } catch (error) {
    // A kernel without CONFIG_KALLSYMS has no such file.
    if (error instanceof Error && 'code' in error) return new Uint8Array(0);
    throw error;
  }
}

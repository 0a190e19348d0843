import { statSync } from 'node:fs';
import { errnoOf } from '../elf/byte-source.ts';
import { type JitSymbol, PerfMap } from './perf-map.ts';
import { innerPid, processOwner, processStartMs } from './process-facts.ts';

/** /proc/stat gives the boot time in whole seconds. */
const CLOCK_SLACK_MS = 2000;

/**
 * The perf map of one process: in its own /tmp (of its container, under its pid there), else in ours.
 * A map that somebody else wrote, or an earlier process of the same pid, is not believed.
 */
export class ProcessPerfMap {
  private readonly pid: number;
  private map: PerfMap | null = null;

  constructor(pid: number) {
    this.pid = pid;
  }

  /** Lines skipped as malformed; of a replaced file, since then. */
  get malformed(): number {
    return this.map?.malformed ?? 0;
  }

  /** Pieces of code known. */
  get length(): number {
    return this.map?.length ?? 0;
  }

  /** Reads what is new; false: there is no map. What was read is kept when the process ends. */
  refresh(): boolean {
    if (this.map !== null && this.map.refresh() === null) return true;
    if (this.map !== null && this.map.length > 0) return true;
    for (const places of this.candidates()) {
      if (!isTrustworthy(places[0]!, this.pid)) continue;
      const map = new PerfMap(...places);
      if (map.refresh() !== null) continue;
      this.map = map;
      return true;
    }
    return false;
  }

  /** The newest code at an absolute address; null: none known. */
  find(address: number): JitSymbol | null {
    return this.map?.find(address) ?? null;
  }

  /** Each with the places it may be reached by later. */
  private candidates(): readonly (readonly string[])[] {
    const { pid } = this;
    const inner = innerPid(pid);
    const ours = `/tmp/perf-${pid}.map`;
    return inner === null ? [[ours]] : [[`/proc/${pid}/root/tmp/perf-${inner}.map`, ours], [ours]];
  }
}

/** /tmp is everybody's: the file must be the process's user's (or root's) and no older than the process. */
export function isTrustworthy(path: string, pid: number): boolean {
  try {
    const file = statSync(path);
    if (!file.isFile()) return false;
    const uid = processOwner(pid);
    if (uid !== null && file.uid !== 0 && file.uid !== uid) return false;
    const started = processStartMs(pid);
    return started === null || file.mtimeMs >= started - CLOCK_SLACK_MS;
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return false;
  }
}

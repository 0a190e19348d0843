import { JitDump } from './jitdump.ts';
import type { JitSymbol } from './perf-map.ts';
import { isTrustworthy, ProcessPerfMap } from './perf-map-files.ts';
import { innerPid, textOf } from './process-facts.ts';

/**
 * A process's mappings are looked through for a jitdump after this, ms, and after twice as long each further
 * time: recorders hear of one that is mapped later (addDump).
 */
const FIRST_LOOK_AGAIN_MS = 1000;
const LAST_LOOK_AGAIN_MS = 60_000;
/** Characters of /proc/PID/maps; a process with more mappings is not looked through to the end. */
const MAX_MAPS_LENGTH = 32 << 20;
/** What a runtime calls its jitdump: it maps the file's first page, so that profilers find it. */
const JITDUMP_PATH = /\/jit-\d+\.dump$/;

/** Whether a mapping of this path is a runtime's mark: "here is my jitdump". */
export const isJitdumpPath = (path: string): boolean => JITDUMP_PATH.test(path);

/**
 * Names of the code that one process generated: of its jitdump, which knows sizes, moves and lines, and
 * of its perf map. What was read is kept when the process ends.
 */
export class ProcessJitNames {
  private readonly pid: number;
  private readonly perfMap: ProcessPerfMap;
  private readonly dumps = new Map<string, JitDump>();
  private hasPerfMap = false;
  private lookAt = -Infinity;
  private lookAgainMs = FIRST_LOOK_AGAIN_MS;

  constructor(pid: number) {
    this.pid = pid;
    this.perfMap = new ProcessPerfMap(pid);
  }

  /** Lines and records skipped as malformed. */
  get malformed(): number {
    let count = this.perfMap.malformed;
    for (const dump of this.dumps.values()) count += dump.malformed;
    return count;
  }

  /** Pieces of code known: another number whenever there is news. */
  get length(): number {
    let count = this.perfMap.length;
    for (const dump of this.dumps.values()) count += dump.length;
    return count;
  }

  /** Reads what is new; false: the process tells no names. */
  refresh(): boolean {
    this.lookForDumps();
    for (const dump of this.dumps.values()) dump.refresh();
    this.hasPerfMap = this.perfMap.refresh();
    return this.hasPerfMap || [...this.dumps.values()].some(({ length }) => length > 0);
  }

  /** Reads a jitdump that the process was seen to map, while the process is there to lead to it. */
  addDump(path: string): void {
    if (this.dumps.has(path)) return;
    const inside = `/proc/${this.pid}/root${path}`;
    for (const places of [[inside, path], [path]]) {
      const dump = openDump(places, this.pid);
      if (dump === null) continue;
      this.dumps.set(path, dump);
      return;
    }
  }

  /** The newest code at an absolute address; null: none known. */
  find(address: number): JitSymbol | null {
    for (const dump of this.dumps.values()) {
      const found = dump.find(address);
      if (found !== null) return found;
    }
    return this.hasPerfMap ? this.perfMap.find(address) : null;
  }

  private lookForDumps(): void {
    const now = performance.now();
    if (this.dumps.size > 0 || now < this.lookAt) return;
    this.lookAt = now + this.lookAgainMs;
    this.lookAgainMs = Math.min(2 * this.lookAgainMs, LAST_LOOK_AGAIN_MS);
    for (const path of dumpPathsIn(
      (textOf(`/proc/${this.pid}/maps`) ?? '').slice(0, MAX_MAPS_LENGTH),
    ))
      this.addDump(path);
  }
}

/** A file of that name can be anybody's: it must be the process's user's and say the process's pid. */
function openDump(places: readonly string[], pid: number): JitDump | null {
  if (!isTrustworthy(places[0]!, pid)) return null;
  const dump = new JitDump(...places);
  if (dump.refresh() !== null) return null;
  const inner = innerPid(pid) ?? pid;
  // Before its first record the header may not be written yet.
  return dump.pid === inner || dump.pid === 0 ? dump : null;
}

/** Paths of jitdumps in the text of /proc/PID/maps (proc_pid_maps(5)). */
export function dumpPathsIn(maps: string): string[] {
  const paths = new Set<string>();
  for (const line of maps.split('\n')) {
    const slash = line.indexOf('/');
    if (slash >= 0 && isJitdumpPath(line)) paths.add(line.slice(slash));
  }
  return [...paths];
}

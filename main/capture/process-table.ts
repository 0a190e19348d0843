import type { ProcessRow, ProcessUpdate, ThreadRow, ThreadUpdate } from '../store/session-batch.ts';
import { AddressSpace } from './address-space.ts';
import { type ProcessDetails, ProcessEntry, placeholderDetails } from './process-entry.ts';
import type { ProcessFact } from './wire/helper-protocol.ts';

/**
 * Two reports of one process give its start within this many ns: /proc counts in ticks of 10 ms
 * (proc_pid_stat(5), CLK_TCK 100), the kernel's fork record is exact.
 */
const SAME_START_NS = 50e6;

type Fact<K extends ProcessFact['kind']> = Extract<ProcessFact, { kind: K }>;

/** The process and thread rows since the last take. */
export interface ProcessChanges {
  readonly processes: readonly ProcessRow[];
  readonly threads: readonly ThreadRow[];
  readonly processUpdates: readonly ProcessUpdate[];
  readonly threadUpdates: readonly ThreadUpdate[];
}

/**
 * Who runs: facts in order of time become process and thread rows and address spaces. A pid names
 * its latest life; an ended one keeps its pid until the next, because a process can still be
 * sampled on its way out.
 */
export class ProcessTable {
  readonly #byPid = new Map<number, ProcessEntry>();
  readonly #entries: ProcessEntry[] = [];
  readonly #threads: { process: number; tid: number; comm: string }[] = [];
  #takenProcesses = 0;
  #takenThreads = 0;
  readonly #changedProcesses = new Set<ProcessEntry>();
  readonly #changedThreads = new Set<number>();
  /** Ended since the last take. */
  readonly #endedNow: ProcessEntry[] = [];
  /** Ended before the last take: their address spaces go at the next one. */
  #endedBefore: ProcessEntry[] = [];

  get processCount(): number {
    return this.#entries.length;
  }

  /** Facts must come in order of time; see FactQueue. */
  apply(fact: ProcessFact): void {
    switch (fact.kind) {
      case 'process':
        this.#applyProcess(fact);
        break;
      case 'thread':
        this.#applyThread(fact);
        break;
      case 'fork':
        this.#applyFork(fact);
        break;
      case 'exec':
        this.#applyExec(fact);
        break;
      case 'mapping':
        this.#applyMapping(fact);
        break;
      case 'exit':
        this.#applyExit(fact);
        break;
    }
  }

  /** The process a sample at `timeNs` belongs to; made up when nobody told of it. */
  processOf(pid: number, timeNs: number): ProcessEntry {
    return this.#byPid.get(pid) ?? this.#add(pid, placeholderDetails(pid, timeNs), null);
  }

  /** The thread's row; a thread nobody told of bears its process's name. */
  threadRowOf(entry: ProcessEntry, tid: number): number {
    return entry.threads.get(tid) ?? this.#addThread(entry, tid, entry.details.comm);
  }

  /** The pid of the process in `row` while it lives; null afterwards. */
  livePid(row: number): number | null {
    const entry = this.#entries[row];
    return entry?.endNs === null ? entry.pid : null;
  }

  /** Rows and changes since the last call. */
  takeChanges(): ProcessChanges {
    const processes = this.#entries.slice(this.#takenProcesses).map((entry) => entry.toRow());
    const threads = this.#threads.slice(this.#takenThreads).map((thread) => ({ ...thread }));
    // A row has no end: one that ended before it was first written needs an update as well.
    const endedUnwritten = this.#entries
      .slice(this.#takenProcesses)
      .filter((entry) => entry.endNs !== null);
    const changed = new Set([...this.#changedProcesses, ...endedUnwritten]);
    const changes = {
      processes,
      threads,
      processUpdates: [...changed]
        .filter((entry) => entry.row < this.#takenProcesses || entry.endNs !== null)
        .map((entry) => entry.toUpdate()),
      threadUpdates: [...this.#changedThreads]
        .filter((row) => row < this.#takenThreads)
        .map((row) => ({ thread: row, comm: this.#threads[row]!.comm })),
    };
    this.#takenProcesses = this.#entries.length;
    this.#takenThreads = this.#threads.length;
    this.#changedProcesses.clear();
    this.#changedThreads.clear();
    this.#forgetSpaces();
    return changes;
  }

  /** Ended processes give their memory back one take after their end: late samples are through. */
  #forgetSpaces(): void {
    const isOver = (entry: ProcessEntry): boolean => entry.endNs !== null;
    for (const entry of this.#endedBefore.filter(isOver)) entry.space = new AddressSpace();
    this.#endedBefore = this.#endedNow.splice(0);
  }

  #applyProcess(fact: Fact<'process'>): void {
    const known = this.#byPid.get(fact.pid);
    if (known === undefined || !isSameLife(known, fact.start)) {
      if (known?.endNs === null) this.#end(known, fact.start);
      const nothing = placeholderDetails(fact.pid, fact.start);
      this.#add(fact.pid, merged(nothing, detailsOf(fact)), new AddressSpace());
      return;
    }
    if (known.endNs !== null) return; // a look at what is left of it tells less than is known
    const start = known.isPlaceholder ? fact.start : known.details.start;
    known.details = { ...merged(known.details, detailsOf(fact)), start };
    known.isPlaceholder = false;
    this.#changedProcesses.add(known);
    this.#renameThread(known, fact.pid, known.details.comm);
  }

  #applyThread(fact: Fact<'thread'>): void {
    const entry = this.#byPid.get(fact.pid);
    if (entry === undefined) return; // its process is outside the target
    if (fact.tid === fact.pid) this.#rename(entry, fact.comm, entry.details.exe);
    else if (entry.threads.has(fact.tid)) this.#renameThread(entry, fact.tid, fact.comm);
    else this.#addThread(entry, fact.tid, fact.comm);
  }

  #applyFork(fact: Fact<'fork'>): void {
    const parent = this.#byPid.get(fact.parentPid);
    if (fact.pid === fact.parentPid) {
      // A new thread: a reused tid starts over with its process's name.
      if (parent !== undefined) this.#renameThread(parent, fact.tid, parent.details.comm);
      return;
    }
    const known = this.#byPid.get(fact.pid);
    if (known !== undefined && isSameLife(known, fact.time)) {
      const knowsNothing = known.space.mappings.length === 0;
      if (knowsNothing && parent !== undefined) known.space = parent.space.fork();
      return;
    }
    if (known?.endNs === null) this.#end(known, fact.time);
    const inherited = parent?.details ?? placeholderDetails(fact.pid, fact.time);
    const details = { ...inherited, parentPid: fact.parentPid, start: fact.time };
    this.#add(fact.pid, details, parent?.space.fork() ?? new AddressSpace());
  }

  #applyExec(fact: Fact<'exec'>): void {
    const entry = this.processOf(fact.pid, fact.time);
    entry.space = new AddressSpace();
    this.#rename(entry, fact.comm, fact.exe === '' ? entry.details.exe : fact.exe);
  }

  #applyMapping(fact: Fact<'mapping'>): void {
    const entry = this.processOf(fact.pid, fact.time);
    const start = Number.parseInt(fact.start, 16);
    const end = Number.parseInt(fact.end, 16);
    // The vsyscall page lies in the kernel's half, where numbers are not exact; nothing runs in it.
    if (!Number.isSafeInteger(end)) return;
    const { fileOffset, path, buildId, inode } = fact;
    // A file may be mapped at any 64-bit offset; no program's code lies that far out.
    if (!Number.isSafeInteger(fileOffset + (end - start))) return;
    entry.space.add({ start, end, fileOffset, fromNs: fact.time, path, buildId, inode });
  }

  #applyExit(fact: Fact<'exit'>): void {
    const entry = this.#byPid.get(fact.pid);
    if (entry === undefined) return;
    // The leader may leave before other threads: the last exit after its own is the end.
    if (fact.tid === fact.pid || entry.endNs !== null) this.#end(entry, fact.time);
  }

  #end(entry: ProcessEntry, timeNs: number): void {
    if (entry.endNs === null) this.#endedNow.push(entry);
    entry.endNs = Math.max(timeNs, entry.details.start);
    this.#changedProcesses.add(entry);
  }

  #add(pid: number, details: ProcessDetails, space: AddressSpace | null): ProcessEntry {
    const entry = new ProcessEntry(this.#entries.length, pid, details, space);
    this.#entries.push(entry);
    this.#byPid.set(pid, entry);
    return entry;
  }

  #addThread(entry: ProcessEntry, tid: number, comm: string): number {
    const row = this.#threads.push({ process: entry.row, tid, comm }) - 1;
    entry.threads.set(tid, row);
    return row;
  }

  #rename(entry: ProcessEntry, comm: string, exe: string): void {
    entry.details = { ...entry.details, comm, exe };
    this.#changedProcesses.add(entry);
    this.#renameThread(entry, entry.pid, comm);
  }

  #renameThread(entry: ProcessEntry, tid: number, comm: string): void {
    const row = entry.threads.get(tid);
    if (row === undefined || this.#threads[row]!.comm === comm) return;
    this.#threads[row]!.comm = comm;
    this.#changedThreads.add(row);
  }
}

function isSameLife(entry: ProcessEntry, start: number): boolean {
  if (entry.isPlaceholder) return entry.endNs === null;
  return Math.abs(entry.details.start - start) <= SAME_START_NS;
}

/** What /proc did not tell any more (a process on its way out) stays as it was known. */
function merged(before: ProcessDetails, now: ProcessDetails): ProcessDetails {
  return {
    parentPid: now.parentPid === 0 ? before.parentPid : now.parentPid,
    start: now.start,
    comm: now.comm === '' ? before.comm : now.comm,
    exe: now.exe === '' ? before.exe : now.exe,
    cmdline: now.cmdline === '' ? before.cmdline : now.cmdline,
    uid: now.uid < 0 ? before.uid : now.uid,
    cgroup: now.cgroup === '' ? before.cgroup : now.cgroup,
  };
}

function detailsOf(fact: Fact<'process'>): ProcessDetails {
  const { parentPid, start, comm, exe, cmdline, uid, cgroup } = fact;
  return { parentPid, start, comm, exe, cmdline, uid, cgroup };
}

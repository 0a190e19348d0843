import type { SideBandRecord } from '../bpf/side-band-records.ts';
import type { ProcessFact } from '../capture/wire/helper-protocol.ts';
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, clockNs } from '../ffi/libc.ts';
import type { Leavers } from './departures.ts';
import type { HandoverTarget } from './handover.ts';
import { Leaving } from './leaving.ts';
import * as proc from './proc-files.ts';

/** ns per tick of /proc/PID/stat: USER_HZ is 100 on every architecture we run on. */
const NS_PER_TICK = 10_000_000n;

type ProcessEntry = Omit<Extract<ProcessFact, { kind: 'process' }>, 'kind'>;

/** What became of a process's program, if the same drain already tells. */
type Lookahead = ReadonlyMap<SideBandRecord, string>;

/**
 * Turns /proc and side-band records into facts about the target's processes.
 *
 * A process is learnt of in three ways: the scan at the start, a fork record, or a sample of a
 * process nobody spoke of (it moved into the cgroup, or a record was lost): then /proc is asked.
 */
export class ProcessFacts {
  readonly #startNs: bigint;
  readonly #target: HandoverTarget;
  readonly #known = new Map<number, ProcessEntry>();
  /** Process and cgroup targets: processes of the target. */
  readonly #members = new Set<number>();
  readonly #bootOffsetNs: bigint;
  /** null: processes may become whatever they like. */
  readonly #leaving: Leaving | null;
  /** Processes whose mappings we may not read, and how many of them were sampled. */
  readonly #unreadable = new Set<number>();
  #unread = 0;

  /** `startNs`: CLOCK_MONOTONIC of the session's time 0. */
  constructor(startNs: bigint, target: HandoverTarget, leavers: Leavers | null = null) {
    this.#startNs = startNs;
    this.#leaving = leavers === null ? null : new Leaving(leavers);
    this.#target = target;
    this.#bootOffsetNs = clockNs(CLOCK_BOOTTIME) - clockNs(CLOCK_MONOTONIC);
    if (target.kind === 'process') for (const pid of target.members) this.#members.add(pid);
  }

  /** Sampled processes whose mappings we were not allowed to read: facts lost. */
  get unreadProcesses(): number {
    return this.#unread;
  }

  /** Processes to scan at the start. */
  initialPids(): number[] {
    if (this.#target.kind === 'process') return [...this.#members];
    return proc.listProcesses();
  }

  /** Facts about a process from /proc; none if it is gone or not of the target. */
  scan(pid: number): ProcessFact[] {
    const status = proc.readStatus(pid);
    if (status === null) return [];
    const cgroup = proc.readCgroup(pid);
    if (this.#target.kind === 'cgroup') {
      if (!isInside(cgroup, this.#target.path)) return [];
      this.#members.add(pid);
    }
    const entry: ProcessEntry = {
      pid,
      parentPid: status.parentPid,
      start: this.#sinceStart(BigInt(status.startTicks) * NS_PER_TICK - this.#bootOffsetNs),
      comm: status.comm,
      exe: proc.readExe(pid),
      cmdline: proc.readCommandLine(pid),
      uid: proc.readUid(pid),
      cgroup,
    };
    this.#known.set(pid, entry);
    return [{ kind: 'process', ...entry }, ...this.#threads(pid), ...this.#mappings(pid)];
  }

  /** Takes note of processes sampled for the first time; facts about those nothing is known of. */
  onSampled(pids: readonly number[]): ProcessFact[] {
    const facts = pids.flatMap((pid) => {
      // Samples of one that left are of before.
      if (pid === 0 || this.#known.has(pid) || this.#leaving?.hasLeft(pid) === true) return [];
      this.#members.add(pid);
      return this.scan(pid);
    });
    this.#unread += pids.filter((pid) => this.#unreadable.has(pid)).length;
    return facts;
  }

  #threads(pid: number): ProcessFact[] {
    return proc.listThreads(pid).flatMap((tid) => {
      const comm = proc.readThreadComm(pid, tid);
      return comm === '' ? [] : [{ kind: 'thread', pid, tid, comm }];
    });
  }

  #mappings(pid: number): ProcessFact[] {
    const maps = proc.readProc(`${pid}/maps`);
    if ('errno' in maps) {
      if (maps.errno === 'EACCES' || maps.errno === 'EPERM') this.#unreadable.add(pid);
      return [];
    }
    return proc
      .parseMaps(maps.text)
      .map((mapping) => ({ kind: 'mapping', pid, time: 0, ...mapping, buildId: '' }));
  }

  /** Facts of side-band records, which are in order of time. */
  fromRecords(records: readonly SideBandRecord[]): ProcessFact[] {
    const programs = programsAfterExec(records);
    const judge = this.#leaving?.among(records) ?? (() => 'tell');
    return records.flatMap((record) => {
      if (record.kind === 'lost' || record.kind === 'throttle') return [];
      const pid = record.kind === 'fork' ? record.parentPid : record.pid;
      if (record.kind === 'exit' || !this.#isMember(pid)) return this.#fromRecord(record, programs);
      const verdict = judge(pid, record.time);
      if (verdict === 'left') {
        return [this.#leave(pid, record.time), ...this.#fromRecord(record, programs)];
      }
      // What forks now is a copy, of which nothing new is told.
      if (verdict === 'keep-back' && record.kind !== 'fork') return [];
      return this.#fromRecord(record, programs);
    });
  }

  #leave(pid: number, time: bigint): ProcessFact {
    this.#members.delete(pid);
    this.#known.delete(pid);
    return { kind: 'exit', pid, tid: pid, time: this.#sinceStart(time) };
  }

  #fromRecord(
    record: Exclude<SideBandRecord, { kind: 'lost' | 'throttle' }>,
    programs: Lookahead,
  ): ProcessFact[] {
    if (record.kind === 'fork') return this.#fromFork(record);
    if (!this.#isMember(record.pid)) return [];
    const time = this.#sinceStart(record.time);
    const { pid } = record;
    switch (record.kind) {
      case 'comm':
        if (record.exec) {
          this.#leaving?.began(pid, record.time);
          return this.#fromExec(record, time, programs.get(record) ?? '');
        }
        return [{ kind: 'thread', pid, tid: record.tid, comm: record.comm }];
      case 'mapping':
        return [
          {
            kind: 'mapping',
            pid,
            time: Math.max(0, time),
            start: record.start.toString(16),
            end: record.end.toString(16),
            fileOffset: Number(record.fileOffset),
            path: record.path,
            buildId: record.buildId,
            inode: record.inode,
          },
        ];
      case 'exit':
        // The number may be used again; a later fork record would say so, a lost one would not.
        if (pid === record.tid) {
          this.#known.delete(pid);
          this.#leaving?.ended(pid);
        }
        return [{ kind: 'exit', pid, tid: record.tid, time }];
    }
  }

  #fromFork(record: Extract<SideBandRecord, { kind: 'fork' | 'exit' }>): ProcessFact[] {
    const { pid, tid, parentPid, parentTid } = record;
    const isProcess = pid !== parentPid;
    if (isProcess && this.#target.kind !== 'machine') {
      // A number used again by a stranger is no member any more.
      if (this.#members.has(parentPid)) {
        this.#members.add(pid);
        this.#leaving?.began(pid, record.time);
      } else {
        this.#members.delete(pid);
      }
    }
    if (!this.#isMember(pid)) return [];
    const time = this.#sinceStart(record.time);
    const fork: ProcessFact = { kind: 'fork', pid, tid, parentPid, parentTid, time };
    if (!isProcess) return [fork];
    // Until it execs, a child is its parent: no need to ask /proc, where it may be gone by now.
    const parent = this.#known.get(parentPid);
    const entry: ProcessEntry = {
      ...(parent ?? { comm: '', exe: '', cmdline: '', uid: -1, cgroup: '' }),
      pid,
      parentPid,
      start: time,
    };
    this.#known.set(pid, entry);
    return [fork, { kind: 'process', ...entry }];
  }

  /** `program`: the first file mapped after the exec, empty if not seen yet. */
  #fromExec(
    record: Extract<SideBandRecord, { kind: 'comm' }>,
    time: number,
    program: string,
  ): ProcessFact[] {
    const { pid, comm } = record;
    const exe = program === '' ? proc.readExe(pid) : program;
    const before = this.#known.get(pid);
    const cgroup = proc.readCgroup(pid);
    const status = before === undefined ? proc.readStatus(pid) : null;
    const uid = proc.readUid(pid);
    const entry: ProcessEntry = {
      pid,
      parentPid: before?.parentPid ?? status?.parentPid ?? 0,
      start: before?.start ?? time,
      comm,
      exe,
      cmdline: proc.readCommandLine(pid),
      uid: uid === -1 ? (before?.uid ?? -1) : uid,
      cgroup: cgroup === '' ? (before?.cgroup ?? '') : cgroup,
    };
    this.#known.set(pid, entry);
    return [
      { kind: 'exec', pid, time, comm, exe },
      { kind: 'process', ...entry },
    ];
  }

  #isMember(pid: number): boolean {
    return this.#target.kind === 'machine' || this.#members.has(pid);
  }

  #sinceStart(timeNs: bigint): number {
    return Number(timeNs - this.#startNs);
  }
}

const isInside = (cgroup: string, root: string): boolean =>
  root === '/' || cgroup === root || cgroup.startsWith(`${root}/`);

/** exec record → path of the first file the process mapped executable after it. */
function programsAfterExec(records: readonly SideBandRecord[]): Lookahead {
  const waiting = new Map<number, SideBandRecord>();
  const programs = new Map<SideBandRecord, string>();
  for (const record of records) {
    if (record.kind === 'comm' && record.exec) waiting.set(record.pid, record);
    if (record.kind !== 'mapping' || !record.path.startsWith('/')) continue;
    const exec = waiting.get(record.pid);
    if (exec === undefined || record.path.startsWith('//')) continue;
    programs.set(exec, record.path);
    waiting.delete(record.pid);
  }
  return programs;
}

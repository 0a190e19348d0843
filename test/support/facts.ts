import type { ProcessFact } from '../../main/capture/wire/helper-protocol.ts';

type Fact<K extends ProcessFact['kind']> = Extract<ProcessFact, { kind: K }>;

/** A process as a look at /proc gives it. */
export const processFact = (pid: number, comm: string, start: number): Fact<'process'> => ({
  kind: 'process',
  pid,
  parentPid: 1,
  start,
  comm,
  exe: `/bin/${comm}`,
  cmdline: comm,
  uid: 1000,
  cgroup: '/',
});

export const threadFact = (pid: number, tid: number, comm: string): Fact<'thread'> => ({
  kind: 'thread',
  pid,
  tid,
  comm,
});

/** A new process (not a thread). */
export const forkFact = (pid: number, parentPid: number, time: number): Fact<'fork'> => ({
  kind: 'fork',
  pid,
  tid: pid,
  parentPid,
  parentTid: parentPid,
  time,
});

export const execFact = (pid: number, comm: string, exe: string, time: number): Fact<'exec'> => ({
  kind: 'exec',
  pid,
  time,
  comm,
  exe,
});

/** The end of a process's first thread. */
export const exitFact = (pid: number, time: number): Fact<'exit'> => ({
  kind: 'exit',
  pid,
  tid: pid,
  time,
});

/** A mapping from offset 0 of its file; `range` is [start, end). */
export const mappingFact = (
  pid: number,
  ...[start, end, path, time = 0]: [start: number, end: number, path: string, time?: number]
): Fact<'mapping'> => ({
  kind: 'mapping',
  pid,
  time,
  start: start.toString(16),
  end: end.toString(16),
  fileOffset: 0,
  path,
  buildId: '',
  inode: '',
});

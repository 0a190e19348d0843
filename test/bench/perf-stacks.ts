import { execFileSync } from 'node:child_process';

/** A user frame as perf sees it. */
export interface PerfFrame {
  /** Path of the file; "[unknown]" and the like where there is none. */
  readonly image: string;
  /** Bytes into the file; the address where the mapping is not known. */
  readonly offset: number;
  /** Empty: no symbol. */
  readonly name: string;
}

export interface PerfStack {
  readonly comm: string;
  /** Root first, kernel frames left out. */
  readonly frames: readonly PerfFrame[];
}

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly fileOffset: number;
  readonly path: string;
}

/** perf 6.1 aborts by chance while it reads the build ids of what ran; so often it is tried again. */
const ATTEMPTS = 4;

/** The first outcome of several attempts; null: all of them failed. */
export async function persistently<T>(attempt: () => Promise<T>): Promise<T | null> {
  for (let left = ATTEMPTS; left > 0; left--) {
    try {
      return await attempt();
    } catch (error) {
      process.stderr.write(`perf failed: ${String(error).split('\n')[0]!.slice(0, 160)}\n`);
    }
  }
  return null;
}

/** User stacks of a recording by perf, unwound by `perf script`; samples without user frames left out. */
export function readPerfStacks(file: string): PerfStack[] {
  const text = execFileSync(
    'perf',
    [
      ...['script', '-i', file, '--no-inline', '--show-mmap-events', '--show-task-events'],
      ...['-F', 'comm,pid,tid,time,event,ip,sym,dso'],
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 2 ** 30 },
  );
  return parsePerfScript(text);
}

const MMAP =
  /PERF_RECORD_MMAP2? (-?\d+)\/\d+: \[0x([0-9a-f]+)\(0x([0-9a-f]+)\) @ (\S+) .*?\]: (\S+) (.*)$/;
const FORK = /PERF_RECORD_FORK\((\d+):\d+\):\((\d+):\d+\)/;
const EXEC = /PERF_RECORD_COMM exec: .*:(\d+)\/\d+/;
const SAMPLE = /^(.+?)\s+(\d+)\/(\d+)\s+[\d.]+:\s+(?:\d+\s+)?\S*cpu-clock/;
const FRAME = /^\s+([0-9a-f]+) (.*?) \(([/[].*)\)$/;

export function parsePerfScript(text: string): PerfStack[] {
  const mappings = new Map<number, Mapping[]>();
  const stacks: PerfStack[] = [];
  let sample: { comm: string; pid: number; frames: PerfFrame[] } | null = null;
  const finish = (): void => {
    if (sample !== null && sample.frames.length > 0) {
      stacks.push({ comm: sample.comm, frames: sample.frames.reverse() });
    }
    sample = null;
  };
  for (const line of text.split('\n')) {
    const frame = sample === null ? null : FRAME.exec(line);
    if (sample !== null && frame !== null) {
      const resolved = userFrame(frame, mappings.get(sample.pid) ?? []);
      if (resolved !== null) sample.frames.push(resolved);
      continue;
    }
    finish();
    const start = SAMPLE.exec(line);
    if (start !== null) sample = { comm: start[1]!.trim(), pid: Number(start[2]), frames: [] };
    else noteProcess(line, mappings);
  }
  finish();
  return stacks;
}

function noteProcess(line: string, mappings: Map<number, Mapping[]>): void {
  const mapped = MMAP.exec(line);
  if (mapped !== null) {
    const [, pid, start, length, offset, , path] = mapped;
    const from = Number.parseInt(start!, 16);
    const end = from + Number.parseInt(length!, 16);
    const known = mappings.get(Number(pid)) ?? [];
    const fileOffset = Number(offset);
    mappings.set(Number(pid), [{ start: from, end, fileOffset, path: path! }, ...known]);
    return;
  }
  const exec = EXEC.exec(line);
  if (exec !== null) mappings.delete(Number(exec[1]));
  const fork = FORK.exec(line);
  if (fork !== null && fork[1] !== fork[2]) {
    mappings.set(Number(fork[1]), [...(mappings.get(Number(fork[2])) ?? [])]);
  }
}

/** null: a kernel frame. */
function userFrame(
  [, ip, symbol, dso]: RegExpExecArray,
  mappings: readonly Mapping[],
): PerfFrame | null {
  if (ip!.length === 16 && ip!.startsWith('ffff')) return null;
  const address = Number.parseInt(ip!, 16);
  const mapping = mappings.find(({ start, end }) => address >= start && address < end);
  const offset = mapping === undefined ? address : address - mapping.start + mapping.fileOffset;
  return { image: mapping?.path ?? dso!, offset, name: symbol === '[unknown]' ? '' : symbol! };
}

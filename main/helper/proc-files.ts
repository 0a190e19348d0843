import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** What /proc says about one process. */
export interface ProcessStatus {
  readonly parentPid: number;
  readonly comm: string;
  /** Z or X: it ended already. */
  readonly state: string;
  /** When it started: USER_HZ ticks since boot; CLOCK_BOOTTIME. */
  readonly startTicks: number;
}

/** One executable mapping, as /proc/PID/maps tells it. */
export interface ProcMapping {
  readonly start: string;
  readonly end: string;
  readonly fileOffset: number;
  readonly path: string;
  /** "major:minor:inode" in hex:hex:decimal; empty for memory without a file. */
  readonly inode: string;
}

/** A file of /proc; the errno name if it cannot be read (ENOENT, ESRCH: the process is gone). */
export type ProcText = { readonly text: string } | { readonly errno: string };

const errnoOf = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string') throw error;
  return code;
};

export function readProc(path: string): ProcText {
  try {
    return { text: readFileSync(`/proc/${path}`, 'utf8') };
  } catch (error) {
    return { errno: errnoOf(error) };
  }
}

const textOf = (path: string): string => {
  const file = readProc(path);
  return 'text' in file ? file.text : '';
};

/** Names of a directory of /proc that are numbers; empty if the process is gone. */
function readNumbers(path: string): number[] {
  try {
    return readdirSync(`/proc/${path}`).map(Number).filter(Number.isInteger);
  } catch (error) {
    errnoOf(error);
    return [];
  }
}

/** All process ids now. */
export const listProcesses = (): number[] => readNumbers('');
export const listThreads = (pid: number): number[] => readNumbers(`${pid}/task`);

/** /proc/PID/stat; null if there is no such process. */
export function readStatus(pid: number): ProcessStatus | null {
  const text = textOf(`${pid}/stat`);
  // The name is in parentheses and may hold any character, a closing parenthesis too.
  const nameEnd = text.lastIndexOf(')');
  if (nameEnd < 0) return null;
  const rest = text.slice(nameEnd + 2).split(' ');
  return {
    comm: text.slice(text.indexOf('(') + 1, nameEnd),
    state: rest[0] ?? '',
    parentPid: Number(rest[1]),
    startTicks: Number(rest[19]),
  };
}

/** Effective user id; -1 unknown. */
export const readUid = (pid: number): number =>
  Number(/^Uid:\s+\d+\s+(\d+)/m.exec(textOf(`${pid}/status`))?.[1] ?? -1);

/** Process id (thread group) of a thread; null if there is no such thread. */
export function readThreadGroup(tid: number): number | null {
  const found = /^Tgid:\s+(\d+)/m.exec(textOf(`${tid}/status`));
  return found === null ? null : Number(found[1]);
}

/** Arguments joined by blanks; empty for kernel threads and the dead. */
export const readCommandLine = (pid: number): string =>
  textOf(`${pid}/cmdline`).replace(/\0+$/, '').replaceAll('\0', ' ');

/** Path of the program; empty if unreadable. */
export function readExe(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch (error) {
    errnoOf(error);
    return '';
  }
}

/** cgroup v2 path, e.g. "/user.slice"; empty unknown. */
export const readCgroup = (pid: number): string =>
  /^0::(.*)$/m.exec(textOf(`${pid}/cgroup`))?.[1] ?? '';

export const readThreadComm = (pid: number, tid: number): string =>
  textOf(`${pid}/task/${tid}/comm`).replace(/\n$/, '');

const MAPS_LINE =
  /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) ([0-9a-f]+):([0-9a-f]+) (\d+) *(.*)$/;

/** seq_file writes a line break in a path as \012. */
const unescapePath = (path: string): string => path.replaceAll('\\012', '\n');

/** The executable mappings in the text of /proc/PID/maps. */
export function parseMaps(text: string): ProcMapping[] {
  const mappings: ProcMapping[] = [];
  for (const line of text.split('\n')) {
    // Most lines are of data: told by the third letter of the permissions, at a tenth of the cost.
    if (line[line.indexOf(' ') + 3] !== 'x') continue;
    const fields = MAPS_LINE.exec(line);
    if (fields === null) continue;
    const [, start = '', end = '', , offset = '', major = '', minor = '', inode = '', path = ''] =
      fields;
    mappings.push({
      start: trimZeros(start),
      end: trimZeros(end),
      fileOffset: Number.parseInt(offset, 16),
      path: path === '' ? '//anon' : unescapePath(path),
      inode: inode === '0' ? '' : `${trimZeros(major)}:${trimZeros(minor)}:${inode}`,
    });
  }
  return mappings;
}

const trimZeros = (hex: string): string => hex.replace(/^0+(?=.)/, '');

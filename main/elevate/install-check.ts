import { dirname } from 'node:path';
import { err, ok, type Result } from '#shared/result.ts';

/**
 * Whether an installed helper is one that only root can change: nothing on the way from / to it, and
 * nothing in its tree, may be a link, belong to somebody else, or be writable by others. Judges what
 * lstat(2) said; looking is the caller's.
 */

/** What lstat(2) said about a path; fs.Stats has all of it. */
export interface PathStat {
  readonly uid: number;
  readonly gid: number;
  /** Type and permission bits: inode(7). */
  readonly mode: number;
}

/** What one path is to be. */
export type Expected = 'folder' | 'file' | 'program';

export type InstallProblem =
  | { readonly kind: 'missing'; readonly path: string }
  /** A symbolic link: where it leads can change. */
  | { readonly kind: 'link'; readonly path: string }
  /** Not a `expected`: another type, or a program that cannot be run. */
  | { readonly kind: 'wrong-type'; readonly path: string; readonly expected: Expected }
  | { readonly kind: 'foreign-owner'; readonly path: string; readonly uid: number }
  /** By its group (other than root's) or by everybody; `mode`: the permission bits. */
  | { readonly kind: 'writable'; readonly path: string; readonly mode: number }
  /** Set-user-id or set-group-id: power that nobody is to have without being asked. */
  | { readonly kind: 'set-id'; readonly path: string; readonly mode: number };

const TYPE = 0o170_000;
const LINK = 0o120_000;
const FOLDER = 0o040_000;
const FILE = 0o100_000;
const SET_ID = 0o6000;
const GROUP_WRITE = 0o020;
const OTHER_WRITE = 0o002;
const ANY_EXECUTE = 0o111;

/** All folders from / down to the one that holds `path`. */
export function foldersAbove(path: string): string[] {
  const folders: string[] = [];
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    folders.unshift(folder);
    if (folder === dirname(folder)) return folders;
  }
}

/** What is wrong with one path; null: nothing. `stat` null: there is no such path. */
export function problemOf(
  path: string,
  stat: PathStat | null,
  expected: Expected,
): InstallProblem | null {
  if (stat === null) return { kind: 'missing', path };
  const { uid, gid, mode } = stat;
  const type = mode & TYPE;
  if (type === LINK) return { kind: 'link', path };
  const isRightType = type === (expected === 'folder' ? FOLDER : FILE);
  if (!isRightType || (expected === 'program' && (mode & ANY_EXECUTE) === 0)) {
    return { kind: 'wrong-type', path, expected };
  }
  if (uid !== 0) return { kind: 'foreign-owner', path, uid };
  const isWritable = (mode & OTHER_WRITE) !== 0 || (gid !== 0 && (mode & GROUP_WRITE) !== 0);
  // The sticky bit is no help: others could put their files beside ours.
  if (isWritable) return { kind: 'writable', path, mode: mode & 0o7777 };
  // On folders they only say which group new files get.
  if (expected !== 'folder' && (mode & SET_ID) !== 0) {
    return { kind: 'set-id', path, mode: mode & 0o7777 };
  }
  return null;
}

/**
 * Judges files and all folders above them, each once, from / on. `look`: lstat(2), null if there is
 * nothing. The first problem is the error.
 */
export function checkInstalled(
  files: ReadonlyMap<string, Exclude<Expected, 'folder'>>,
  look: (path: string) => PathStat | null,
): Result<void, InstallProblem> {
  const expected = new Map<string, Expected>();
  for (const path of files.keys()) {
    for (const folder of foldersAbove(path)) expected.set(folder, 'folder');
  }
  for (const [path, kind] of files) expected.set(path, kind);
  for (const [path, kind] of expected) {
    const problem = problemOf(path, look(path), kind);
    if (problem !== null) return err(problem);
  }
  return ok(undefined);
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');

/** One sentence for a person who has to put it right. */
export function installProblemText(problem: InstallProblem): string {
  const { path } = problem;
  switch (problem.kind) {
    case 'missing':
      return `${path} is missing.`;
    case 'link':
      return `${path} is a symbolic link; it has to be the real thing.`;
    case 'wrong-type':
      return `${path} is not a ${problem.expected}.`;
    case 'foreign-owner':
      return `${path} belongs to user ${problem.uid}; it has to belong to root.`;
    case 'writable':
      return `${path} can be changed by others (mode ${octal(problem.mode)}); only root may.`;
    case 'set-id':
      return `${path} has a set-user-id or set-group-id bit (mode ${octal(problem.mode)}).`;
  }
}

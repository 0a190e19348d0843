import { readdirSync, readlinkSync } from 'node:fs';
import type { ImageKind } from '#shared/model/session-tables.ts';
import { err, ok, type Result } from '#shared/result.ts';
import { errnoOf, FileSource } from '../elf/byte-source.ts';
import { ElfFile } from '../elf/elf-file.ts';
import { buildIdOf } from '../elf/elf-notes.ts';
import type { ImageProblem } from './image-problem.ts';

/** An image as the session knows it. */
export interface ImageRef {
  readonly kind: ImageKind;
  /** As the kernel said it, possibly with " (deleted)". */
  readonly path: string;
  /** Lower-case hex; empty: unknown. */
  readonly buildId: string;
  /** "major:minor:inode" (hex, hex, decimal) of the mapping; empty: unknown. */
  readonly fileIdentity: string;
  /** Live processes that map it: their view of the file system is tried first. */
  readonly pids: readonly number[];
  /** Files of this build id that were brought from elsewhere; absent: none. */
  readonly fetched?: FetchedFiles;
  /**
   * The recording is over since then, ms since 1970; absent: it is under way. A file without a build id
   * must then be older, because inodes are used again.
   */
  readonly recordedMs?: number;
}

/** Paths of files that stand in for those an image has not here; proven by build id like any other. */
export interface FetchedFiles {
  readonly debug?: string;
  readonly executable?: string;
}

/** An open image file that was proven to be the one that ran. Dispose `source` after use. */
export interface ImageFile {
  readonly path: string;
  readonly source: FileSource;
  readonly elf: ElfFile;
  /** Of the file; empty: it has none. */
  readonly buildId: string;
}

const DELETED = ' (deleted)';
/** Processes asked per image: they nearly always share one file system. */
const MAX_PIDS = 4;
/** Mappings looked through for a file that has no name any more. */
const MAX_MAPPINGS = 20_000;

/** The path without the kernel's mark for files that lost their name. */
export function pathOfImage(image: ImageRef): string {
  return image.path.endsWith(DELETED) ? image.path.slice(0, -DELETED.length) : image.path;
}

/**
 * Opens the file an image was mapped from: as its processes see it, then as we do, then through the
 * mapping itself (deleted or replaced files). What stands at the path today counts only if its build
 * id, or else its inode, is the recorded one.
 */
export function openImage(image: ImageRef): Result<ImageFile, ImageProblem> {
  const path = pathOfImage(image);
  const pids = image.pids.slice(0, MAX_PIDS);
  let problem: ImageProblem = { kind: 'not-found', path };
  if (!path.startsWith('/')) return err(problem);
  const named = [...pids.map((pid) => `/proc/${pid}/root${path}`), path];
  const fetched = image.fetched?.executable;
  const places = image.path.startsWith('/memfd:') ? [] : named;
  for (const place of fetched === undefined ? places : [...places, fetched]) {
    const opened = openVerified(place, image);
    if (opened.ok) return opened;
    problem = moreTelling(problem, opened.error);
  }
  for (const pid of pids) {
    for (const place of mappedFiles(pid, path)) {
      const opened = openVerified(place, image);
      if (opened.ok) return opened;
      problem = moreTelling(problem, opened.error);
    }
  }
  return err(problem);
}

/** The GNU build id of a file, lower-case hex; empty: it has none. */
export function readBuildId(path: string): Result<string, ImageProblem> {
  const opened = openElf(path);
  if (!opened.ok) return opened;
  opened.value.source[Symbol.dispose]();
  return ok(opened.value.buildId);
}

function openElf(path: string): Result<ImageFile, ImageProblem> {
  const opened = FileSource.open(path);
  if (!opened.ok) return opened;
  const source = opened.value;
  const elf = ElfFile.parse(source);
  if (elf.ok) return ok({ path, source, elf: elf.value, buildId: buildIdOf(elf.value) });
  source[Symbol.dispose]();
  return err({ kind: 'not-elf', path, reason: elf.error });
}

function openVerified(path: string, image: ImageRef): Result<ImageFile, ImageProblem> {
  const opened = openElf(path);
  if (!opened.ok) return opened;
  const { source, buildId } = opened.value;
  const inode = image.fileIdentity.split(':')[2] ?? '';
  let expected = '';
  let found = '';
  if (image.buildId !== '') {
    expected = image.buildId;
    found = sameBuildId(image.buildId, buildId) ? expected : buildId;
  } else if (inode !== '') {
    // Not the device: btrfs and overlayfs show another one in a mapping than stat() does.
    expected = `inode ${inode}`;
    found = `inode ${source.inode}`;
  }
  const isProven = image.buildId !== '' || isOlder(source, image, inode);
  if (expected === found && isProven) return opened;
  source[Symbol.dispose]();
  return err(isProven ? { kind: 'replaced', path, expected, found } : { kind: 'unproven', path });
}

/** Whether a file without a build id can still be taken for the one that was mapped. */
const isOlder = (source: FileSource, { recordedMs }: ImageRef, inode: string): boolean =>
  recordedMs === undefined || (inode !== '' && source.modifiedMs <= recordedMs);

/** Some kernels pad a short build id with zeros to 20 bytes. */
function sameBuildId(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return short !== '' && long.startsWith(short) && /^0*$/.test(long.slice(short.length));
}

/** Magic links of a process that lead to `path` though it has no name: its executable, its mappings. */
function mappedFiles(pid: number, path: string): string[] {
  const found: string[] = [];
  const target = path + DELETED;
  const exe = `/proc/${pid}/exe`;
  const exeTarget = linkTarget(exe);
  if (exeTarget === path || exeTarget === target) return [exe];
  const folder = `/proc/${pid}/map_files`;
  for (const name of namesIn(folder).slice(0, MAX_MAPPINGS)) {
    const link = `${folder}/${name}`;
    if (linkTarget(link) === target) {
      found.push(link);
      break;
    }
  }
  return found;
}

/** null: gone, or not ours to look at. */
function linkTarget(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return null;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errnoOf(error) === null) throw error;
    return [];
  }
}

/** "Replaced" explains more than "unreadable", which explains more than "not found". */
function moreTelling(a: ImageProblem, b: ImageProblem): ImageProblem {
  const weight = (problem: ImageProblem): number =>
    problem.kind === 'replaced' || problem.kind === 'unproven'
      ? 2
      : problem.kind === 'not-found'
        ? 0
        : 1;
  return weight(b) > weight(a) ? b : a;
}

import { invariant } from '../invariant.ts';
import { incompleteName } from '../text/unwind-text.ts';
import type { TreeRoots } from './call-tree-selection.ts';
import { FRAME_KINDS, type FrameKind, type SessionTables } from './session-tables.ts';

/**
 * A node of a call tree is named by one number, its key. Keys of different things lie one after the
 * other: functions, frames without a function, processes, threads, two for what has no name, sources, and
 * functions as inlined calls. They stay valid only for the table lengths they were made with: a grown session has
 * new keys.
 */
export interface KeySpace {
  readonly functions: number;
  readonly frames: number;
  readonly processes: number;
  readonly threads: number;
  readonly sources: number;
  /** Whether any call is inlined: else there are no keys for such. */
  readonly hasInlined: boolean;
  /** How the tree is grouped: decides what a process key is called. */
  readonly roots: TreeRoots;
}

/** Key of the root, which stands for all samples selected. */
export const ROOT_KEY = -1;

/** What a key stands for, for colours and words. */
export type KeyKind =
  | FrameKind
  | 'root'
  | 'process'
  | 'thread'
  | 'no-stack'
  /** What a thread did, in the wall clock's tree. */
  | 'running'
  | 'waiting'
  | 'queued';

/** What a key is called. */
export interface KeyLabel {
  /** Function name, image+0xoffset, command and pid, ... */
  readonly name: string;
  /** Path of the image; empty for what has none. */
  readonly image: string;
  readonly kind: KeyKind;
}

export const keySpaceOf = (tables: SessionTables, roots: TreeRoots): KeySpace => ({
  functions: tables.functions.length,
  frames: tables.frames.length,
  processes: tables.processes.length,
  threads: tables.threads.length,
  sources: tables.sources.length,
  hasInlined: hasInlined(tables),
  roots,
});

function hasInlined({ symbols }: SessionTables): boolean {
  for (let row = 0; row < symbols.length; row++) if (symbols.depth[row]! > 0) return true;
  return false;
}

/** Key of the first process; keys of threads and of "no stack" follow. */
export const firstProcessKey = (space: KeySpace): number => space.functions + space.frames;
export const firstThreadKey = (space: KeySpace): number =>
  space.functions + space.frames + space.processes;
/** Samples that came without any stack. */
export const noStackKey = (space: KeySpace): number =>
  space.functions + space.frames + space.processes + space.threads;
/** What an inverted tree leaves out: callers too rare to be told apart. */
export const rareCallersKey = (space: KeySpace): number => noStackKey(space) + 1;
/** Key of the first source: what threads did, in the wall clock's tree. */
export const firstSourceKey = (space: KeySpace): number => noStackKey(space) + 2;
/** Key of the first function as an inlined call. */
export const firstInlinedKey = (space: KeySpace): number => firstSourceKey(space) + space.sources;
/** Every key but ROOT_KEY is below this. */
export const keyCount = (space: KeySpace): number =>
  firstInlinedKey(space) + (space.hasInlined ? space.functions : 0);

/** The key of every frame row: its function, or itself when it is not symbolized. */
export function keysOfFrames(tables: SessionTables): Int32Array {
  const { frames, functions } = tables;
  const keys = new Int32Array(frames.length);
  for (let frame = 0; frame < frames.length; frame++) {
    const func = frames.func[frame]!;
    keys[frame] = func >= 0 ? func : functions.length + frame;
  }
  return keys;
}

/**
 * The words for a key. `frame` is a frame row that bears it, or -1; it tells the kind of a function,
 * which is a property of the code location.
 */
export function labelOfKey(
  tables: SessionTables,
  space: KeySpace,
  key: number,
  frame: number,
): KeyLabel {
  if (key === ROOT_KEY) return { name: 'all', image: '', kind: 'root' };
  if (key < space.functions) {
    const image = tables.images.path[tables.functions.image[key]!] ?? '';
    const isInterpreted = tables.functions.interpreted[key] === 1;
    const kind = isInterpreted ? 'interpreted' : kindOfFrame(tables, frame);
    return { name: tables.functions.name[key] ?? '', image, kind };
  }
  if (key < firstProcessKey(space)) return labelOfFrame(tables, key - space.functions);
  if (key < firstThreadKey(space)) {
    return labelOfProcess(tables, key - firstProcessKey(space), space.roots);
  }
  if (key < noStackKey(space)) return labelOfThread(tables, key - firstThreadKey(space));
  if (key === rareCallersKey(space)) {
    return { name: '[rare callers]', image: '', kind: 'no-stack' };
  }
  if (key >= firstInlinedKey(space)) return labelOfInlined(tables, key - firstInlinedKey(space));
  if (key >= firstSourceKey(space)) return labelOfSource(tables, key - firstSourceKey(space));
  invariant(key === noStackKey(space), `key ${key} outside its space`);
  return { name: '[no stack]', image: '', kind: 'no-stack' };
}

/** Last part of an image's path: what people call it. */
export const shortImageName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

function labelOfInlined({ functions, images }: SessionTables, row: number): KeyLabel {
  const image = images.path[functions.image[row]!] ?? '';
  return { name: functions.name[row] ?? '', image, kind: 'inlined' };
}

/** What a sample of a source says that its thread did. */
function labelOfSource({ sources }: SessionTables, row: number): KeyLabel {
  switch (sources.kind[row]) {
    case 'on-cpu':
      return { name: 'on CPU', image: '', kind: 'running' };
    case 'run-queue':
      return { name: 'queued for a CPU', image: '', kind: 'queued' };
    default:
      return { name: 'waiting', image: '', kind: 'waiting' };
  }
}

function kindOfFrame(tables: SessionTables, frame: number): FrameKind {
  return frame < 0 ? 'user' : (FRAME_KINDS[tables.frames.kind[frame]!] ?? 'user');
}

function labelOfFrame(tables: SessionTables, frame: number): KeyLabel {
  const image = tables.images.path[tables.frames.image[frame]!] ?? '[unknown]';
  const kind = kindOfFrame(tables, frame);
  if (kind === 'incomplete') {
    return { name: incompleteName(tables.frames.offset[frame]!), image: '', kind };
  }
  if (kind === 'waker') return { name: image, image: '', kind };
  const offset = tables.frames.offset[frame]!.toString(16);
  return {
    name: `${shortImageName(image)}+0x${offset}`,
    image,
    kind,
  };
}

function labelOfProcess(tables: SessionTables, process: number, roots: TreeRoots): KeyLabel {
  const { comm, exe, pid } = tables.processes;
  const command = comm[process] ?? '';
  const name = roots === 'command' ? command : `${command} (${pid[process]!})`;
  return { name, image: exe[process] ?? '', kind: 'process' };
}

function labelOfThread(tables: SessionTables, thread: number): KeyLabel {
  const process = tables.threads.process[thread]!;
  const name = `${tables.threads.comm[thread] ?? ''} (${tables.threads.tid[thread]!})`;
  return { name, image: tables.processes.exe[process] ?? '', kind: 'thread' };
}

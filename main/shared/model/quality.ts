import { isOffsetName } from '../text/frame-name.ts';
import { unitOf } from '../text/weight-text.ts';
import { selectedWeights } from './call-tree.ts';
import { type Selection, WHOLE_SESSION } from './call-tree-selection.ts';
import { decodeImageProblem, type ImageProblem } from './image-problem.ts';
import {
  FRAME_KINDS,
  IMAGE_KINDS,
  type ImageKind,
  type SessionTables,
  type WeightUnit,
} from './session-tables.ts';
import { isThreadStart } from './thread-starts.ts';
import { UNWIND_STOPS, type UnwindStop } from './unwind-stop.ts';

/** How far the stacks and names of the selected samples can be trusted. Weights: the source's unit. */
export interface StackQuality {
  /** Of all weights here. */
  readonly unit: WeightUnit;
  /** All selected samples. */
  readonly weight: number;
  /** Those without a user stack: kernel threads, or user stacks were not recorded. */
  readonly withoutUserStack: number;
  /** Those whose user stack is known to be cut, heaviest first. */
  readonly cut: readonly CutStacks[];
  /** Those whose user stack nobody marked, by where it ends, heaviest first. */
  readonly unmarked: readonly StackRoots[];
  /** Samples with a frame without a name anywhere in the stack. */
  readonly unnamed: number;
  /** Samples that ended in such a frame. */
  readonly unnamedLeaf: number;
  /** The same by module, heaviest first, at most MAX_MODULES. */
  readonly modules: readonly UnnamedModule[];
  /** Modules beyond those. */
  readonly modulesOmitted: number;
}

/** Stacks cut for one reason at one image. */
export interface CutStacks {
  readonly stop: UnwindStop;
  /** Path of the image whose frame was the last one reached; empty: no user frame was. */
  readonly image: string;
  readonly weight: number;
}

/** Unmarked stacks with the same kind of root. */
export interface StackRoots {
  /** start: a function that nobody calls. named: another one. unnamed: nobody knows. */
  readonly root: 'start' | 'named' | 'unnamed';
  readonly image: string;
  readonly weight: number;
}

/** Frames of one image that have no name. */
export interface UnnamedModule {
  readonly path: string;
  readonly kind: ImageKind;
  /** Weight of samples that ended in one, and of those that hold one anywhere. */
  readonly leaf: number;
  readonly any: number;
  /** What keeps the image from having names; null: not known. */
  readonly problem: ImageProblem | null;
}

export const MAX_MODULES = 20;

const KERNEL = FRAME_KINDS.indexOf('kernel');
const INCOMPLETE = FRAME_KINDS.indexOf('incomplete');
const WAKER = FRAME_KINDS.indexOf('waker');

/** Judges the stacks and names of the selected samples; `frames`, `roots` and `inverted` do not matter. */
export function stackQuality(
  tables: SessionTables,
  selection: Selection = WHOLE_SESSION,
): StackQuality {
  const { byStack, withoutStack } = selectedWeights(tables, selection);
  const below = weightsBelow(tables, byStack);
  const isNamed = namedFrames(tables);
  const ends = stackEnds(tables, isNamed, byStack, below);
  const names = unnamedFrames(tables, isNamed, byStack, below);
  return {
    unit: unitOf(tables.sources, selection.source),
    ...ends,
    ...names,
    weight: ends.weight + withoutStack,
    withoutUserStack: ends.withoutUserStack + withoutStack,
  };
}

/** By frame: 1: its function has a name, and not only a place where it begins. */
function namedFrames({ frames, functions, images }: SessionTables): Uint8Array {
  const ofFunction = Uint8Array.from(functions.name, (name, func) =>
    isOffsetName(images.path[functions.image[func]!] ?? '', name) ? 0 : 1,
  );
  return Uint8Array.from(frames.func, (func) => (func >= 0 ? (ofFunction[func] ?? 0) : 0));
}

/** Per stack row, the weight of samples that ended in it or below it. */
function weightsBelow({ stacks }: SessionTables, byStack: Float64Array): Float64Array {
  const below = byStack.slice();
  for (let row = stacks.length - 1; row >= 0; row--) {
    const parent = stacks.parent[row]!;
    if (parent >= 0) below[parent]! += below[row]!;
  }
  return below;
}

type StackEnds = Pick<StackQuality, 'weight' | 'withoutUserStack' | 'cut' | 'unmarked'>;

/** Looks at the roots of stacks, and at what lies below the marks of incomplete ones. */
function stackEnds(
  tables: SessionTables,
  isNamed: Uint8Array,
  byStack: Float64Array,
  below: Float64Array,
): StackEnds {
  const { stacks, frames, images } = tables;
  const cut = new Map<string, { stop: UnwindStop; image: string; weight: number }>();
  const unmarked = new Map<string, { root: StackRoots['root']; image: string; weight: number }>();
  let weight = 0;
  let withoutUserStack = 0;
  const kindOf = (row: number): number => frames.kind[stacks.frame[row]!]!;
  const imageOf = (row: number): string => images.path[frames.image[stacks.frame[row]!]!] ?? '';
  const addCut = (mark: number, image: string, amount: number): void => {
    if (amount === 0) return;
    const stop = UNWIND_STOPS[frames.offset[stacks.frame[mark]!]!] ?? 'unknown';
    const entry = cut.get(`${stop} ${image}`) ?? { stop, image, weight: 0 };
    entry.weight += amount;
    cut.set(`${stop} ${image}`, entry);
  };
  for (let row = 0; row < stacks.length; row++) {
    const parent = stacks.parent[row]!;
    const amount = below[row]!;
    if (amount === 0) continue;
    if (parent >= 0) {
      const isBelowMark = stacks.parent[parent]! < 0 && kindOf(parent) === INCOMPLETE;
      if (isBelowMark) addCut(parent, kindOf(row) === KERNEL ? '' : imageOf(row), amount);
      continue;
    }
    weight += amount;
    const kind = kindOf(row);
    if (kind === KERNEL) withoutUserStack += amount;
    else if (kind === INCOMPLETE) addCut(row, '', byStack[row]!);
    else {
      const root = rootKind(tables, isNamed, stacks.frame[row]!);
      const key = `${root} ${imageOf(row)}`;
      const entry = unmarked.get(key) ?? { root, image: imageOf(row), weight: 0 };
      entry.weight += amount;
      unmarked.set(key, entry);
    }
  }
  return { weight, withoutUserStack, cut: heaviest(cut), unmarked: heaviest(unmarked) };
}

function rootKind(
  { frames, functions }: SessionTables,
  isNamed: Uint8Array,
  frame: number,
): StackRoots['root'] {
  if (isNamed[frame] === 0) return 'unnamed';
  return isThreadStart(functions.name[frames.func[frame]!] ?? '') ? 'start' : 'named';
}

type Unnamed = Pick<StackQuality, 'unnamed' | 'unnamedLeaf' | 'modules' | 'modulesOmitted'>;

function unnamedFrames(
  tables: SessionTables,
  isNamed: Uint8Array,
  byStack: Float64Array,
  below: Float64Array,
): Unnamed {
  const { stacks, frames, images, imageProblems } = tables;
  const any = new Float64Array(images.length);
  const leaf = new Float64Array(images.length);
  let unnamed = 0;
  let unnamedLeaf = 0;
  /** Nearest row at or above with a frame without a name, + 1; 0: none. */
  const nearest = new Int32Array(stacks.length);
  const imageOf = (row: number): number => frames.image[stacks.frame[row]!]!;
  for (let row = 0; row < stacks.length; row++) {
    const parent = stacks.parent[row]!;
    const above = parent < 0 ? 0 : nearest[parent]!;
    nearest[row] = above;
    const frame = stacks.frame[row]!;
    const kind = frames.kind[frame];
    const isMark = kind === INCOMPLETE || kind === WAKER;
    if (isNamed[frame] === 1 || isMark || below[row] === 0) continue;
    nearest[row] = row + 1;
    const image = imageOf(row);
    unnamedLeaf += byStack[row]!;
    leaf[image]! += byStack[row]!;
    if (above === 0) unnamed += below[row]!;
    if (!isAmong(image, above)) any[image]! += below[row]!;
  }
  const problems = new Map(
    Array.from(imageProblems.image, (image, row) => [image, imageProblems.problem[row] ?? '']),
  );
  const rows = Array.from(any.keys())
    .filter((image) => any[image]! > 0)
    .sort((a, b) => any[b]! - any[a]! || a - b);
  const modules = rows.slice(0, MAX_MODULES).map((image) => ({
    path: images.path[image] ?? '',
    kind: IMAGE_KINDS[images.kind[image]!] ?? 'unknown',
    leaf: leaf[image]!,
    any: any[image]!,
    problem: decodeImageProblem(problems.get(image) ?? ''),
  }));
  return { unnamed, unnamedLeaf, modules, modulesOmitted: rows.length - modules.length };

  /** Whether a row above already counted its samples for this image. */
  function isAmong(image: number, from: number): boolean {
    for (let mark = from; mark > 0; ) {
      const row = mark - 1;
      if (imageOf(row) === image) return true;
      mark = stacks.parent[row]! < 0 ? 0 : nearest[stacks.parent[row]!]!;
    }
    return false;
  }
}

const heaviest = <T extends { readonly weight: number }>(entries: ReadonlyMap<string, T>): T[] =>
  [...entries.values()].sort((a, b) => b.weight - a.weight);

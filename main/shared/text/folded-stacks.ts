import { withoutUnprintable } from './printable-text.ts';

/** One line of the folded format: frames from the root to the leaf, and a weight. */
export interface FoldedStack {
  readonly frames: readonly string[];
  readonly count: number;
}

/** What a text in the folded format holds. Lines that are none are counted, not guessed at. */
export interface FoldedText {
  readonly stacks: readonly FoldedStack[];
  readonly malformedLines: number;
}

/** A name that cannot break a line or a stack apart: ';' becomes ':', control characters '?'. */
export const foldedName = (name: string): string =>
  withoutUnprintable(name, '?').replaceAll(';', ':');

/** "root;caller;leaf 12". Names are made safe by foldedName(). */
export const printFoldedStack = (stack: FoldedStack): string =>
  `${stack.frames.map(foldedName).join(';')} ${stack.count}`;

/** One stack a line, each line ended. */
export const printFolded = (stacks: readonly FoldedStack[]): string =>
  stacks.map((stack) => `${printFoldedStack(stack)}\n`).join('');

/** Reads the folded format. Names may hold spaces: the count is what follows the last one. */
export function parseFolded(text: string): FoldedText {
  const stacks: FoldedStack[] = [];
  let malformedLines = 0;
  for (const line of text.split(/\r?\n/)) {
    if (line === '' || line.startsWith('#')) continue;
    const space = line.lastIndexOf(' ');
    const count = line.slice(space + 1);
    if (space <= 0 || !/^\d+(?:\.\d+)?$/.test(count)) malformedLines++;
    else stacks.push({ frames: line.slice(0, space).split(';'), count: Number(count) });
  }
  return { stacks, malformedLines };
}

import { shortImageName } from '#shared/model/call-tree-keys.ts';
import type { Selection } from '#shared/model/call-tree-selection.ts';
import { SampleFilter } from '#shared/model/sample-filter.ts';
import type { SessionTables } from '#shared/model/session-tables.ts';
import { inlineDepths } from '#shared/model/symbols.ts';
import { printFoldedStack } from '#shared/text/folded-stacks.ts';
import { frameKind, kindSuffix } from '#shared/text/frame-name.ts';
import type { Exporter, ExportSource } from './exporter.ts';
import { selectionOf } from './flame-document.ts';

/**
 * Folded stacks, line for line as FlameGraph's stackcollapse-perf prints them by default from perf
 * script: "command;root;…;leaf count", sorted, so that both can be compared with diff. Inlined calls
 * end in "_[i]", as it marks them with --inline. perf does not mark incomplete stacks: neither does this.
 * Counts are in the source's unit: samples, nanoseconds or events. A waker's stack follows the wait's.
 */
export const FOLDED: Exporter = {
  id: 'folded',
  title: 'Folded stacks',
  extension: 'folded',
  render: (source) => foldedLines(source),
};

function* foldedLines(source: ExportSource): Iterable<string> {
  const { tables } = source;
  const names = foldedFrameNames(tables);
  const weights = new Map<string, number>();
  for (const { command, stack, weight } of weightsByCommand(tables, selectionOf(source))) {
    const frames = framesOf(tables, stack).flatMap((frame) => names(frame, command));
    // Without the count: what is printed after the last space is added up first.
    const line = printFoldedStack({ frames: [command, ...frames], count: 0 }).slice(0, -2);
    weights.set(line, (weights.get(line) ?? 0) + weight);
  }
  const lines = [...weights.keys()].sort(byCodePoint);
  for (const line of lines) yield `${line} ${Math.round(weights.get(line) ?? 0)}\n`;
}

/** perf's C locale order. */
const byCodePoint = (a: string, b: string): number =>
  Buffer.compare(Buffer.from(a), Buffer.from(b));

interface StackWeight {
  readonly command: string;
  /** Row of StackTable; -1: no stack. */
  readonly stack: number;
  readonly weight: number;
}

/** Samples summed by thread name and stack; two array reads per sample. */
function* weightsByCommand(tables: SessionTables, selection: Selection): Iterable<StackWeight> {
  const { samples, threads } = tables;
  const filter = new SampleFilter(tables, selection);
  const commands = [...new Set(threads.comm)];
  const commandOf = Int32Array.from(threads.comm, (comm) => commands.indexOf(comm));
  // One row of sums per command, made when first used. Index 0 is "no stack".
  const sums = commands.map((): Float64Array | null => null);
  for (const rows of filter.kept()) {
    for (let k = 0; k < rows.length; k++) {
      const command = commandOf[samples.thread[rows[k]!]!]!;
      const row = (sums[command] ??= new Float64Array(tables.stacks.length + 1));
      row[filter.stackOf(rows[k]!) + 1]! += filter.weightOf(rows[k]!);
    }
  }
  for (let command = 0; command < commands.length; command++) {
    const name = (commands[command] ?? '').replaceAll(' ', '_');
    const row = sums[command] ?? new Float64Array(0);
    for (let index = 0; index < row.length; index++) {
      const weight = row[index]!;
      if (weight !== 0) yield { command: name, stack: index - 1, weight };
    }
  }
}

/** Frame rows of a stack, root first; the mark of an incomplete one is no frame. */
function framesOf(tables: SessionTables, leaf: number): number[] {
  const frames: number[] = [];
  for (let row = leaf; row >= 0; row = tables.stacks.parent[row]!) {
    const frame = tables.stacks.frame[row]!;
    if (frameKind(tables, frame) !== 'incomplete') frames.push(frame);
  }
  return frames.reverse();
}

/**
 * A function from frame row and command to the names: the owning function's and those of the calls
 * inlined there, outermost first. Computed once per frame.
 */
function foldedFrameNames(
  tables: SessionTables,
): (frame: number, command: string) => readonly string[] {
  const known: (readonly string[])[] = [];
  const inlined = inlineDepths(tables);
  const namesOf = (frame: number): readonly string[] => {
    const first = tables.frames.symbol[frame]!;
    const calls = Array.from({ length: inlined?.[frame] ?? 0 }, (_, k) => {
      const name = tables.functions.name[tables.symbols.func[first + 1 + k]!] ?? '';
      return `${tidied(name)}${kindSuffix('inlined')}`;
    });
    return [tidied(nameAsPerf(tables, frame)), ...calls];
  };
  return (frame, command) => {
    const names = (known[frame] ??= namesOf(frame));
    // Java's own notation for classes: "Lorg/x/Y;.call" is "org/x/Y:.call".
    if (command !== 'java') return names;
    return names.map((name) => (name.includes('/') ? name.replace(/^L/, '') : name));
  };
}

/** The function, or "[libfoo.so]" for a frame without one: perf script gives no offset there. */
function nameAsPerf(tables: SessionTables, frame: number): string {
  const func = tables.frames.func[frame]!;
  if (func >= 0) return tables.functions.name[func] ?? '';
  const image = tables.images.path[tables.frames.image[frame]!] ?? '';
  const short = shortImageName(image);
  if (frameKind(tables, frame) === 'kernel' && short === '[kernel]') return '[[kernel.kallsyms]]';
  return short === '' ? '[unknown]' : short.startsWith('[') ? short : `[${short}]`;
}

/**
 * What stackcollapse-perf does to names: arguments are cut off from the first bracket on (but not in
 * Go's methods or in anonymous namespaces), quotes are dropped.
 */
function tidied(name: string): string {
  const joined = name.replaceAll(';', ':');
  const bare = /\.\(.*\)\./.test(joined)
    ? joined
    : joined.replace(/\((?!anonymous namespace\)).*/s, '');
  return bare.replace(/["']/g, '');
}

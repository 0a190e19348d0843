import fc from 'fast-check';
import type { SessionDelta } from '../../main/shared/model/session-tables.ts';
import { EMPTY_CURSOR, FRAME_KINDS, IMAGE_KINDS } from '../../main/shared/model/session-tables.ts';
import { isInterpretedName } from '../../main/shared/text/runtime-names.ts';
import type { SampleColumns, SessionBatch } from '../../main/store/session-batch.ts';
import { emptyBatch } from '../../main/store/session-batch.ts';
import { ON_CPU_SOURCES, ON_CPU_TABLES, onCpuColumns, onCpuSamples } from './on-cpu.ts';
import { randomFrom } from './random.ts';

/** Text as the kernel can hand it over: anything but NUL, valid UTF-16. */
const TEXTS = [
  '',
  'a',
  'kworker/0:1',
  "it's",
  '"quoted", n',
  'ümlaut ☃ 🔥',
  '\u0001\n\t\\',
  '12',
  '-',
  'py::main:/srv/app.py',
];

/** Random batches whose ids are consistent, from a seed: shrinks by seed and number of batches. */
export const anyBatches = (): fc.Arbitrary<readonly SessionBatch[]> =>
  fc
    .record({ seed: fc.nat(), count: fc.integer({ min: 1, max: 6 }) })
    .map(({ seed, count }) => makeBatches(seed, count));

const NO_ROWS = { frames: 0, stacks: 0, sourceFiles: 0 };

function makeBatches(seed: number, count: number): readonly SessionBatch[] {
  const random = randomFrom(seed);
  const upTo = (limit: number): number => Math.floor(random() * limit);
  const text = (): string => TEXTS[upTo(TEXTS.length)]!;
  const list = <T>(length: number, make: (i: number) => T): T[] =>
    Array.from({ length }, (_, i) => make(i));
  // Every width of the packed columns, and the largest times a session can have.
  const scale = [200, 6e4, 1e7, 4e9, 1e12, 9e15][upTo(6)]!;
  const have = { images: 0, processes: 0, threads: 0, functions: 0, ...NO_ROWS };
  return list(count, (batch) => {
    const images = list(1 + upTo(3), () => ({
      ...{ kind: upTo(IMAGE_KINDS.length), path: text(), buildId: text(), fileIdentity: text() },
    }));
    const processes = list(1 + upTo(3), () => ({
      ...{ pid: upTo(2 ** 22), parentPid: upTo(9), startNs: Math.floor((random() - 0.5) * scale) },
      ...{ comm: text(), exe: text(), cmdline: text(), uid: upTo(2 ** 32), cgroup: text() },
    }));
    const processUpdates = list(upTo(3), () => ({
      process: upTo(have.processes + processes.length),
      comm: random() < 0.5 ? text() : null,
      exe: random() < 0.5 ? text() : null,
      endNs: random() < 0.5 ? Math.floor(random() * scale) : null,
    }));
    have.images += images.length;
    have.processes += processes.length;
    const threads = list(1 + upTo(4), () => ({
      ...{ process: upTo(have.processes), tid: upTo(2 ** 22), comm: text() },
    }));
    have.threads += threads.length;
    const functions = list(1 + upTo(5), () => ({
      ...{ image: upTo(have.images), name: text(), rawName: text(), startOffset: upTo(scale) },
    }));
    have.functions += functions.length;
    const sourceFiles = list(upTo(3), text);
    have.sourceFiles += sourceFiles.length;
    const frameCount = 1 + upTo(8);
    have.frames += frameCount;
    const firstStack = have.stacks;
    const stackCount = 1 + upTo(20);
    have.stacks += stackCount;
    const length = random() < 0.3 ? 0 : upTo(300);
    const ones = random() < 0.5;
    return {
      ...{
        ...emptyBatch(),
        sources: batch === 0 ? ON_CPU_SOURCES : [],
        images,
        processes,
        processUpdates,
        threads,
        functions,
      },
      threadUpdates: list(upTo(2), () => ({ thread: upTo(have.threads), comm: text() })),
      frames: {
        image: list(frameCount, () => upTo(have.images)),
        offset: list(frameCount, () => Math.floor(random() * scale)),
        kind: list(frameCount, () => upTo(FRAME_KINDS.length)),
      },
      stacks: {
        parent: list(stackCount, (i) => upTo(firstStack + i + 1) - 1),
        frame: list(stackCount, () => upTo(have.frames)),
      },
      sourceFiles,
      symbols: symbolsOf(
        list(upTo(6), () => ({ frame: upTo(have.frames), calls: 1 + upTo(3) })),
        (frame, depth) => ({
          ...{ frame, depth, function: upTo(have.functions) },
          ...{ file: upTo(have.sourceFiles + 1) - 1, line: upTo(9999) },
        }),
      ),
      imageProblems: new Map(list(upTo(2), () => [upTo(have.images), text()])),
      samples:
        length === 0
          ? []
          : [
              onCpuSamples({
                length,
                time: Float64Array.from({ length }, () => Math.floor(random() * scale)),
                thread: Int32Array.from({ length }, () => upTo(have.threads)),
                stack: Int32Array.from({ length }, () => upTo(have.stacks + 1) - 1),
                cpu: Uint16Array.from({ length }, () => upTo(random() < 0.1 ? 65_536 : 4)),
                weight: Float64Array.from({ length }, () => (ones ? 1 : upTo(1e5))),
              }),
            ],
    };
  });
}

interface SymbolRow {
  readonly frame: number;
  readonly depth: number;
  readonly function: number;
  readonly file: number;
  readonly line: number;
}

/** A function and its inlined calls per found frame. */
function symbolsOf(
  found: readonly { readonly frame: number; readonly calls: number }[],
  make: (frame: number, depth: number) => SymbolRow,
): SessionBatch['symbols'] {
  const rows = found.flatMap(({ frame, calls }) =>
    Array.from({ length: calls }, (_, depth) => make(frame, depth)),
  );
  return {
    frame: rows.map((row) => row.frame),
    depth: rows.map((row) => row.depth),
    function: rows.map((row) => row.function),
    file: rows.map((row) => row.file),
    line: rows.map((row) => row.line),
  };
}

/** What a reader must return for the batches: computed from them alone, without the store. */
export function expectedDelta(batches: readonly SessionBatch[]): SessionDelta {
  const all = <T>(rows: (batch: SessionBatch) => Iterable<T>): T[] =>
    batches.flatMap((batch) => [...rows(batch)]);
  const images = all((batch) => batch.images);
  const processes = all((batch) => batch.processes).map((row) => ({ ...row, endNs: NaN }));
  const threads = all((batch) => batch.threads).map((row) => ({ ...row }));
  for (const update of all((batch) => batch.processUpdates)) {
    const row = processes[update.process]!;
    row.comm = update.comm ?? row.comm;
    row.exe = update.exe ?? row.exe;
    row.endNs = update.endNs ?? row.endNs;
  }
  for (const update of all((batch) => batch.threadUpdates)) {
    threads[update.thread]!.comm = update.comm;
  }
  const functions = all((batch) => batch.functions);
  const kind = Uint8Array.from(all((batch) => batch.frames.kind));
  const func = new Int32Array(kind.length).fill(-1);
  const symbol = func.slice();
  const symbols = {
    frame: Int32Array.from(all((batch) => batch.symbols.frame)),
    depth: Uint8Array.from(all((batch) => batch.symbols.depth)),
    func: Int32Array.from(all((batch) => batch.symbols.function)),
    file: Int32Array.from(all((batch) => batch.symbols.file)),
    line: Int32Array.from(all((batch) => batch.symbols.line)),
  };
  symbols.frame.forEach((frame, row) => {
    if (symbols.depth[row] !== 0) return;
    func[frame] = symbols.func[row]!;
    symbol[frame] = row;
  });
  const sourceFiles = all((batch) => batch.sourceFiles);
  const problems = [...new Map(all((batch) => batch.imageProblems))].toSorted(([a], [b]) => a - b);
  const stackFrame = Int32Array.from(all((batch) => batch.stacks.frame));
  const samples = (pick: (columns: SampleColumns) => ArrayLike<number>): number[] =>
    batches.flatMap((batch) => batch.samples.flatMap((columns) => [...Array.from(pick(columns))]));
  const time = Float64Array.from(samples((columns) => columns.time));
  return {
    from: EMPTY_CURSOR,
    to: {
      ...{ images: images.length, processes: processes.length, threads: threads.length },
      ...{ functions: functions.length, frames: kind.length, stacks: stackFrame.length },
      chunks: batches.filter((batch) => batch.samples.length > 0).length,
      ...{ symbols: symbols.frame.length, sourceFiles: sourceFiles.length },
      ...{ sources: 1, series: 0, latencies: 0 },
    },
    tables: {
      images: {
        length: images.length,
        kind: Uint8Array.from(images, (row) => row.kind),
        path: images.map((row) => row.path),
        buildId: images.map((row) => row.buildId),
      },
      imageProblems: {
        length: problems.length,
        image: Int32Array.from(problems, ([image]) => image),
        problem: problems.map(([, problem]) => problem),
      },
      processes: {
        length: processes.length,
        pid: Int32Array.from(processes, (row) => row.pid),
        parentPid: Int32Array.from(processes, (row) => row.parentPid),
        start: Float64Array.from(processes, (row) => row.startNs),
        end: Float64Array.from(processes, (row) => row.endNs),
        comm: processes.map((row) => row.comm),
        exe: processes.map((row) => row.exe),
      },
      threads: {
        length: threads.length,
        process: Int32Array.from(threads, (row) => row.process),
        tid: Int32Array.from(threads, (row) => row.tid),
        comm: threads.map((row) => row.comm),
      },
      functions: {
        length: functions.length,
        name: functions.map((row) => row.name),
        image: Int32Array.from(functions, (row) => row.image),
        interpreted: Uint8Array.from(functions, (row) => {
          const isJit = IMAGE_KINDS[images[row.image]!.kind] === 'jit';
          return isJit && isInterpretedName(row.rawName) ? 1 : 0;
        }),
      },
      sourceFiles: { length: sourceFiles.length, path: sourceFiles },
      symbols: { length: symbols.frame.length, ...symbols },
      frames: {
        length: kind.length,
        image: Int32Array.from(all((batch) => batch.frames.image)),
        offset: Float64Array.from(all((batch) => batch.frames.offset)),
        ...{ kind, func, symbol },
      },
      stacks: {
        length: stackFrame.length,
        parent: Int32Array.from(all((batch) => batch.stacks.parent)),
        frame: stackFrame,
      },
      samples: {
        length: time.length,
        time,
        thread: Int32Array.from(samples((columns) => columns.thread)),
        stack: Int32Array.from(samples((columns) => columns.stack)),
        cpu: Uint16Array.from(samples((columns) => columns.cpu)),
        weight: Float64Array.from(samples((columns) => columns.weight)),
        ...onCpuColumns(time.length),
      },
      ...ON_CPU_TABLES,
    },
  };
}

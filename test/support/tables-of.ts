import { invariant } from '../../main/shared/invariant.ts';
import type {
  FrameKind,
  ImageKind,
  SampleTable,
  SessionTables,
} from '../../main/shared/model/session-tables.ts';
import { FRAME_KINDS, IMAGE_KINDS } from '../../main/shared/model/session-tables.ts';
import {
  INCOMPLETE_IMAGE,
  UNWIND_STOPS,
  type UnwindStop,
} from '../../main/shared/model/unwind-stop.ts';
import { ON_CPU_TABLES, onCpuColumns } from './on-cpu.ts';

/**
 * SessionTables written as text, one sample a line, root first:
 *
 *     main;parse;read 3                  process app, pid 1000, tid 1000; weight 3
 *     nginx:7/8| main;sys_read[k] 2      command nginx, pid 7, thread 8; kernel frame
 *     main;memcpy@/usr/lib/libc.so 1     function of another image
 *     main;libfoo.so+0x1a2b 1            not symbolized, image /usr/lib/libfoo.so
 *     main;compiled[j] 4 @250            JIT frame; at 250 ms instead of the line's number in ms
 *     - 1                                no stack
 *     main;run->step->add 1              calls inlined into run
 *     main{src/main.c:7};run 1           a place in the source
 *     !no-table;parse;read 1             incomplete: nobody knows who called parse
 *     main;wait;^sh;wake;run 1           waited in wait; sh ended that, in wake, called by run
 *
 * Equal names in one image are one function and one frame. `rename` puts names in afterwards that the
 * text cannot hold: of functions, commands and image paths.
 */
export function tablesOf(
  text: string,
  rename: Readonly<Record<string, string>> = {},
): SessionTables {
  const builder = new TablesBuilder(rename);
  for (const line of text.split('\n')) if (line.trim() !== '') builder.addLine(line.trim());
  return builder.finish();
}

const LINE =
  /^(?:(?<comm>.+):(?<pid>\d+)\/(?<tid>\d+)\|\s*)?(?<stack>.+?)\s+(?<weight>[\d.]+)(?:\s+@(?<ms>[\d.]+))?$/;
const FRAME = /^(?<name>.+?)(?<mark>\[[kj]\])?(?:@(?<image>.+))?$/;
/** A function and where in its source it is. */
const CALL = /^(?<name>.+?)(?:\{(?<file>[^{}]+?)(?::(?<line>\d+))?\})?$/;
const UNSYMBOLIZED = /^(?<image>.+)\+0x(?<offset>[0-9a-f]+)$/;
const APP = '/usr/bin/app';

/** A row of SymbolTable. */
interface Call {
  readonly func: number;
  readonly file: number;
  readonly line: number;
}

/** Rows found by a text key, numbered as they come. */
class Interner<Row> {
  readonly rows: Row[] = [];
  private readonly index = new Map<string, number>();

  of(key: string, make: () => Row): number {
    let row = this.index.get(key);
    if (row === undefined) {
      row = this.rows.push(make()) - 1;
      this.index.set(key, row);
    }
    return row;
  }
}

class TablesBuilder {
  private readonly images = new Interner<{ kind: ImageKind; path: string }>();
  private readonly processes = new Interner<{ pid: number; comm: string }>();
  private readonly threads = new Interner<{ process: number; tid: number; comm: string }>();
  private readonly functions = new Interner<{ name: string; image: number }>();
  private readonly sourceFiles = new Interner<string>();
  private readonly frames = new Interner<{
    image: number;
    offset: number;
    kind: FrameKind;
    /** The owning function and the calls inlined into it; empty: not symbolized. */
    calls: readonly Call[];
  }>();
  private readonly stacks = new Interner<{ parent: number; frame: number }>();
  private readonly samples: { time: number; thread: number; stack: number; weight: number }[] = [];

  private readonly rename: Readonly<Record<string, string>>;

  constructor(rename: Readonly<Record<string, string>>) {
    this.rename = rename;
  }

  addLine(line: string): void {
    const part = LINE.exec(line)?.groups;
    invariant(part !== undefined, `not a sample line: ${line}`);
    this.samples.push({
      time: Number(part['ms'] ?? this.samples.length) * 1e6,
      thread: this.thread(part['comm'] ?? 'app', part['pid'] ?? '1000', part['tid'] ?? '1000'),
      stack: part['stack'] === '-' ? -1 : this.stack(part['stack'] ?? ''),
      weight: Number(part['weight']),
    });
  }

  finish(): SessionTables {
    const { images, processes, threads, functions, frames, stacks } = this;
    const firstSymbols: number[] = [];
    const symbols = frames.rows.flatMap(({ calls }, frame) => {
      firstSymbols.push((firstSymbols.at(-1) ?? 0) + (frames.rows[frame - 1]?.calls.length ?? 0));
      return calls.map((call, depth) => ({ ...call, frame, depth }));
    });
    return {
      images: {
        length: images.rows.length,
        kind: Uint8Array.from(images.rows, (row) => IMAGE_KINDS.indexOf(row.kind)),
        path: images.rows.map((row) => this.nameOf(row.path)),
        buildId: images.rows.map(() => ''),
      },
      imageProblems: { length: 0, image: new Int32Array(0), problem: [] },
      processes: {
        length: processes.rows.length,
        pid: Int32Array.from(processes.rows, (row) => row.pid),
        parentPid: new Int32Array(processes.rows.length).fill(1),
        start: new Float64Array(processes.rows.length),
        end: new Float64Array(processes.rows.length).fill(Number.NaN),
        comm: processes.rows.map((row) => this.nameOf(row.comm)),
        exe: processes.rows.map((row) => `/usr/bin/${row.comm}`),
      },
      threads: {
        length: threads.rows.length,
        process: Int32Array.from(threads.rows, (row) => row.process),
        tid: Int32Array.from(threads.rows, (row) => row.tid),
        comm: threads.rows.map((row) => this.nameOf(row.comm)),
      },
      functions: {
        length: functions.rows.length,
        name: functions.rows.map((row) => this.nameOf(row.name)),
        image: Int32Array.from(functions.rows, (row) => row.image),
        interpreted: new Uint8Array(functions.rows.length),
      },
      sourceFiles: { length: this.sourceFiles.rows.length, path: this.sourceFiles.rows },
      symbols: {
        length: symbols.length,
        frame: Int32Array.from(symbols, (row) => row.frame),
        depth: Uint8Array.from(symbols, (row) => row.depth),
        func: Int32Array.from(symbols, (row) => row.func),
        file: Int32Array.from(symbols, (row) => row.file),
        line: Int32Array.from(symbols, (row) => row.line),
      },
      frames: {
        length: frames.rows.length,
        image: Int32Array.from(frames.rows, (row) => row.image),
        offset: Float64Array.from(frames.rows, (row) => row.offset),
        kind: Uint8Array.from(frames.rows, (row) => FRAME_KINDS.indexOf(row.kind)),
        func: Int32Array.from(frames.rows, (row) => row.calls[0]?.func ?? -1),
        symbol: Int32Array.from(frames.rows, (row, at) =>
          row.calls.length === 0 ? -1 : firstSymbols[at]!,
        ),
      },
      stacks: {
        length: stacks.rows.length,
        parent: Int32Array.from(stacks.rows, (row) => row.parent),
        frame: Int32Array.from(stacks.rows, (row) => row.frame),
      },
      samples: this.sampleTable(),
      ...ON_CPU_TABLES,
    };
  }

  private sampleTable(): SampleTable {
    return {
      length: this.samples.length,
      time: Float64Array.from(this.samples, (row) => row.time),
      thread: Int32Array.from(this.samples, (row) => row.thread),
      stack: Int32Array.from(this.samples, (row) => row.stack),
      cpu: new Uint16Array(this.samples.length),
      weight: Float64Array.from(this.samples, (row) => row.weight),
      ...onCpuColumns(this.samples.length),
    };
  }

  private nameOf(written: string): string {
    return this.rename[written] ?? written;
  }

  private thread(comm: string, pid: string, tid: string): number {
    const process = this.processes.of(`${comm}:${pid}`, () => ({ pid: Number(pid), comm }));
    return this.threads.of(`${process}/${tid}`, () => ({ process, tid: Number(tid), comm }));
  }

  private stack(text: string): number {
    let parent = -1;
    for (const name of text.split(';')) {
      const above = parent;
      const frame = this.frame(name);
      parent = this.stacks.of(`${above};${frame}`, () => ({ parent: above, frame }));
    }
    return parent;
  }

  private frame(text: string): number {
    const stop = UNWIND_STOPS.indexOf(text.slice(1) as UnwindStop);
    if (text.startsWith('!') && stop >= 0) return this.incomplete(stop);
    if (text.startsWith('^')) return this.waker(text.slice(1));
    const [owner = {}, ...inlined] = text.split('->').map((call) => CALL.exec(call)?.groups ?? {});
    const part = FRAME.exec(owner['name'] ?? '')?.groups;
    invariant(part !== undefined, `not a frame: ${text}`);
    const kind = part['mark'] === '[k]' ? 'kernel' : part['mark'] === '[j]' ? 'jit' : 'user';
    const raw = UNSYMBOLIZED.exec(part['name'] ?? '')?.groups;
    const image = this.image(
      kind,
      raw === undefined ? part['image'] : `/usr/lib/${raw['image'] ?? ''}`,
    );
    const offset = (this.frames.rows.length + 1) * 0x100;
    const calls = [{ ...owner, name: part['name'] ?? '' }, ...inlined];
    return this.frames.of(`${image} ${JSON.stringify(calls)}`, () => ({
      image,
      offset: raw === undefined ? offset : Number.parseInt(raw['offset'] ?? '', 16),
      kind,
      calls: raw === undefined ? calls.map((call) => this.call(call, image)) : [],
    }));
  }

  private incomplete(stop: number): number {
    const path = INCOMPLETE_IMAGE;
    const image = this.images.of(path, () => ({ kind: 'unknown', path }));
    return this.frames.of(`${path} ${stop}`, () => ({
      ...{ image, offset: stop, kind: 'incomplete', calls: [] },
    }));
  }

  private waker(comm: string): number {
    const path = `[woken by ${comm}]`;
    const image = this.images.of(path, () => ({ kind: 'unknown', path }));
    return this.frames.of(path, () => ({ image, offset: 0, kind: 'waker', calls: [] }));
  }

  private call(part: Readonly<Record<string, string | undefined>>, image: number): Call {
    const { name = '', file, line = '0' } = part;
    return {
      func: this.func(name, image),
      file: file === undefined ? -1 : this.sourceFiles.of(file, () => file),
      line: Number(line),
    };
  }

  private image(kind: FrameKind, path: string | undefined): number {
    const shown = path ?? (kind === 'kernel' ? '[kernel]' : kind === 'jit' ? '[jit]' : APP);
    const imageKind =
      kind === 'kernel'
        ? path === undefined
          ? 'kernel'
          : 'module'
        : kind === 'jit'
          ? 'jit'
          : 'elf';
    return this.images.of(shown, () => ({ kind: imageKind, path: shown }));
  }

  private func(name: string, image: number): number {
    return this.functions.of(`${image} ${name}`, () => ({ name, image }));
  }
}

import { invariant } from '../../main/shared/invariant.ts';
import type {
  FrameKind,
  ImageKind,
  SampleTable,
  SessionTables,
} from '../../main/shared/model/session-tables.ts';
import { FRAME_KINDS, IMAGE_KINDS } from '../../main/shared/model/session-tables.ts';

/**
 * SessionTables written as text, one sample a line, root first:
 *
 *     main;parse;read 3                  process app, pid 1000, tid 1000; weight 3
 *     nginx:7/8| main;sys_read[k] 2      command nginx, pid 7, thread 8; kernel frame
 *     main;memcpy@/usr/lib/libc.so 1     function of another image
 *     main;libfoo.so+0x1a2b 1            not symbolized, image /usr/lib/libfoo.so
 *     main;compiled[j] 4 @250            JIT frame; at 250 ms instead of the line's number in ms
 *     - 1                                no stack
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
const UNSYMBOLIZED = /^(?<image>.+)\+0x(?<offset>[0-9a-f]+)$/;
const APP = '/usr/bin/app';

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
  private readonly frames = new Interner<{
    image: number;
    offset: number;
    kind: FrameKind;
    func: number;
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
    return {
      images: {
        length: images.rows.length,
        kind: Uint8Array.from(images.rows, (row) => IMAGE_KINDS.indexOf(row.kind)),
        path: images.rows.map((row) => this.nameOf(row.path)),
        buildId: images.rows.map(() => ''),
      },
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
      },
      frames: {
        length: frames.rows.length,
        image: Int32Array.from(frames.rows, (row) => row.image),
        offset: Float64Array.from(frames.rows, (row) => row.offset),
        kind: Uint8Array.from(frames.rows, (row) => FRAME_KINDS.indexOf(row.kind)),
        func: Int32Array.from(frames.rows, (row) => row.func),
      },
      stacks: {
        length: stacks.rows.length,
        parent: Int32Array.from(stacks.rows, (row) => row.parent),
        frame: Int32Array.from(stacks.rows, (row) => row.frame),
      },
      samples: this.sampleTable(),
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
    const part = FRAME.exec(text)?.groups;
    invariant(part !== undefined, `not a frame: ${text}`);
    const kind = part['mark'] === '[k]' ? 'kernel' : part['mark'] === '[j]' ? 'jit' : 'user';
    const raw = UNSYMBOLIZED.exec(part['name'] ?? '')?.groups;
    const image = this.image(
      kind,
      raw === undefined ? part['image'] : `/usr/lib/${raw['image'] ?? ''}`,
    );
    const offset = (this.frames.rows.length + 1) * 0x100;
    return this.frames.of(`${image} ${part['name'] ?? ''}`, () => ({
      image,
      offset: raw === undefined ? offset : Number.parseInt(raw['offset'] ?? '', 16),
      kind,
      func: raw === undefined ? this.func(part['name'] ?? '', image) : -1,
    }));
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

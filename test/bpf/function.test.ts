import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startRecording } from '../../main/capture/capture-controller.ts';
import {
  type CaptureSpec,
  MAX_SOURCES,
  type SourceSpec,
} from '../../main/shared/model/capture-spec.ts';
import type { SessionTables } from '../../main/shared/model/session-tables.ts';
import { commandTarget, readWhole, recorded, specOf, withSymbols } from '../support/capture.ts';
import { buildFunctions, readCallLog } from '../support/functions.ts';
import { useRealHelper } from '../support/real-helper.ts';
import { percentile, sumOf, type Wait, waitsOf } from '../support/waits.ts';

const rig = useRealHelper();
let program = '';
let out = '';
let log = '';
beforeAll(() => {
  program = buildFunctions();
});
beforeEach(() => {
  out = join(rig.folder, 'out.ember');
  log = join(rig.folder, 'calls.log');
});

const latencyOf = (
  symbol: string,
  detail: 'events' | 'histogram' = 'events',
  path = program,
): SourceSpec => ({ kind: 'function', probe: { type: 'user', path, symbol }, minNs: 0, detail });

interface Recorded {
  readonly tables: SessionTables;
  readonly truth: ReadonlyMap<string, readonly number[]>;
  /** Calls whose end was not seen. */
  readonly lost: number;
}

async function recordCalls(
  mode: string,
  count: number,
  sources: readonly SourceSpec[],
  change: Partial<CaptureSpec> = {},
): Promise<Recorded> {
  const target = commandTarget(program, log, mode, `${count}`);
  const end = await recorded(specOf(target, { costLimit: 0, ...change, sources }), out);
  expect(end).toMatchObject({ reason: 'target-exited', error: null, commandExitCode: 0 });
  const { info, delta } = await readWhole(out);
  const lost = info.loss.find(({ reason }) => reason === 'call-start-lost')?.count ?? 0;
  const others = info.loss.filter(({ reason }) => !/^stack-|^call-start-lost$/.test(reason));
  expect(others).toEqual([]);
  return { tables: withSymbols(delta), truth: readCallLog(log), lost };
}

const callsOf = (tables: SessionTables, symbol: string): Wait[] =>
  waitsOf(tables, 'function').filter(({ series }) => series.endsWith(`:${symbol}`));

/** Two exceptions lie between the program's readings of the clock and ours, in a virtual machine slow ones. */
const near = (measured: number, truth: number): void => {
  expect(Math.abs(measured - truth)).toBeLessThan(0.03 * truth + 150_000);
};

describe('latency of a user function', () => {
  it.each(['uniform', 'bimodal'])('agrees with the clock of the program: %s', async (mode) => {
    const { tables, truth, lost } = await recordCalls(mode, 300, [latencyOf('work')]);
    const calls = callsOf(tables, 'work').map(({ value }) => value);
    const times = truth.get('work') ?? [];
    expect(calls).toHaveLength(300);
    expect(lost).toBe(0);
    for (const share of [0.5, 0.9, 0.99]) near(percentile(calls, share), percentile(times, share));
  });

  it('counts the same in histograms, and its examples stand for all calls', async () => {
    const sources = [latencyOf('work', 'histogram')];
    const { tables, truth } = await recordCalls('bimodal', 200, sources);
    const { latencies } = tables;
    const counts = [...latencies.count];
    expect(sumOf(counts)).toBe(200);
    const total = sumOf([...latencies.total]);
    expect(Math.abs(total / sumOf([...(truth.get('work') ?? [])]) - 1)).toBeLessThan(0.05);
    const examples = callsOf(tables, 'work');
    const stoodFor = sumOf(examples.map(({ weight, value }) => weight / value));
    expect(Math.abs(stoodFor - 200)).toBeLessThan(2);
    expect(examples.every(({ stack }) => stack.at(-1) === 'work')).toBe(true);
  });

  it('finds each call of a recursion its own beginning', async () => {
    const { tables, truth, lost } = await recordCalls('recursive', 30, [latencyOf('descend')]);
    const calls = callsOf(tables, 'descend');
    const times = truth.get('descend') ?? [];
    expect(times).toHaveLength(300);
    expect(calls).toHaveLength(300);
    expect(lost).toBe(0);
    const values = calls.map(({ value }) => value);
    // Ten deep, each call has the exceptions of all below it.
    expect(Math.abs(sumOf(values) / sumOf(times) - 1)).toBeLessThan(0.05);
    const depths = calls.map(({ stack }) => stack.filter((name) => name === 'descend').length);
    for (let depth = 1; depth <= 10; depth++) {
      expect(depths.filter((found) => found === depth)).toHaveLength(30);
    }
  });

  it('counts calls that are nested too deep', async () => {
    const { tables, lost } = await recordCalls('deep', 5, [latencyOf('descend')]);
    const calls = callsOf(tables, 'descend');
    expect(calls).toHaveLength(5 * 64);
    expect(calls.length + lost).toBe(500);
  });

  it('is not put off by functions left by longjmp, and counts them', async () => {
    const sources = ['outer', 'middle', 'inner'].map((symbol) => latencyOf(symbol));
    const { tables, truth, lost } = await recordCalls('jump', 40, sources);
    expect(callsOf(tables, 'outer')).toHaveLength(40);
    expect(callsOf(tables, 'middle')).toHaveLength(20);
    expect(callsOf(tables, 'inner')).toHaveLength(20);
    expect(lost).toBe(40);
    const outer = callsOf(tables, 'outer').map(({ value }) => value);
    near(percentile(outer, 0.5), percentile(truth.get('outer') ?? [], 0.5));
  });

  it('sees through the returns that the kernel replaced, to the start of the thread', async () => {
    const sources = ['outer', 'middle', 'inner'].map((symbol) => latencyOf(symbol));
    const { tables } = await recordCalls('nested', 20, sources);
    for (const [symbol, callers] of [
      ['outer', []],
      ['middle', ['outer']],
      ['inner', ['outer', 'middle']],
    ] as const) {
      const calls = callsOf(tables, symbol);
      expect(calls).toHaveLength(20);
      // The unwinder gets to know a new program while its first calls are under way.
      const whole = calls.filter(({ stack }) => !stack[0]?.startsWith('[incomplete'));
      expect(whole.length).toBeGreaterThanOrEqual(10);
      for (const { stack } of whole) {
        expect(stack.slice(stack.indexOf('main'))).toEqual(['main', ...callers, symbol]);
        expect(stack[0]).toBe('_start');
      }
    }
  });

  it('measures a function that another jumps into, and both return', async () => {
    const sources = ['outer_tail', 'inner_tail'].map((symbol) => latencyOf(symbol));
    const { tables, lost } = await recordCalls('tail', 30, sources);
    expect(callsOf(tables, 'outer_tail')).toHaveLength(30);
    expect(callsOf(tables, 'inner_tail')).toHaveLength(30);
    expect(lost).toBe(0);
    const leaves = callsOf(tables, 'inner_tail').map(({ stack }) => stack.slice(-2));
    expect(leaves.every(([caller, leaf]) => caller === 'main' && leaf === 'inner_tail')).toBe(true);
  });

  it('keeps threads apart', async () => {
    const { tables, truth } = await recordCalls('threads', 20, [latencyOf('work')]);
    const calls = callsOf(tables, 'work');
    expect(calls).toHaveLength(80);
    expect(new Set(calls.map(({ tid }) => tid)).size).toBe(4);
    const values = calls.map(({ value }) => value);
    near(percentile(values, 0.5), percentile(truth.get('work') ?? [], 0.5));
  });

  it('takes an offset in the file for a name', async () => {
    const listed = execFileSync('nm', [program], { encoding: 'utf8' });
    const address = Number.parseInt(/^([0-9a-f]+) T work$/m.exec(listed)?.[1] ?? '', 16);
    const source = latencyOf(`+0x${address.toString(16)}`);
    const { tables } = await recordCalls('uniform', 10, [source]);
    expect(waitsOf(tables, 'function')).toHaveLength(10);
  });

  it('records only calls that are long enough', async () => {
    const source = { ...latencyOf('work'), minNs: 4_000_000 } as SourceSpec;
    const { tables, truth } = await recordCalls('bimodal', 100, [source]);
    const long = (truth.get('work') ?? []).filter((ns) => ns >= 4_000_000);
    const calls = callsOf(tables, 'work');
    expect(Math.abs(calls.length - long.length)).toBeLessThanOrEqual(2);
    expect(calls.every(({ value }) => value >= 4_000_000)).toBe(true);
  });
});

/** What the kernel says is loaded now, of our programs for functions. */
function loaded(): readonly string[] {
  const listed = JSON.parse(
    execFileSync('bpftool', ['-j', 'prog', 'list'], { encoding: 'utf8' }),
  ) as readonly { readonly id: number; readonly name?: string }[];
  return listed
    .filter(({ name }) => name === 'on_entry' || name === 'on_return')
    .map(({ id }) => `${id}`);
}

describe('a function that cannot be measured', () => {
  let before: readonly string[] = [];
  beforeEach(() => {
    before = loaded();
  });
  afterEach(async () => {
    expect(existsSync(out)).toBe(false);
    // The kernel frees programs some milliseconds after their last user is gone.
    await expect
      .poll(() => loaded().filter((id) => !before.includes(id)), { timeout: 5000 })
      .toEqual([]);
  });

  const refusalOf = async (sources: readonly SourceSpec[]): Promise<unknown> => {
    const started = await startRecording(specOf(commandTarget('/bin/true'), { sources }), out);
    return started.ok ? 'it started' : started.error;
  };

  it('has no such name: near names are told', async () => {
    const error = await refusalOf([latencyOf('wrok')]);
    expect(error).toMatchObject({ kind: 'probe-not-found', similar: ['work'] });
  });

  it('is one of several of its name: their offsets are told', async () => {
    const two = join(rig.folder, 'two');
    const part = 'static __attribute__((noinline, used)) void twin(void) { asm volatile(""); }\n';
    writeFileSync(join(rig.folder, 'a.c'), `${part} void a(void) { twin(); }`);
    writeFileSync(join(rig.folder, 'b.c'), `${part} int main(void) { twin(); return 0; }`);
    execFileSync('cc', ['-O2', '-o', two, join(rig.folder, 'a.c'), join(rig.folder, 'b.c')]);
    const error = await refusalOf([latencyOf('twin', 'events', two)]);
    const reason = expect.stringMatching(/2 functions .*\+0x[0-9a-f]+, \+0x[0-9a-f]+/);
    expect(error).toMatchObject({ kind: 'probe-unsupported', reason });
  });

  it('is in no file, in no program, in half of one, or at no code', async () => {
    const cut = join(rig.folder, 'cut');
    copyFileSync(program, cut);
    truncateSync(cut, 300);
    const text = join(rig.folder, 'text');
    writeFileSync(text, 'no program');
    expect(await refusalOf([latencyOf('work', 'events', `${text}.gone`)])).toMatchObject({
      kind: 'file-not-found',
    });
    expect(await refusalOf([latencyOf('work', 'events', text)])).toMatchObject({
      kind: 'file-unreadable',
    });
    expect(await refusalOf([latencyOf('work', 'events', cut)])).toHaveProperty('kind');
    expect(await refusalOf([latencyOf('+0x10')])).toMatchObject({ kind: 'probe-unsupported' });
  });

  it('comes with more than there is room for', async () => {
    const many = Array.from({ length: MAX_SOURCES + 1 }, () => latencyOf('work'));
    expect(await refusalOf(many)).toMatchObject({ kind: 'spec-invalid', field: 'sources' });
  });

  it('is a good one beside a bad one: nothing stays attached', async () => {
    const bad: SourceSpec = {
      kind: 'count',
      event: { type: 'tracepoint', category: 'sched', name: 'no_such_event' },
      period: 1,
    };
    expect(await refusalOf([latencyOf('work'), bad])).toMatchObject({ kind: 'probe-not-found' });
  });

  it('is no kernel function', async () => {
    const probe = { type: 'kernel', name: 'vfs_raed' } as const;
    const error = await refusalOf([{ kind: 'function', probe, minNs: 0, detail: 'events' }]);
    expect(error).toMatchObject({
      kind: 'probe-not-found',
      similar: expect.arrayContaining(['vfs_read']),
    });
  });
});

describe('a pattern', () => {
  it('that stands for more functions than may be patched is refused', async () => {
    const probe = { type: 'kernel', name: '*e*' } as const;
    const sources = [{ kind: 'function', probe, minNs: 0, detail: 'histogram' }] as const;
    const started = await startRecording(specOf(commandTarget('/bin/true'), { sources }), out);
    const reason = expect.stringContaining('more than 5000 functions');
    expect(started).toMatchObject({ ok: false, error: { kind: 'probe-unsupported', reason } });
  });
});

describe('a program that ends within a measured function', () => {
  it('is recorded to its end, and nothing is left attached', async () => {
    const before = loaded();
    // exit() is entered and never left.
    const libc = execFileSync('ldd', [program], { encoding: 'utf8' });
    const path = /libc\.so\.6 => (\S+)/.exec(libc)?.[1] ?? '';
    const source = latencyOf('exit', 'events', path);
    const { tables } = await recordCalls('uniform', 5, [source]);
    expect(waitsOf(tables, 'function')).toEqual([]);
    await expect
      .poll(() => loaded().filter((id) => !before.includes(id)), { timeout: 5000 })
      .toEqual([]);
  });
});

describe('what measuring calls costs', () => {
  it.each<[string, (libc: string) => SourceSpec]>([
    ['a function', (libc) => latencyOf('write', 'histogram', libc)],
    ['system calls', () => ({ kind: 'syscalls', minNs: 0, detail: 'histogram' })],
  ])('is known of their beginning and their end: %s', async (_, sourceOf) => {
    const linked = execFileSync('ldd', ['/bin/dd'], { encoding: 'utf8' });
    const source = sourceOf(/libc\.so\.6 => (\S+)/.exec(linked)?.[1] ?? '');
    const copy = ['/bin/dd', 'if=/dev/zero', 'of=/dev/null', 'bs=1', 'count=40000', 'status=none'];
    await recorded(specOf(commandTarget(...copy), { costLimit: 0, sources: [source] }), out);
    const { info, delta } = await readWhole(out);
    const calls = sumOf([...delta.tables.latencies.count]);
    expect(calls).toBeGreaterThanOrEqual(40_000);
    // One run in 16 is timed and stands for all: four standard deviations of 40,000 calls are 6 %.
    expect(Math.abs(info.cost.bpfRuns / (2 * calls) - 1)).toBeLessThan(0.06);
    expect(info.cost.bpfNs / info.cost.bpfRuns).toBeGreaterThan(20);
  });
});

describe('many functions', () => {
  it('are measured side by side, as many as a recording has sources', async () => {
    const sources = Array.from({ length: MAX_SOURCES }, () => latencyOf('work'));
    const { tables } = await recordCalls('uniform', 10, sources);
    expect(waitsOf(tables, 'function')).toHaveLength(10 * MAX_SOURCES);
  });
});

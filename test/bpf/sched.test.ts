import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SourceSpec } from '../../main/shared/model/capture-spec.ts';
import type { SessionTables } from '../../main/shared/model/session-tables.ts';
import { asPid, type Hertz, hertz, nanoseconds } from '../../main/shared/units.ts';
import { note } from '../support/bpf-helper.ts';
import {
  buildWorkload,
  commandTarget,
  readWhole,
  recorded,
  specOf,
  withSymbols,
} from '../support/capture.ts';
import { useRealHelper } from '../support/real-helper.ts';
import {
  buildWaits,
  countedOf,
  percentile,
  readWaitLog,
  sumOf,
  type ThreadLog,
  type Wait,
  waitsOf,
} from '../support/waits.ts';

const rig = useRealHelper();
let program = '';
let out = '';
let log = '';
const started: ChildProcess[] = [];

beforeAll(() => {
  program = buildWaits();
});
beforeEach(() => {
  out = join(rig.folder, 'out.ember');
  log = join(rig.folder, 'waits.log');
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

const offCpu = (minNs: number, wakers = false): SourceSpec => ({ kind: 'off-cpu', minNs, wakers });
/** Switches that may be hidden in one recording. */
const MOST_LOST = 20;
const queueEvents: SourceSpec = { kind: 'run-queue', minNs: 0, detail: 'events' };
const queueHistogram: SourceSpec = { kind: 'run-queue', minNs: 0, detail: 'histogram' };

interface Recorded {
  readonly tables: SessionTables;
  readonly threads: readonly ThreadLog[];
  /** Waits whose end was not seen, as the session says: a kernel may hide some switches. */
  readonly lost: number;
  /** Of the program. */
  readonly pid: number;
}

/** Records `waits LOG MODE COUNT`; nothing may be lost that the session does not tell. */
async function recordWaits(
  mode: string,
  count: number,
  sources: readonly SourceSpec[],
  rate: Hertz = hertz(99),
): Promise<Recorded> {
  const end = await recorded(
    specOf(commandTarget(program, log, mode, `${count}`), { sources, rate }),
    out,
  );
  expect(end).toMatchObject({ reason: 'target-exited', error: null, commandExitCode: 0 });
  const { info, delta } = await readWhole(out);
  const lost = info.loss.find(({ reason }) => reason === 'call-start-lost')?.count ?? 0;
  // Stacks of which a part is unknown are no waits lost.
  const others = info.loss.filter(({ reason }) => !/^stack-|^call-start-lost$/.test(reason));
  expect(others).toEqual([]);
  expect(lost).toBeLessThanOrEqual(MOST_LOST);
  if (lost > 0) note(`${mode}: the kernel hid ${lost} switches`);
  const tables = withSymbols(delta);
  const pid = tables.processes.pid[tables.processes.comm.indexOf('waits')]!;
  return { tables, threads: readWaitLog(log), lost, pid };
}

const inFunction = (waits: readonly Wait[], tid: number, name: string): Wait[] =>
  waits.filter(({ tid: of, stack }) => of === tid && stack.includes(name));

/** ns between what the program's clock and the session's call the same moment. */
function clockOffset(seen: ThreadLog['waits'], waits: readonly Wait[]): number {
  const pairs = seen.length === waits.length ? [...seen.keys()] : [0, -1];
  return Math.min(...pairs.map((index) => seen.at(index)!.end - waits.at(index)!.end));
}

/** The part of the waits that lies in the thread's span, ns. */
const within = (waits: readonly Wait[], { tid, start, end }: ThreadLog, offset: number): number =>
  sumOf(
    waits
      .filter((wait) => wait.tid === tid)
      .map((wait) => {
        const ended = wait.end + offset;
        return Math.max(0, Math.min(ended, end) - Math.max(ended - wait.value, start));
      }),
  );

const near = (measured: number, truth: number, share: number): void => {
  const what = `${measured} against ${truth}`;
  expect(measured / truth, what).toBeGreaterThan(1 - share);
  expect(measured / truth, what).toBeLessThan(1 + share);
};

/** The program's clock is read outside the wait: what a call and its return take at most, ns. */
const CALL_NS = 50_000;

describe('off-CPU and run queue', () => {
  it.each([
    ['sleep', 400, 'doze_off'],
    ['futex', 300, 'await_signal'],
    ['pipe', 200, 'read_line'],
  ])(
    'find every wait of %s with its length, and account for all of the time',
    async (mode, count, name) => {
      const { tables, threads, lost } = await recordWaits(mode, count, [offCpu(0), queueEvents]);
      const thread = threads[0]!;
      const { tid } = thread;
      const off = waitsOf(tables, 'off-cpu');
      const queue = waitsOf(tables, 'run-queue');
      const waits = inFunction(off, tid, name).filter(({ series }) => series === 'sleeping');
      // A reader that comes late finds what it wants: it does not wait, but may be preempted.
      const seen = thread.waits.filter((wait) => wait.end - wait.start > 10_000);
      const doubtful = seen.filter((wait) => wait.end - wait.start < 4 * CALL_NS);
      expect(seen.length).toBeGreaterThan(0.9 * count);
      expect(Math.abs(waits.length - seen.length)).toBeLessThanOrEqual(lost + doubtful.length);
      const offset = clockOffset(seen, waits);
      const inSpan = off.filter(({ tid: of, end }) => {
        return of === tid && end + offset > thread.start && end + offset < thread.end;
      });
      note(`${mode}: ${inSpan.length} waits, by the kernel's count ${thread.blocked}`);
      expect(Math.abs(inSpan.length - thread.blocked)).toBeLessThanOrEqual(lost);

      // What the program saw of each wait: asleep, then in the queue.
      const lengths = seen.map(({ start, end }) => end - start);
      const found = seen.map((wait) => {
        const span = { ...thread, ...wait };
        return within(off, span, offset) + within(queue, span, offset);
      });
      for (const share of [0.5, 0.99]) {
        const [truth, measured] = [percentile(lengths, share), percentile(found, share)];
        note(`${mode} p${share * 100}: ${measured} of ${truth} ns`);
        expect(Math.abs(measured - truth)).toBeLessThan(0.03 * truth + CALL_NS);
      }
      const parts = [within(off, thread, offset), within(queue, thread, offset), thread.cpu];
      const wall = thread.end - thread.start;
      note(
        `${mode}: off ${parts[0]} + queue ${parts[1]} (kernel: ${thread.queued}) + on ${parts[2]} of ${wall} ns`,
      );
      near(sumOf(parts), wall, 0.02);
      near(parts[0]!, wall - thread.cpu - thread.queued, 0.02);
    },
  );

  it('tell the two lengths of a wait apart', async () => {
    const { tables, threads } = await recordWaits('futex', 300, [offCpu(0), queueEvents]);
    const thread = threads[0]!;
    const [off, queue] = [waitsOf(tables, 'off-cpu'), waitsOf(tables, 'run-queue')];
    const waits = inFunction(off, thread.tid, 'await_signal');
    const offset = clockOffset(thread.waits, waits);
    const seen = thread.waits.map(({ start, end }) => end - start);
    // What the program saw is the wait and the queue behind it.
    const found = thread.waits.map((wait) => {
      const span = { ...thread, ...wait };
      return within(off, span, offset) + within(queue, span, offset);
    });
    for (const [from, to] of [
      [0, 5e6],
      [5e6, 1e12],
    ] as const) {
      const [truth, measured] = [seen, found].map((values) =>
        values.filter((value) => value >= from && value < to),
      );
      // A wait that stands at the border may fall on either side.
      expect(Math.abs(measured!.length - truth!.length)).toBeLessThanOrEqual(3);
      expect(measured!.length).toBeGreaterThan(30);
      const half = percentile(truth!, 0.5);
      expect(Math.abs(percentile(measured!, 0.5) - half)).toBeLessThan(0.03 * half + CALL_NS);
    }
  });

  it('show who ended a wait', async () => {
    const { tables, threads } = await recordWaits('pipe', 100, [offCpu(0, true)]);
    const waits = inFunction(waitsOf(tables, 'off-cpu'), threads[0]!.tid, 'read_line');
    const ofWaker = waits.map(({ stack }) => {
      const mark = stack.indexOf('[woken by waits]');
      return mark < 0 ? [] : stack.slice(mark + 1);
    });
    expect(ofWaker.filter((stack) => stack.includes('write_line'))).toHaveLength(waits.length);
    expect(waits.length).toBeGreaterThan(90);
    // From the writer's point of view: leaf first.
    const whole = ofWaker.filter((stack) => stack.indexOf('write_line') < stack.indexOf('main'));
    expect(whole.length).toBeGreaterThan(80);
    for (const { stack } of waits) {
      expect(stack.indexOf('read_line')).toBeLessThan(stack.indexOf('[woken by waits]'));
    }
    // A timer is nobody's doing: no user stack stands behind it.
    const naps = waitsOf(tables, 'off-cpu').filter(({ stack }) => stack.includes('sleep_ns'));
    const byInterrupt = naps.filter(({ stack }) => stack.includes('[woken by interrupt]'));
    expect(byInterrupt.length).toBeGreaterThan(80);
    for (const { stack } of byInterrupt) {
      expect(stack.slice(stack.indexOf('[woken by interrupt]'))).not.toContain('main');
    }
  });

  it('count waits below the minimum, so that the totals stay exact', async () => {
    // Long beside the microseconds by which the kernel's own clocks are read before and after ours.
    const waits = 1000;
    const { tables, threads, pid } = await recordWaits('short', waits, [offCpu(20e6)]);
    const { start, end, cpu, queued } = threads[0]!;
    const off = waitsOf(tables, 'off-cpu');
    for (const { value } of off) expect(value).toBeGreaterThanOrEqual(20e6);
    const counted = countedOf(tables, 'off-cpu', pid, 'sleeping');
    note(
      `short: ${counted.count} waits counted, ${counted.total} of ${end - start - cpu - queued} ns`,
    );
    expect(counted.count).toBeGreaterThanOrEqual(waits - off.length - MOST_LOST);
    // The first thread only waits for the second: for longer than the minimum.
    near(counted.total, end - start - cpu - queued, 0.02);
  });

  it('find the time that each of the threads sharing a CPU stood in the queue', async () => {
    const { tables, threads } = await recordWaits('crowd', 1500, [queueEvents]);
    const queue = waitsOf(tables, 'run-queue');
    for (const thread of threads) {
      // It dozed once: that wait ends where the program's clock is read.
      const [doze] = inFunction(queue, thread.tid, 'doze_off');
      const total = within(queue, thread, thread.waits[0]!.end - doze!.end);
      note(`crowd: ${total} ns in the queue, kernel: ${thread.queued}`);
      near(total, thread.queued, 0.02);
    }
  });

  it('make up the wall clock together with the samples of who runs', async () => {
    const rate = 4999;
    const sources: SourceSpec[] = [{ kind: 'on-cpu' }, offCpu(0), queueEvents];
    const { tables, threads } = await recordWaits('crowd', 1500, sources, hertz(rate));
    const queue = waitsOf(tables, 'run-queue');
    const off = waitsOf(tables, 'off-cpu');
    const samples = waitsOf(tables, 'on-cpu');
    for (const thread of threads) {
      const [doze] = inFunction(queue, thread.tid, 'doze_off');
      const offset = thread.waits[0]!.end - doze!.end;
      const { tid, start, end } = thread;
      const inSpan = samples.filter(
        (one) => one.tid === tid && one.end + offset > start && one.end + offset < end,
      );
      const on = (sumOf(inSpan.map(({ weight }) => weight)) / rate) * 1e9;
      const parts = [on, within(off, thread, offset), within(queue, thread, offset)];
      note(
        `crowd: on ${parts[0]} (kernel: ${thread.cpu}) + off ${parts[1]} + queue ${parts[2]} of ${end - start} ns`,
      );
      near(sumOf(parts), end - start, 0.02);
    }
  });

  it('find the time that threads share a CPU, and the code they stood in', async () => {
    const { tables, threads, pid } = await recordWaits('crowd', 1500, [queueHistogram]);
    const { total } = countedOf(tables, 'run-queue', pid);
    const truth = sumOf(threads.map(({ queued }) => queued));
    note(`crowd: ${total} ns in the queue, kernel: ${truth}`);
    // The first thread's queue on the way to the start of the others is counted, too.
    expect(total / truth).toBeGreaterThan(0.98);
    expect(total / truth).toBeLessThan(1.5);
    const examples = waitsOf(tables, 'run-queue');
    const computing = examples.filter(({ stack }) => stack.includes('compute_in_crowd'));
    const ofComputing = sumOf(computing.map(({ weight }) => weight));
    expect(ofComputing / total).toBeGreaterThan(0.9);
    const complete = computing.filter(
      ({ stack }) => !stack.some((name) => name.startsWith('[incomplete')),
    );
    expect(sumOf(complete.map(({ weight }) => weight)) / ofComputing).toBeGreaterThan(0.9);
    for (const { series } of computing) expect(series).toBe('preempted');
  });
});

describe('system calls', () => {
  it.each([
    ['sleep', 300, 'clock_nanosleep'],
    ['pipe', 150, 'read'],
  ])('take as long as the program saw: %s', async (mode, count, call) => {
    const syscalls: SourceSpec = { kind: 'syscalls', minNs: 0, detail: 'events' };
    const { tables, threads } = await recordWaits(mode, count, [syscalls]);
    const [{ tid, waits, start, end }] = threads as [ThreadLog];
    const name = mode === 'sleep' ? 'doze_off' : 'read_line';
    const found = inFunction(waitsOf(tables, 'syscalls'), tid, name).filter(
      ({ series }) => series === call,
    );
    expect(found).toHaveLength(count);
    const lengths = waits.map((wait) => wait.end - wait.start);
    for (const share of [0.5, 0.99]) {
      const [truth, measured] = [
        percentile(lengths, share),
        percentile(
          found.map(({ value }) => value),
          share,
        ),
      ];
      note(`${call} p${share * 100}: ${measured} of ${truth} ns`);
      expect(Math.abs(measured - truth)).toBeLessThan(0.03 * truth + CALL_NS);
    }
    expect(sumOf(found.map(({ value }) => value))).toBeLessThan(end - start);
  });
});

describe('off-CPU of a process that runs already', () => {
  it('counts a sleep from the start of the session to its end', async () => {
    const sleeper = spawn('sleep', ['60'], { stdio: 'ignore' });
    started.push(sleeper);
    await new Promise((wake) => setTimeout(wake, 300));
    const end = await recorded(
      specOf(
        { kind: 'process', pid: asPid(sleeper.pid!) },
        { sources: [offCpu(1e6)], duration: nanoseconds(1e9) },
      ),
      out,
    );
    expect(end.error).toBeNull();
    const { info, delta } = await readWhole(out);
    const waits = waitsOf(withSymbols(delta), 'off-cpu');
    expect(waits).toHaveLength(1);
    expect(waits[0]!.value).toBeGreaterThan(0.95e9);
    expect(waits[0]!.value).toBeLessThanOrEqual(info.duration);
    expect(waits[0]!.stack.join(';')).toContain('nanosleep');
  });

  it('leaves out what the process does not do', async () => {
    const target = spawn(buildWorkload(), ['60'], { stdio: 'ignore' });
    started.push(target);
    const spec = specOf(
      { kind: 'process', pid: asPid(target.pid!) },
      { sources: [offCpu(0), queueEvents], duration: nanoseconds(5e8) },
    );
    await recorded(spec, out);
    const { tables } = (await readWhole(out)).delta;
    const pids = new Set(
      [...tables.samples.thread].map((row) => tables.processes.pid[tables.threads.process[row]!]),
    );
    expect([...pids].filter((pid) => pid !== target.pid)).toEqual([]);
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { SourceSpec } from '../../main/shared/model/capture-spec.ts';
import type { SessionTables } from '../../main/shared/model/session-tables.ts';
import { asPid, nanoseconds } from '../../main/shared/units.ts';
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
const queueEvents: SourceSpec = { kind: 'run-queue', minNs: 0, detail: 'events' };
const queueHistogram: SourceSpec = { kind: 'run-queue', minNs: 0, detail: 'histogram' };

/** Records `waits LOG MODE COUNT`; nothing may be lost. */
async function recordWaits(
  mode: string,
  count: number,
  sources: readonly SourceSpec[],
): Promise<{ readonly tables: SessionTables; readonly threads: ThreadLog[] }> {
  const end = await recorded(
    specOf(commandTarget(program, log, mode, `${count}`), { sources }),
    out,
  );
  expect(end).toMatchObject({ reason: 'target-exited', error: null, commandExitCode: 0 });
  const { info, delta } = await readWhole(out);
  // Stacks of which a part is unknown are no waits lost.
  expect(info.loss.filter(({ reason }) => !reason.startsWith('stack-'))).toEqual([]);
  return { tables: withSymbols(delta), threads: readWaitLog(log) };
}

const inFunction = (waits: readonly Wait[], tid: number, name: string): Wait[] =>
  waits.filter(({ tid: of, stack }) => of === tid && stack.includes(name));

/** ns between what the program's clock and the session's call the same moment. */
const clockOffset = (thread: ThreadLog, waits: readonly Wait[]): number =>
  Math.min(...thread.waits.map(({ end }, index) => end - waits[index]!.end));

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
  expect(measured / truth).toBeGreaterThan(1 - share);
  expect(measured / truth).toBeLessThan(1 + share);
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
      const { tables, threads } = await recordWaits(mode, count, [offCpu(0), queueEvents]);
      const thread = threads[0]!;
      const { tid } = thread;
      const off = waitsOf(tables, 'off-cpu');
      const queue = waitsOf(tables, 'run-queue');
      const waits = inFunction(off, tid, name).filter(({ series }) => series === 'sleeping');
      expect(thread.waits).toHaveLength(count);
      expect(waits).toHaveLength(count);
      const offset = clockOffset(thread, waits);

      // What the program saw of each wait: asleep, then in the queue.
      const seen = thread.waits.map(({ start, end }) => end - start);
      const found = thread.waits.map((wait) => {
        const span = { ...thread, ...wait };
        return within(off, span, offset) + within(queue, span, offset);
      });
      for (const share of [0.5, 0.99]) {
        const [truth, measured] = [percentile(seen, share), percentile(found, share)];
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
    const { tables, threads } = await recordWaits('futex', 300, [offCpu(0)]);
    const waits = inFunction(waitsOf(tables, 'off-cpu'), threads[0]!.tid, 'await_signal');
    const seen = threads[0]!.waits.map(({ start, end }) => end - start);
    for (const [from, to] of [
      [0, 5e6],
      [5e6, 1e12],
    ] as const) {
      const [truth, measured] = [seen, waits.map(({ value }) => value)].map((values) =>
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
    expect(ofWaker.filter((stack) => stack.includes('write_line'))).toHaveLength(100);
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
    const { tables, threads } = await recordWaits('short', 2000, [offCpu(20e6), queueHistogram]);
    const { tid, start, end, cpu } = threads[0]!;
    const off = waitsOf(tables, 'off-cpu');
    for (const { value } of off) expect(value).toBeGreaterThanOrEqual(20e6);
    const process = tables.threads.process[tables.threads.tid.indexOf(tid)]!;
    const pid = tables.processes.pid[process]!;
    const counted = countedOf(tables, 'off-cpu', pid);
    const queued = countedOf(tables, 'run-queue', pid);
    note(`short: ${counted.count} waits counted, ${counted.total} ns`);
    expect(counted.count).toBeGreaterThanOrEqual(2000 - off.length);
    // The first thread waits for the second meanwhile: that one is long.
    const long = sumOf(off.filter((wait) => wait.tid === tid).map(({ value }) => value));
    near(counted.total + long + queued.total + cpu, end - start, 0.02);
  });

  it('find the time that threads share a CPU, and the code they stood in', async () => {
    const { tables, threads } = await recordWaits('crowd', 1500, [queueHistogram]);
    const process = tables.threads.process[tables.threads.tid.indexOf(threads[0]!.tid)]!;
    const { total } = countedOf(tables, 'run-queue', tables.processes.pid[process]!);
    const truth = sumOf(threads.map(({ queued }) => queued));
    note(`crowd: ${total} ns in the queue, kernel: ${truth}`);
    near(total, truth, 0.02);
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

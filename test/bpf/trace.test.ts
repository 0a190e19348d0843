import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startRecording } from '../../main/capture/capture-controller.ts';
import type { RecordingEnd } from '../../main/capture/recording.ts';
import type { SourceSpec } from '../../main/shared/model/capture-spec.ts';
import { EMPTY_CURSOR } from '../../main/shared/model/session-tables.ts';
import type { TraceField, TraceValue } from '../../main/shared/model/trace-fields.ts';
import { frameName } from '../../main/shared/text/frame-name.ts';
import { buildHelper } from '../support/bpf-helper.ts';
import { commandTarget, recorded, specOf } from '../support/capture.ts';
import { buildFunctions } from '../support/functions.ts';
import { openReader, valueOf } from '../support/store.ts';

const EXECS = {
  kind: 'trace',
  probe: { type: 'tracepoint', category: 'sched', name: 'sched_process_exec' },
  stacks: true,
  returns: false,
  perSecond: 10_000,
} as const;

let folder = '';
let helper = '';
let program = '';
let files = 0;
beforeAll(async () => {
  program = buildFunctions();
  helper = await buildHelper();
});
beforeEach(() => {
  vi.stubEnv('EMBERSCOPE_TEST', '1');
  vi.stubEnv('EMBERSCOPE_TEST_HELPER', helper);
  folder = mkdtempSync(join(tmpdir(), 'ember-trace-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const SCRIPT = 'for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; /bin/ls / > /dev/null; done';

/** Runs a shell that executes 20 programs, and returns what the source recorded of it. */
async function recordedBy(source: SourceSpec): Promise<{ path: string; end: RecordingEnd }> {
  const path = join(folder, `${files++}.ember`);
  const spec = specOf(commandTarget('/bin/sh', '-c', SCRIPT), { sources: [source] });
  return { path, end: await recorded(spec, path) };
}

async function eventsOf(path: string) {
  const { reader } = await openReader(path);
  const { tables } = valueOf(await reader.delta(EMPTY_CURSOR));
  const ordinals = Array.from({ length: tables.samples.length }, (_, index) => index);
  return { tables, fields: valueOf(await reader.eventFields(0, ordinals)) };
}

describe('a trace', () => {
  it('lists every event of a tracepoint with its fields and stacks', async () => {
    const { path, end } = await recordedBy({ ...EXECS, filter: '' });
    expect(end.error).toBeNull();
    const { tables, fields } = await eventsOf(path);
    const names = fields.map((values) => values?.[0]);
    expect(names.filter((name) => name === '/bin/true')).toHaveLength(10);
    expect(names.filter((name) => name === '/bin/ls')).toHaveLength(10);
    const leaves = Array.from(tables.samples.stack, (stack) =>
      frameName(tables, tables.stacks.frame[stack]!),
    );
    expect(leaves.every((leaf) => /exec/.test(leaf))).toBe(true);
  });

  it('records only what its filter lets through', async () => {
    const { path } = await recordedBy({ ...EXECS, filter: 'old_pid > 0 && !(pid < 0)' });
    expect((await eventsOf(path)).fields.length).toBeGreaterThanOrEqual(20);
    const none = await recordedBy({ ...EXECS, filter: 'pid < 0 || old_pid == -1' });
    expect((await eventsOf(none.path)).fields).toEqual([]);
  });

  it('stops at its limit per second and counts the rest', async () => {
    const { path, end } = await recordedBy({ ...EXECS, filter: '', perSecond: 5 });
    const { fields } = await eventsOf(path);
    const limited = end.info.loss.find(({ reason }) => reason === 'rate-limited')?.count ?? 0;
    expect(limited).toBeGreaterThan(0);
    // A command that runs over the turn of a second gets two budgets.
    expect(fields.length).toBeLessThanOrEqual(15);
    expect(fields.length + limited).toBeGreaterThanOrEqual(20);
  });

  it.each([
    ['a field it does not have', { ...EXECS, filter: 'nothing == 1' }, 'filter-invalid'],
    [
      'a tracepoint that is not there',
      { ...EXECS, filter: '', probe: { type: 'tracepoint', category: 'sched', name: 'nothing' } },
      'probe-not-found',
    ],
  ] as const)('refuses %s, and no file stays behind', async (_, source, kind) => {
    const path = join(folder, 'refused.ember');
    const spec = specOf(commandTarget('/bin/true'), { sources: [source] });
    expect(await startRecording(spec, path)).toMatchObject({ ok: false, error: { kind } });
    expect(existsSync(path)).toBe(false);
  });
});

/** Records the workload in a mode; the source's events as objects. */
async function recordedCalls(
  mode: string,
  count: number,
  source: Partial<Extract<SourceSpec, { kind: 'trace' }>>,
): Promise<readonly Readonly<Record<string, TraceValue>>[]> {
  const path = join(folder, `${files++}.ember`);
  const target = commandTarget(program, join(folder, 'log'), mode, `${count}`);
  const whole = { ...EXECS, filter: '', ...source };
  const end = await recorded(specOf(target, { sources: [whole] }), path);
  expect(end).toMatchObject({ error: null, commandExitCode: 0 });
  const { tables, fields } = await eventsOf(path);
  const names = JSON.parse(tables.sources.fields[0]!) as readonly TraceField[];
  return fields.map((values) =>
    Object.fromEntries(names.map(({ name }, at) => [name, values?.[at] ?? '?'])),
  );
}

describe('a trace of a function of a program', () => {
  const descend = () => ({ type: 'user', path: program, symbol: 'descend' }) as const;

  it('lists each call with its arguments', async () => {
    const calls = await recordedCalls('recursive', 3, { probe: descend() });
    // Ten calls within one another, from depth 10 to 1.
    const once = Array.from({ length: 10 }, (_, index) => `0x${(10 - index).toString(16)}`);
    const depths = calls.map((call) => `0x${(Number(call['arg0']) & 0xffff).toString(16)}`);
    expect(depths).toEqual([...once, ...once, ...once]);
  });

  it('lists each return with the arguments, the value and the time, and filters by them', async () => {
    const wanted = { probe: descend(), returns: true };
    const calls = await recordedCalls('recursive', 2, wanted);
    expect(calls).toHaveLength(20);
    for (const [index, call] of calls.entries()) {
      const depth = (index % 10) + 1;
      expect([Number(call['arg0']) & 0xffff, Number(call['returned']) & 0xffff]).toEqual([
        depth,
        depth,
      ]);
      // It works for 200 us, and so do all below it.
      expect(Number(call['took_ns'])).toBeGreaterThan(200_000 * depth);
    }
    const long = await recordedCalls('recursive', 2, { ...wanted, filter: 'took_ns >= 1000000' });
    expect(long.length).toBeGreaterThanOrEqual(12);
    expect(long.length).toBeLessThan(20);
    expect(long.every((call) => Number(call['took_ns']) >= 1e6)).toBe(true);
  });
});

describe('a trace of a USDT probe', () => {
  const usdt = (name = 'served') =>
    ({ type: 'usdt', path: program, provider: 'shop', name }) as const;

  it('switches it on, and reads its arguments at each of its places', async () => {
    // Only with its semaphore raised does the program come by.
    const calls = await recordedCalls('usdt', 40, { probe: usdt() });
    expect(calls).toEqual(
      Array.from({ length: 40 }, (_, id) => ({ arg0: id, arg1: 1000 * id, arg2: 7 })),
    );
    const filtered = await recordedCalls('usdt', 40, { probe: usdt(), filter: 'arg1 > 29000' });
    expect(filtered).toHaveLength(10);
  });

  it('is limited per second for all its places together', async () => {
    const calls = await recordedCalls('usdt', 40, { probe: usdt(), perSecond: 5 });
    expect(calls.length).toBeGreaterThanOrEqual(5);
    expect(calls.length).toBeLessThanOrEqual(10);
  });

  it('tells near names when there is none of its name', async () => {
    const source = { ...EXECS, filter: '', probe: usdt('serve') };
    const spec = specOf(commandTarget('/bin/true'), { sources: [source] });
    expect(await startRecording(spec, join(folder, 'none.ember'))).toMatchObject({
      ok: false,
      error: { kind: 'probe-not-found', similar: ['shop:served'] },
    });
  });
});

describe('system calls', () => {
  it('are counted by number and outcome, all of them', async () => {
    const { path, end } = await recordedBy({ kind: 'syscalls', minNs: 0, detail: 'histogram' });
    expect(end.error).toBeNull();
    const { reader } = await openReader(path);
    const { tables } = valueOf(await reader.delta(EMPTY_CURSOR));
    const calls = new Map<string, number>();
    for (let row = 0; row < tables.latencies.length; row++) {
      const series = tables.latencies.series[row]!;
      const name = `${tables.series.name[series]!} ${tables.series.variant[series]!}`.trim();
      calls.set(name, (calls.get(name) ?? 0) + tables.latencies.count[row]!);
    }
    // 20 children, each executes once and waits once for the shell; ld.so looks for a preload file.
    expect(calls.get('execve')).toBeGreaterThanOrEqual(20);
    expect((calls.get('clone') ?? 0) + (calls.get('vfork') ?? 0)).toBe(20);
    expect(calls.get('access ENOENT')).toBeGreaterThanOrEqual(20);
    // Examples stand for all calls of their bucket.
    const { samples } = tables;
    let stoodFor = 0;
    for (let row = 0; row < samples.length; row++)
      stoodFor += samples.weight[row]! / samples.value[row]!;
    const counted = tables.latencies.count.reduce((sum, count) => sum + count, 0);
    expect(Math.abs(stoodFor / counted - 1)).toBeLessThan(0.02);
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Bye, ProcessFact, StartRequest } from '../../main/capture/wire/helper-protocol.ts';
import {
  buildHelper,
  decodeSamples,
  HelperClient,
  loadedPrograms,
  note,
  startRequest,
  type TestSample,
} from '../support/bpf-helper.ts';

let entry = '';
const children: ChildProcess[] = [];

beforeAll(async () => {
  entry = await buildHelper();
});

function shell(script: string): ChildProcess & { readonly pid: number } {
  const child = spawn('sh', ['-c', script], { stdio: 'ignore', detached: true });
  children.push(child);
  if (child.pid === undefined) throw new Error('sh did not start');
  return child as ChildProcess & { readonly pid: number };
}
const busyLoop = (): ChildProcess & { readonly pid: number } => shell('while :; do :; done');

afterEach(() => {
  for (const child of children.splice(0)) {
    try {
      process.kill(-child.pid!, 'SIGKILL');
    } catch (error) {
      // Gone already: fine.
      expect(error).toMatchObject({ code: 'ESRCH' });
    }
  }
});

/** CPU time a process used so far, seconds; schedstat counts in ns. */
const cpuSeconds = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;

const ofProcess = (pid: number, changes: Parameters<typeof startRequest>[0] = {}): StartRequest =>
  startRequest({ target: { kind: 'process', pid }, ...changes });

/**
 * What did not arrive. Not: stacks deeper than the limit, which others on the machine may have, and
 * pauses the kernel makes by itself when a virtual CPU was held up; those show in the counts.
 */
const lostSamples = ({ stats }: Bye): Record<string, number> =>
  Object.fromEntries(
    Object.entries(stats.loss).filter(
      ([reason]) => reason !== 'stack-truncated' && reason !== 'throttled',
    ),
  );

const weightOf = (samples: readonly TestSample[]): number =>
  samples.reduce((sum, { weight }) => sum + weight, 0);

describe('helper, precise mode', () => {
  it.each([
    [99, 6],
    [999, 4],
  ])('takes %i samples per second of CPU time and loses none', async (rateHz, seconds) => {
    const { pid } = busyLoop();
    // Next to always running: else a share of a busy machine is sampled, which scatters at 99 Hz.
    setPriority(pid, -20);
    const helper = new HelperClient(entry);
    await helper.start(ofProcess(pid, { rateHz }));
    const before = cpuSeconds(pid);
    await sleep(seconds * 1000);
    const used = cpuSeconds(pid) - before;
    const bye = await helper.stop();
    const samples = helper.samples();
    note(`${rateHz} Hz: ${samples.length} samples of ${(used * rateHz).toFixed(1)} expected`);
    expect(lostSamples(bye)).toEqual({});
    expect(samples.length).toBe(bye.stats.samples);
    expect(Math.abs(samples.length / (used * rateHz) - 1)).toBeLessThan(0.03);
    expect(new Set(samples.map((sample) => sample.pid))).toEqual(new Set([pid]));
    expect(samples.every(({ user }) => user.length > 0)).toBe(true);
  });

  it('leaves nothing attached after a stop', async () => {
    const { pid } = busyLoop();
    const before = loadedPrograms();
    const helper = new HelperClient(entry);
    await helper.start(ofProcess(pid));
    const loaded = [...loadedPrograms()].filter((id) => !before.has(id));
    await helper.stop();
    expect(loaded.length).toBeGreaterThanOrEqual(3);
    await expect
      .poll(() => loaded.filter((id) => loadedPrograms().has(id)), { timeout: 5000 })
      .toEqual([]);
  });

  it('follows children that start during the capture', async () => {
    const parent = shell('sleep 1; sh -c "while :; do :; done" & wait');
    const helper = new HelperClient(entry);
    await helper.start(ofProcess(parent.pid, { rateHz: 499 }));
    await sleep(2500);
    await helper.stop();
    const pids = new Set(helper.samples().map(({ pid }) => pid));
    const forked = helper
      .facts()
      .filter((fact) => fact.kind === 'fork' && fact.parentPid === parent.pid);
    const busy = forked.map(({ pid }) => pid).filter((pid) => pids.has(pid));
    expect(busy.length).toBeGreaterThan(0);
    expect(helper.samples().length).toBeGreaterThan(200);
  });

  it('follows descendants that were there before it, and ends after the last of them', async () => {
    const parent = shell('timeout 3 sh -c "while :; do :; done" & sleep 1.2');
    await sleep(500);
    const helper = new HelperClient(entry);
    await helper.start(ofProcess(parent.pid, { rateHz: 499 }));
    expect(await helper.json('bye', 6000)).toMatchObject({ reason: 'target-exited' });
    const samples = helper.samples();
    // The parent sleeps; a tick may still meet it as it wakes up and ends.
    const ofDescendants = samples.filter(({ pid }) => pid !== parent.pid);
    expect(samples.length - ofDescendants.length).toBeLessThan(5);
    // The child spins for over a second after its parent's end.
    expect(ofDescendants.length).toBeGreaterThan(400);
  });

  it('keeps the names of a process that is gone before the drain', async () => {
    const parent = shell('sleep 1; /usr/bin/env true; sleep 2');
    const helper = new HelperClient(entry);
    await helper.start(ofProcess(parent.pid));
    await sleep(2000);
    await helper.stop();
    const facts = helper.facts();
    const exec = facts.filter((fact) => fact.kind === 'exec').find(({ comm }) => comm === 'true');
    expect(exec?.exe).toMatch(/\/(true|coreutils)$/);
    const ofIt = facts.filter(({ pid }) => pid === exec?.pid).map(({ kind }) => kind);
    expect(ofIt).toEqual(expect.arrayContaining(['fork', 'process', 'mapping', 'exit']));
    const mapping = facts.find((fact) => fact.kind === 'mapping' && fact.path === exec?.exe);
    expect(mapping).toMatchObject({ buildId: expect.stringMatching(/^[0-9a-f]{40}$/) });
  });

  it('sends every mapping before the first sample that lies in it', async () => {
    const parent = shell(
      'sleep 1; i=0; while [ $i -lt 150 ]; do i=$((i+1)); ls -l /usr/bin >/dev/null; done',
    );
    const helper = new HelperClient(entry);
    await helper.start(ofProcess(parent.pid, { rateHz: 1999 }));
    await sleep(3500);
    await helper.stop();
    const { lookedAt, missing } = unmappedLeaves(helper);
    note(`${lookedAt} leaf addresses, ${missing.length} outside the mappings known by then`);
    expect(lookedAt).toBeGreaterThan(200);
    expect(missing).toEqual([]);
  });

  it('ends by itself when the target does', async () => {
    const target = shell('sleep 1; exit 0');
    const helper = new HelperClient(entry);
    await helper.start(ofProcess(target.pid));
    expect(await helper.json('bye', 5000)).toMatchObject({ reason: 'target-exited' });
    expect(await helper.exit()).toEqual({ code: 0, signal: null });
  });

  it('sends kernel symbols after the first samples', async () => {
    const { pid } = busyLoop();
    const helper = new HelperClient(entry);
    await helper.start(ofProcess(pid));
    await sleep(500);
    await helper.stop();
    const order = helper.frames.map(({ type }) => type);
    expect(order.indexOf('data')).toBeLessThan(order.indexOf('kallsyms'));
    const kernelLines = readFileSync('/proc/kallsyms', 'latin1').match(/ [tTwW] /g);
    expect(helper.kernelSymbols().length / (kernelLines?.length ?? 0)).toBeCloseTo(1, 2);
  });

  it('counts idle ticks without sending them, and sends them when asked', async () => {
    const sums: number[] = [];
    for (const includeIdle of [false, true]) {
      const helper = new HelperClient(entry);
      await helper.start(startRequest({ includeIdle, rateHz: 199 }));
      await sleep(1000);
      const { stats } = await helper.stop();
      const idle = helper.samples().filter(({ pid, flags }) => pid === 0 && (flags & 0x10) !== 0);
      expect(idle.length).toBe(includeIdle ? stats.idle : 0);
      sums.push(stats.samples + (includeIdle ? 0 : stats.idle));
    }
    // One CPU's worth: a virtual machine may stop the clock of a CPU that idles, for perf as well.
    expect(Math.min(...sums)).toBeGreaterThan(150);
  });

  it.each([
    ['kernel', { kernelStacks: false }],
    ['user', { userStacks: false }],
  ] as const)('sends no %s stacks when they are off', async (side, changes) => {
    const { pid } = shell('while :; do ls /usr/bin >/dev/null; done');
    const helper = new HelperClient(entry);
    await helper.start(ofProcess(pid, { rateHz: 499, ...changes }));
    await sleep(1000);
    await helper.stop();
    const other = side === 'kernel' ? 'user' : 'kernel';
    const samples = helper.samples();
    expect(samples.some((sample) => sample[side].length > 0)).toBe(false);
    expect(samples.some((sample) => sample[other].length > 0)).toBe(true);
  });
});

/** Follows the frames in order, as the engine does, and looks each user leaf up. */
function unmappedLeaves(helper: HelperClient): { lookedAt: number; missing: string[] } {
  const spaces = new Map<number, { start: bigint; end: bigint }[]>();
  const missing: string[] = [];
  let lookedAt = 0;
  const learn = (fact: ProcessFact): void => {
    const space = spaces.get(fact.pid) ?? [];
    // Mappings of before an exec are kept: a sample of that time may come in the same drain.
    if (fact.kind === 'fork' && fact.pid !== fact.parentPid) {
      spaces.set(fact.pid, [...(spaces.get(fact.parentPid) ?? [])]);
    } else if (fact.kind === 'mapping') {
      spaces.set(fact.pid, [
        ...space,
        { start: BigInt(`0x${fact.start}`), end: BigInt(`0x${fact.end}`) },
      ]);
    }
  };
  for (const { type, payload } of helper.frames) {
    if (type === 'facts') {
      for (const fact of JSON.parse(Buffer.from(payload).toString()) as ProcessFact[]) learn(fact);
    }
    for (const { pid, user } of type === 'data' ? decodeSamples(payload) : []) {
      const leaf = user[0];
      if (leaf === undefined) continue;
      lookedAt++;
      const found = spaces.get(pid)?.some(({ start, end }) => start <= leaf && leaf < end) ?? false;
      if (!found) missing.push(`${pid}: ${leaf.toString(16)}`);
    }
  }
  return { lookedAt, missing };
}

describe('helper, cgroup target', () => {
  const folder = `/sys/fs/cgroup/unified/ember-test-${process.pid}`;
  const root = (() => {
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    return mounts.find((line) => line.split(' ')[2] === 'cgroup2')?.split(' ')[1];
  })();
  const own = root === undefined ? folder : `${root}/ember-test-${process.pid}`;

  it.skipIf(root === undefined)('samples members only, also those that move in later', async () => {
    mkdirSync(own);
    try {
      const early = busyLoop();
      const outside = busyLoop();
      const late = busyLoop();
      writeFileSync(`${own}/cgroup.procs`, `${early.pid}`);
      const id = statSync(own, { bigint: true }).ino.toString(16);
      const helper = new HelperClient(entry);
      await helper.start(startRequest({ rateHz: 499, target: { kind: 'cgroup', id, level: 1 } }));
      await sleep(1000);
      writeFileSync(`${own}/cgroup.procs`, `${late.pid}`);
      await sleep(1500);
      await helper.stop();
      const pids = new Set(helper.samples().map(({ pid }) => pid));
      expect(pids).toEqual(new Set([early.pid, late.pid]));
      const known = helper
        .facts()
        .filter(({ kind }) => kind === 'process')
        .map(({ pid }) => pid);
      expect(known).toEqual(expect.arrayContaining([early.pid, late.pid]));
      expect(known).not.toContain(outside.pid);
      expect(new Set(helper.samples().map(({ cgroup }) => cgroup.toString(16)))).toEqual(
        new Set([id]),
      );
      for (const child of [early, late, outside]) child.kill('SIGKILL');
      await sleep(300);
    } finally {
      rmdirSync(own);
    }
  });
});

describe('helper, aggregate mode', () => {
  it('counts what precise mode samples, at the same time on the same process', async () => {
    const { pid } = busyLoop();
    const precise = new HelperClient(entry);
    const aggregate = new HelperClient(entry);
    await precise.start(ofProcess(pid, { rateHz: 999 }));
    const { startNs } = await aggregate.start(ofProcess(pid, { rateHz: 999, mode: 'aggregate' }));
    const from = BigInt(startNs);
    await sleep(3500);
    const [byeP, byeA] = await Promise.all([precise.stop(), aggregate.stop()]);
    const total = weightOf(aggregate.samples());
    const last = aggregate.samples().reduce((most, { time }) => (time > most ? time : most), 0n);
    const meanwhile = precise.samples().filter(({ time }) => time >= from && time <= last);
    note(
      `precise ${meanwhile.length} samples, aggregate ${total} in ${aggregate.samples().length} records`,
    );
    expect(total).toBe(byeA.stats.samples);
    expect([byeP, byeA].map(lostSamples)).toEqual([{}, {}]);
    expect(Math.abs(total / meanwhile.length - 1)).toBeLessThan(0.02);
    expect(aggregate.samples().length).toBeLessThan(precise.samples().length);
    expect(topShare(aggregate.samples())).toBeCloseTo(topShare(precise.samples()), 1);
  });
});

/** Share of the weight whose user root (start of the program) is the commonest one. */
function topShare(samples: readonly TestSample[]): number {
  const weights = new Map<string, number>();
  for (const { user, weight } of samples) {
    const root = String(user.at(-1));
    weights.set(root, (weights.get(root) ?? 0) + weight);
  }
  return Math.max(...weights.values()) / weightOf(samples);
}

describe('helper, privilege', () => {
  const capabilitiesOf = (pid: number): string[] =>
    readdirSync(`/proc/${pid}/task`).flatMap((tid) => {
      const status = readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8');
      return [...status.matchAll(/^Cap(?:Prm|Eff|Inh|Amb):\s*([0-9a-f]+)$/gm)].map(
        ([, set]) => set!,
      );
    });
  const READ_OTHERS = (1n << 2n) | (1n << 19n);
  /** Chunks of unwind tables are maps, created as they are needed. */
  const GROW_TABLES = 1n << 39n;
  /** Tables of deleted files. */
  const MAP_FILES = 1n << 40n;

  it('keeps only what reads other processes and grows tables, in every thread', async () => {
    const helper = new HelperClient(entry);
    const started = await helper.start(startRequest());
    const pid = helper.child.pid ?? 0;
    const sets = capabilitiesOf(pid).map((set) => BigInt(`0x${set}`));
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    await helper.stop();
    expect(started.capabilities.sort()).toEqual([
      'CAP_BPF',
      'CAP_CHECKPOINT_RESTORE',
      'CAP_DAC_READ_SEARCH',
      'CAP_SYS_PTRACE',
    ]);
    expect(sets.length).toBeGreaterThan(16);
    expect(sets.reduce((union, set) => union | set, 0n)).toBe(
      READ_OTHERS | GROW_TABLES | MAP_FILES,
    );
    expect(status).toMatch(/^NoNewPrivs:\s*1$/m);
    expect(statSync(`/proc/self`).uid).toBe(0);
  });

  const AMBIENT = '+bpf,+perfmon,+syslog,+sys_ptrace,+dac_read_search';
  const asNobody = [
    'setpriv',
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    `--inh-caps=-all,${AMBIENT}`,
    `--ambient-caps=-all,${AMBIENT}`,
  ];

  it.each([
    ['fp', []],
    ['auto', ['CAP_BPF']],
  ] as const)(
    'works for a plain user with ambient capabilities; for its own process with unwinding %s keeps %j',
    async (unwind, kept) => {
      const own = spawn(
        'setpriv',
        ['--reuid=65534', '--regid=65534', '--clear-groups', 'sh', '-c', 'while :; do :; done'],
        { detached: true },
      );
      children.push(own);
      await sleep(300);
      const helper = new HelperClient(entry, { under: asNobody });
      const started = await helper.start(ofProcess(own.pid!, { rateHz: 499, unwind }));
      const sets = capabilitiesOf(helper.child.pid ?? 0);
      await sleep(1000);
      const bye = await helper.stop();
      expect(started.capabilities).toEqual(kept);
      const union = sets.reduce((sum, set) => sum | BigInt(`0x${set}`), 0n);
      expect(union).toBe(unwind === 'fp' ? 0n : GROW_TABLES);
      expect(bye.stats.samples).toBeGreaterThan(100);
      expect(helper.facts().map(({ kind }) => kind)).toContain('mapping');
      expect(helper.kernelSymbols().length).toBeGreaterThan(1000);
    },
  );

  it('records the machine for a plain user with ambient capabilities', async () => {
    const { pid } = busyLoop();
    const helper = new HelperClient(entry, { under: asNobody });
    const started = await helper.start(startRequest({ mode: 'aggregate', rateHz: 199 }));
    await sleep(2500);
    const bye = await helper.stop();
    expect(started.capabilities.sort()).toEqual([
      'CAP_BPF',
      'CAP_DAC_READ_SEARCH',
      'CAP_SYS_PTRACE',
    ]);
    expect(helper.samples().some((sample) => sample.pid === pid)).toBe(true);
    expect(lostSamples(bye)).toEqual({});
  });
});

describe('helper, lifetime', () => {
  it('ends within 100 ms of a closed pipe, even if nobody reads its output', async () => {
    busyLoop();
    const helper = new HelperClient(entry);
    await helper.start(startRequest({ rateHz: 4999 }));
    helper.child.stdout?.pause();
    await sleep(1500);
    const before = performance.now();
    const ended = new Promise((resolve) => helper.child.once('exit', resolve));
    helper.child.stdin?.end();
    expect(await ended).toBe(0);
    const took = performance.now() - before;
    note(`ended ${took.toFixed(0)} ms after the pipe closed`);
    expect(took).toBeLessThan(100);
  });
});

describe('helper, cost', () => {
  it('keeps up with 4,999 Hz, and tells what that costs', async () => {
    busyLoop();
    busyLoop();
    const helper = new HelperClient(entry);
    await helper.start(startRequest({ rateHz: 4999 }));
    await sleep(6000);
    const bye = await helper.stop();
    // Start-up and symbols are over after two seconds; what follows is draining.
    const stats = helper.stats();
    const first = stats[Math.ceil(stats.length / 3)]!;
    const last = stats.at(-1)!;
    const samples = last.samples - first.samples;
    const micros = (last.helperCpuNs - first.helperCpuNs) / samples / 1000;
    const bpf = (last.bpfNs - first.bpfNs) / (last.bpfRuns - first.bpfRuns) / 1000;
    note(
      `helper ${micros.toFixed(2)} µs CPU per sample over ${samples} samples; BPF ${bpf.toFixed(2)} µs per run; RSS ${(last.helperRssBytes / 1e6).toFixed(0)} MB`,
    );
    expect(lostSamples(bye)).toEqual({});
    expect(samples).toBeGreaterThan(20_000);
    // How much it costs is for the bench to judge: here only that it is told at all.
    expect(micros).toBeGreaterThan(0.1);
    expect(bpf).toBeGreaterThan(0.1);
  });
});

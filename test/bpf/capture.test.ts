import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startRecording } from '../../main/capture/capture-controller.ts';
import { processState } from '../../main/capture/target-launch.ts';
import { FRAME_KINDS } from '../../main/shared/model/session-tables.ts';
import { asPid, hertz, nanoseconds } from '../../main/shared/units.ts';
import { SessionReader } from '../../main/store/session-reader.ts';
import {
  buildWorkload,
  bundleNode,
  commandTarget,
  readWhole,
  recorded,
  recordingOf,
  samplerPrograms,
  selfShares,
  specOf,
  stackNames,
  untilGone,
  withSymbols,
} from '../support/capture.ts';
import { useRealHelper } from '../support/real-helper.ts';

const rig = useRealHelper();
let workload = '';
let folder = '';
let out = '';
const started: ChildProcess[] = [];

beforeAll(() => {
  workload = buildWorkload();
});
beforeEach(() => {
  folder = rig.folder;
  out = join(folder, 'out.ember');
});
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});

function run(...argv: string[]): ChildProcess & { readonly pid: number } {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: 'ignore' });
  started.push(child);
  return child as ChildProcess & { readonly pid: number };
}

/** The truth the workload is built to, in points. */
function expectKnownSplit(shares: ReadonlyMap<string, number>): void {
  const points = (name: string): number => 100 * (shares.get(name) ?? 0);
  expect(Math.abs(points('work_hot') - 70)).toBeLessThan(3);
  expect(Math.abs(points('work_warm') - 20)).toBeLessThan(3);
  expect(Math.abs(points('work_cold') - 10)).toBeLessThan(3);
}

describe('startRecording of a command', () => {
  it('finds the shares the workload is built to, loses nothing, and reads back the same', async () => {
    const end = await recorded(specOf(commandTarget(workload, '5')), out);
    expect(end).toMatchObject({ reason: 'target-exited', error: null, commandExitCode: 0 });
    expect(end.info.loss).toEqual([]);
    const { info, delta } = await readWhole(out);
    expectKnownSplit(selfShares(withSymbols(delta), 'workload'));
    expect(info).toMatchObject({
      state: 'complete',
      sampleCount: end.info.sampleCount,
      totalWeight: end.info.totalWeight,
    });
    expect(delta.tables.samples.length).toBe(end.info.sampleCount);
    expect(info.cost.helperCpuNs).toBeGreaterThan(0);
    expect(info.cost.bpfNs).toBeGreaterThan(0);
  });

  it('names the functions of a command that lives 200 ms, and its whole stack', async () => {
    const end = await recorded(specOf(commandTarget(workload, '0.2'), { rate: hertz(999) }), out);
    expect(end.reason).toBe('target-exited');
    const { delta } = await readWhole(out);
    const tables = withSymbols(delta);
    const stacks = [...tables.samples.stack].map((leaf) => stackNames(tables, leaf).join(';'));
    expect(
      stacks.filter((stack) => /main;.*decode_body;work_hot/.test(stack)).length,
    ).toBeGreaterThan(50);
    expect(tables.processes.comm).toContain('workload');
    expect(tables.processes.exe).toContain(workload);
  });

  it('follows children', async () => {
    const script = `${workload} 1 & ${workload} 1; wait`;
    await recorded(specOf(commandTarget('/bin/sh', '-c', script)), out);
    const { tables } = (await readWhole(out)).delta;
    const sampled = new Set(
      [...tables.samples.thread].map((thread) => tables.threads.process[thread]!),
    );
    const workloads = [...sampled].filter((row) => tables.processes.comm[row] === 'workload');
    expect(workloads).toHaveLength(2);
    for (const row of workloads) expect(tables.processes.end[row]).toBeGreaterThan(1e9);
  });

  it('reports the exit status of the command', async () => {
    const end = await recorded(specOf(commandTarget('/bin/sh', '-c', 'exit 3')), out);
    expect(end).toMatchObject({ reason: 'target-exited', error: null, commandExitCode: 3 });
    expect((await readWhole(out)).info.state).toBe('complete');
  });

  it('ends the command when the recording is stopped', async () => {
    const recording = await recordingOf(specOf(commandTarget(workload, '60')), out);
    await delay(1000);
    expect(await recording.stop()).toMatchObject({ reason: 'stopped', commandExitCode: 143 });
  });

  it('names generated code by the perf map of its runtime', async () => {
    const script = `function spinForever(n) { let x = 0; for (let i = 0; i < n; i++) x = (x * 31 + i) | 0; return x; }
      const end = Date.now() + 2500; let sum = 0; while (Date.now() < end) sum += spinForever(1e6);`;
    const end = await recorded(
      specOf(commandTarget(process.execPath, '--perf-basic-prof', '-e', script)),
      out,
    );
    expect(end.error).toBeNull();
    const { delta } = await readWhole(out);
    const tables = withSymbols(delta);
    const jit = [...selfShares(tables)].filter(([name]) => name.includes('spinForever'));
    expect(jit.reduce((sum, [, share]) => sum + share, 0)).toBeGreaterThan(0.5);
    expect([...tables.frames.kind]).toContain(FRAME_KINDS.indexOf('jit'));
  });
});

describe('startRecording of a process', () => {
  it('records all threads and leaves the process running', async () => {
    const target = run(workload, '60', '2');
    await delay(200);
    const spec = specOf(
      { kind: 'process', pid: asPid(target.pid) },
      { duration: nanoseconds(6e9) },
    );
    const end = await recorded(spec, out);
    expect(end.reason).toBe('duration-over');
    expect(end.info.duration).toBeGreaterThan(5.9e9);
    expect(end.info.duration).toBeLessThan(8e9);
    expect(processState(target.pid)).toMatch(/[RS]/);
    const { delta } = await readWhole(out);
    expectKnownSplit(selfShares(withSymbols(delta)));
    expect(new Set(delta.tables.samples.thread).size).toBe(2);
    expect(delta.tables.processes.pid).toContain(target.pid);
  });

  it('ends by itself when the process ends', async () => {
    const target = run(workload, '60');
    const recording = await recordingOf(specOf({ kind: 'process', pid: asPid(target.pid) }), out);
    await delay(500);
    target.kill('SIGKILL');
    expect(await recording.ended).toMatchObject({ reason: 'target-exited', error: null });
  });
});

describe('startRecording of the machine', () => {
  it('shows the same while live as after the end, and names kernel functions', async () => {
    run('/bin/sh', '-c', 'while :; do /bin/ls -R /usr/share/doc > /dev/null; done');
    const phases: string[] = [];
    const heard: number[] = [];
    const before = samplerPrograms();
    const recording = await recordingOf(specOf({ kind: 'machine' }), out, {
      onProgress: ({ phase }) => {
        phases.push(phase);
        heard.push(performance.now());
      },
    });
    const during = [...samplerPrograms()].filter((id) => !before.has(id));
    const opened = await SessionReader.open(out);
    if (!opened.ok) throw new Error(opened.error.kind);
    await delay(2500);
    const live = await opened.value.reader.info();
    expect(live).toMatchObject({ ok: true, value: { state: 'recording' } });
    const seen = live.ok ? live.value.sampleCount : 0;
    expect(seen).toBeGreaterThan(300);
    // At least two a second, whatever else the machine does at one moment.
    const gaps = heard.slice(1).map((time, index) => time - heard[index]!);
    expect(gaps.sort((a, b) => a - b)[gaps.length >> 1]).toBeLessThan(500);
    const end = await recording.stop();
    await opened.value.reader.close();
    expect(phases.at(-1)).toBe('done');
    const { info, delta } = await readWhole(out);
    expect(info.sampleCount).toBe(end.info.sampleCount);
    expect(info.sampleCount).toBeGreaterThan(seen);
    const { frames } = withSymbols(delta);
    const kernel = [...frames.kind.keys()].filter(
      (row) => frames.kind[row] === FRAME_KINDS.indexOf('kernel'),
    );
    expect(kernel.length).toBeGreaterThan(30);
    const unnamed = kernel.filter((row) => frames.func[row]! < 0);
    expect(unnamed.length / kernel.length).toBeLessThan(0.02);
    expect(during.length).toBeGreaterThan(0);
    expect(await untilGone(during)).toBe(true);
  });

  it('counts the same in aggregate mode', async () => {
    const target = run(workload, '60');
    const pid = asPid(target.pid);
    const duration = nanoseconds(4e9);
    const end = await recorded(
      specOf({ kind: 'process', pid }, { mode: 'aggregate', duration }),
      out,
    );
    expect(end.error).toBeNull();
    expect(end.info.totalWeight).toBeGreaterThan(500);
    expect(end.info.sampleCount).toBeLessThan(end.info.totalWeight / 3);
    expectKnownSplit(selfShares(withSymbols((await readWhole(out)).delta)));
  });
});

describe('startRecording by an ordinary user', () => {
  const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  const LENT = '+bpf,+perfmon,+sys_ptrace,+dac_read_search,+syslog';

  /** Runs the recorder as nobody and returns what it said. */
  async function asNobody(capabilities: readonly string[], ...command: string[]): Promise<string> {
    const recorder = await bundleNode('test/support/record-session.ts', 'record-session');
    chmodSync(folder, 0o777);
    const argv = [...NOBODY, ...capabilities, process.execPath, recorder, out, ...command];
    const child = spawn('setpriv', argv, { stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(child);
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await once(child, 'close');
    return said;
  }

  it('works with lent capabilities, which the command does not get', async () => {
    const script = `grep Cap /proc/self/status > ${folder}/caps; ${workload} 1`;
    const lent = [`--inh-caps=-all,${LENT}`, `--ambient-caps=-all,${LENT}`];
    await asNobody(lent, '/bin/sh', '-c', script);
    const caps = readFileSync(join(folder, 'caps'), 'utf8');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) {
      expect(caps).toContain(`${set}:\t0000000000000000`);
    }
    const { info, delta } = await readWhole(out);
    expect(info.state).toBe('complete');
    expect(selfShares(withSymbols(delta), 'workload').get('work_hot')).toBeGreaterThan(0.5);
  });

  it('is refused without, naming what is missing, and runs nothing', async () => {
    const said = await asNobody(['--bounding-set=-all'], '/bin/sh', '-c', `: > ${folder}/ran`);
    // No helper is installed on a machine of developers, so nobody is asked for a password.
    expect(said).toContain('"kind":"elevation-failed","reason":"helper-missing"');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('startRecording refuses', () => {
  const machine = specOf({ kind: 'machine' });

  it('a process that does not exist, and makes no file', async () => {
    const result = await startRecording(specOf({ kind: 'process', pid: asPid(4_194_000) }), out);
    expect(result).toEqual({ ok: false, error: { kind: 'target-not-found', pid: 4_194_000 } });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('an output that exists, and leaves it as it is', async () => {
    writeFileSync(out, 'precious');
    const result = await startRecording(machine, out);
    expect(result).toMatchObject({ ok: false, error: { kind: 'output-unwritable' } });
    expect(execFileSync('cat', [out], { encoding: 'utf8' })).toBe('precious');
  });

  it('a missing BPF object, and lets no command run and no file stay', async () => {
    vi.stubEnv('EMBERSCOPE_TEST_BPF_DIR', join(folder, 'absent'));
    const ran = join(folder, 'ran');
    const result = await startRecording(specOf(commandTarget('/bin/sh', '-c', `: > ${ran}`)), out);
    expect(result).toMatchObject({ ok: false, error: { kind: 'bpf-object-unusable' } });
    await delay(200);
    expect(existsSync(ran)).toBe(false);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('a cgroup that does not exist', async () => {
    const result = await startRecording(specOf({ kind: 'cgroup', path: '/no/such/group' }), out);
    expect(result).toMatchObject({ ok: false, error: { kind: 'cgroup-not-found' } });
  });
});

describe('a full disk', () => {
  it('ends the recording, says so, and leaves a file that opens with what fitted', async () => {
    const small = join(folder, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', small]);
    try {
      run('/bin/sh', '-c', 'while :; do /bin/ls -R /usr/share/doc > /dev/null; done');
      const path = join(small, 'out.ember');
      const end = await recorded(
        specOf({ kind: 'machine' }, { rate: hertz(4999), duration: nanoseconds(60e9) }),
        path,
      );
      expect(end).toMatchObject({ reason: 'failed', error: { kind: 'disk-full', path } });
      const { info, delta } = await readWhole(path);
      expect(delta.tables.samples.length).toBe(info.sampleCount);
      expect(info.sampleCount).toBeGreaterThan(0);
    } finally {
      execFileSync('umount', [small]);
    }
  });
});

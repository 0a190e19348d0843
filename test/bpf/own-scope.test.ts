import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeJsonFrame } from '../../main/capture/wire/framing.ts';
import type { SourceRequest, StartRequest } from '../../main/capture/wire/helper-protocol.ts';
import type { HelperScope } from '../../main/shared/model/helper-scope.ts';
import { buildHelper, HelperClient, startRequest } from '../support/bpf-helper.ts';

const NOBODY = '65534';
const asUser = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
const LENT = '-all,+bpf,+perfmon,+syslog,+sys_ptrace,+dac_read_search';
/** As a launcher starts it. */
const asHelper = [...asUser, `--inh-caps=${LENT}`, `--ambient-caps=${LENT}`];

let entry = '';
let folder = '';
const children: ChildProcess[] = [];

beforeAll(async () => {
  entry = await buildHelper();
  // Not below /tmp, which may be mounted nosuid.
  folder = mkdtempSync('/var/lib/emberscope-test-');
  chmodSync(folder, 0o755);
});
afterEach(() => {
  for (const child of children.splice(0)) process.kill(-child.pid!, 'SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true }));

const helper = (scope: HelperScope = 'own') =>
  new HelperClient(entry, { under: asHelper, args: ['--stdio', `--scope=${scope}`] });

async function refusalOf(
  changes: Partial<StartRequest>,
  scope: HelperScope = 'own',
): Promise<unknown> {
  const asked = helper(scope);
  await asked.json('hello');
  asked.child.stdin?.write(encodeJsonFrame('start', startRequest(changes)));
  await asked.exit();
  return await asked.json('error');
}

/** A shell command of the plain user's, in a process group of its own. */
function run(command: string): number {
  const [program, ...args] = [...asUser, 'sh', '-c', command];
  const child = spawn(program, args, { detached: true, stdio: 'ignore' });
  children.push(child);
  return child.pid!;
}
const untilRunning = () => sleep(300);

const lastChildOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').at(-1));

type FunctionRequest = Extract<SourceRequest, { kind: 'function' }>;
type TraceRequest = Extract<SourceRequest, { kind: 'trace' }>;
const latencyOf = (probe: FunctionRequest['probe']): SourceRequest => ({
  ...{ kind: 'function', probe, minNs: 0, detail: 'events' },
});
const traceOf = (probe: TraceRequest['probe']): SourceRequest => ({
  ...{ kind: 'trace', probe, filter: '', stacks: false, returns: false, perSecond: 1000 },
});

const libcPath = (): string => {
  const linked = execFileSync('ldd', ['/bin/sleep'], { encoding: 'utf8' });
  return realpathSync(/libc\.so\.6 => (\S+)/.exec(linked)?.[1] ?? '');
};
/** Of an exported function, in the file. Libraries are linked at address 0: addresses of code are offsets. */
function offsetIn(path: string, name: string): number {
  const listed = execFileSync('nm', ['-D', '--defined-only', path], { encoding: 'utf8' });
  return Number.parseInt(
    new RegExp(`^([0-9a-f]+) \\w ${name}\\b`, 'm').exec(listed)?.[1] ?? '',
    16,
  );
}
/** Where a program begins, in its file: as above. */
const entryOf = (path: string): number =>
  Number(
    /Entry point address:\s+(\S+)/.exec(execFileSync('readelf', ['-h', path]).toString())?.[1],
  );

/** The same place as a trace of entries: a program does not return to where it began. */
const traced = (source: SourceRequest): SourceRequest =>
  source.kind === 'function' ? traceOf(source.probe) : source;

const symbolsOf = (lines: readonly string[]): ReadonlyMap<string, bigint> =>
  new Map(
    lines.map((line) => {
      const [address = '0', , name = ''] = line.split(/\s/);
      return [name, BigInt(`0x${address || '0'}`)];
    }),
  );

describe('a helper for own processes', () => {
  it('refuses the machine, cgroups and what does not exist', async () => {
    const cgroup = { kind: 'cgroup', id: '1', level: 0 } as const;
    for (const target of [{ kind: 'machine' }, cgroup] as const) {
      expect(await refusalOf({ target })).toMatchObject({ kind: 'target-not-own' });
    }
    expect(await refusalOf({ target: { kind: 'process', pid: 4_194_303 } })).toMatchObject({
      kind: 'target-not-found',
    });
  });

  it('refuses a process of another user, and one of the user’s that has more power', async () => {
    const other = spawn('sleep', ['60'], { detached: true });
    children.push(other);
    const [program, ...args] = [...asHelper, 'sleep', '60'];
    const stronger = spawn(program, args, { detached: true });
    children.push(stronger);
    await untilRunning();
    for (const { pid } of [other, stronger]) {
      expect(await refusalOf({ target: { kind: 'process', pid: pid! } })).toMatchObject({
        kind: 'target-not-own',
        what: expect.stringContaining(`Process ${pid}`) as string,
      });
    }
  });

  it('refuses what is about others, and probes in files that the user may not read', async () => {
    const target = { kind: 'process', pid: run('sleep 60') } as const;
    await untilRunning();
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'x', { mode: 0o600 });
    const kernel = { type: 'kernel', name: 'vfs_read' } as const;
    const tracepoint = { type: 'tracepoint', category: 'sched', name: 'sched_switch' } as const;
    const user = { type: 'user', path: secret, offset: 0 } as const;
    const sites = [{ offset: 0, semaphoreOffset: 0, arguments: [] }];
    const usdt: TraceRequest['probe'] = { type: 'usdt', path: secret, sites };
    const sources: SourceRequest[] = [
      { kind: 'off-cpu', minNs: 0, wakers: true },
      ...[kernel, user].map((probe) => latencyOf(probe)),
      ...[kernel, tracepoint, user, usdt].map((probe) => traceOf(probe)),
    ];
    for (const source of sources) {
      expect(await refusalOf({ target, sources: [source] })).toMatchObject({
        kind: 'target-not-own',
      });
    }
  });

  it('probes the user’s own programs in whatever they start, and nobody else’s', async () => {
    const mine = join(folder, 'mine');
    copyFileSync('/bin/sleep', mine);
    chownSync(mine, Number(NOBODY), Number(NOBODY));
    const offset = offsetIn(libcPath(), 'clock_nanosleep');
    const foreign = latencyOf({ type: 'user', path: libcPath(), offset });
    const usdt = traceOf({
      ...{ type: 'usdt', path: libcPath() },
      sites: [{ offset, semaphoreOffset: 0, arguments: [] }],
    });
    const go = join(folder, 'go-mine');
    const pid = run(`until [ -e ${go} ]; do sleep 0.05; done; ${mine} 0.1; ${mine} 0.1; sleep 60`);
    await untilRunning();
    const target = { kind: 'process', pid } as const;
    for (const source of [foreign, usdt]) {
      expect(await refusalOf({ target, sources: [source] })).toMatchObject({
        kind: 'target-not-own',
        what: `${libcPath()} is another user’s file`,
      });
    }
    const recording = helper();
    const started = latencyOf({ type: 'user', path: mine, offset: entryOf(mine) });
    await recording.start(startRequest({ target, sources: [traced(started)] }));
    writeFileSync(go, '');
    await sleep(1000);
    await recording.stop();
    expect(recording.samples()).toHaveLength(2);
  });

  it('moves the kernel’s addresses, the image’s and the others apart, and the names with them', async () => {
    const pid = run('while :; do : > /dev/null; done');
    await untilRunning();
    const recording = helper();
    await recording.start(startRequest({ target: { kind: 'process', pid }, rateHz: 999 }));
    await sleep(1500);
    const known = symbolsOf(readFileSync('/proc/kallsyms', 'latin1').split('\n'));
    await recording.stop();
    const told = symbolsOf(recording.kernelSymbols());
    const shift = (name: string): bigint => known.get(name)! - told.get(name)!;
    expect(shift('_stext')).toBeGreaterThan(0n);
    expect(shift('_stext') % 4096n).toBe(0n);
    expect(shift('vfs_open')).toBe(shift('_stext'));
    const ours = [...told.keys()].find((name) => name.endsWith('_on_tick'))!;
    expect(shift(ours)).toBeGreaterThan(0n);
    expect(shift(ours)).not.toBe(shift('_stext'));
    const [low, high] = [told.get('_stext')!, told.get('_etext')!];
    const addresses = recording.samples().flatMap(({ kernel }) => kernel);
    expect(addresses.length).toBeGreaterThan(100);
    const inImage = addresses.filter((address) => address >= low && address < high);
    expect(inImage.length / addresses.length).toBeGreaterThan(0.9);
  });

  it.each([
    ['set-user-id', 'fp', 0o4755],
    ['set-user-id', 'auto', 0o4755],
    ['set-group-id', 'fp', 0o2755],
    ['unreadable', 'auto', 0o711],
  ] as const)(
    'leaves a child that becomes a %s program, and counts it; unwinding %s',
    async (what, unwind, mode) => {
      const raised = join(folder, `${what}-${unwind}`);
      copyFileSync('/bin/dash', raised);
      chmodSync(raised, mode);
      const go = join(folder, `go-${what}-${unwind}`);
      // dash gives up what set-user-id gave it, unless it is asked not to.
      const spin = `while :; do :; done`;
      const pid = run(
        `until [ -e ${go} ]; do sleep 0.05; done; ${raised} -p -c '${spin}' & ${spin}`,
      );
      await untilRunning();
      const recording = helper();
      await recording.start(
        startRequest({ target: { kind: 'process', pid }, rateHz: 999, unwind }),
      );
      writeFileSync(go, '');
      await sleep(2500);
      const child = lastChildOf(pid);
      const bye = await recording.stop();
      expect(statSync(`/proc/${child}/exe`).ino).toBe(statSync(raised).ino);
      expect(bye.stats.loss['target-privileged']).toBe(1);
      const ofParent = recording.samples().filter((sample) => sample.pid === pid);
      const ofChild = recording.samples().filter((sample) => sample.pid === child);
      expect(ofParent.length).toBeGreaterThan(100);
      // Before its exec it was a copy of the parent.
      expect(ofChild.length).toBeLessThan(20);
      const told = recording.facts().filter((fact) => fact.pid === child);
      expect(told.map(({ kind }) => kind)).toContain('fork');
      expect(told.at(-1)?.kind).toBe('exit');
      expect(told.filter(({ kind }) => kind === 'exec' || kind === 'mapping')).toEqual([]);
    },
  );

  it('tells nothing of the waits of such a child', async () => {
    const raised = join(folder, 'raised-waiting');
    copyFileSync('/bin/dash', raised);
    chmodSync(raised, 0o4755);
    const go = join(folder, 'go-waiting');
    const naps = 'while :; do sleep 0.02; done';
    const pid = run(`until [ -e ${go} ]; do sleep 0.05; done; ${raised} -p -c '${naps}' & wait`);
    await untilRunning();
    const recording = helper();
    const sources: SourceRequest[] = [
      { kind: 'off-cpu', minNs: 0, wakers: false },
      { kind: 'run-queue', minNs: 0, detail: 'events' },
      { kind: 'syscalls', minNs: 0, detail: 'events' },
    ];
    await recording.start(startRequest({ target: { kind: 'process', pid }, sources }));
    writeFileSync(go, '');
    await sleep(2000);
    const child = lastChildOf(pid);
    const bye = await recording.stop();
    // The program, and each sleep that it starts as root.
    expect(bye.stats.loss['target-privileged']).toBe(1);
    const left = recording.facts().find(({ kind, pid: of }) => kind === 'exit' && of === child);
    const leftNs = left?.kind === 'exit' ? left.time : Number.NaN;
    expect(leftNs).toBeGreaterThan(0);
    const startNs = BigInt(recording.startNs());
    const after = recording
      .samples()
      .filter((sample) => sample.pid === child && Number(sample.time - startNs) > leftNs + 2e7);
    expect(after).toEqual([]);
  });

  it('follows nobody who becomes a set-user-id program while the recording begins', async () => {
    const raised = join(folder, 'raised-race');
    copyFileSync('/bin/dash', raised);
    chmodSync(raised, 0o4755);
    const outcomes: string[] = [];
    for (let delayMs = 5; delayMs <= 240; delayMs += 20) {
      const go = join(folder, `race-${delayMs}`);
      const spin = 'while :; do :; done';
      const pid = run(`until [ -e ${go} ]; do :; done; exec ${raised} -p -c '${spin}'`);
      await untilRunning();
      const recording = helper();
      await recording.json('hello');
      const target = { kind: 'process', pid } as const;
      recording.child.stdin?.write(
        encodeJsonFrame('start', startRequest({ target, rateHz: 999, unwind: 'fp' })),
      );
      setTimeout(() => writeFileSync(go, ''), delayMs);
      const outcome = await recording.json('started').then(
        () => 'recorded',
        () => 'refused',
      );
      outcomes.push(outcome);
      if (outcome === 'refused') continue;
      await sleep(400);
      const bye = await recording.stop();
      // Still the shell's loop, or what it was until then.
      const isRaised = statSync(`/proc/${pid}/exe`).ino === statSync(raised).ino;
      expect(isRaised).toBe(true);
      const late = recording.samples().filter((sample) => sample.pid === pid).length;
      expect(late).toBeLessThan(150);
      expect(bye.stats.loss['target-privileged']).toBe(1);
      expect(recording.facts().filter(({ kind }) => kind === 'exec')).toEqual([]);
    }
    process.stdout.write(`set-user-id while beginning: ${outcomes.join(', ')}\n`);
  });

  it('tells nothing of a set-user-id program while it is being started', async () => {
    const raised = join(folder, 'raised-often');
    copyFileSync('/bin/dash', raised);
    chmodSync(raised, 0o4755);
    const pid = run(`while :; do ${raised} -p -c :; /bin/true; done`);
    await untilRunning();
    const recording = helper();
    const faults: SourceRequest = {
      ...{ kind: 'count', event: { type: 'perf', perfType: 1, config: 2 }, period: 1 },
    };
    await recording.start(startRequest({ target: { kind: 'process', pid }, sources: [faults] }));
    await sleep(2500);
    const bye = await recording.stop();
    expect(bye.stats.loss['target-privileged']).toBeGreaterThan(10);
    const symbols = recording
      .kernelSymbols()
      .filter((line) => !line.includes('['))
      .map((line) => [BigInt(`0x${line.slice(0, 16)}`), line.split(' ')[2]] as const)
      .sort(([one], [other]) => (one < other ? -1 : 1));
    const at = symbols.findIndex(([, name]) => name === 'load_elf_binary');
    const [from, end] = [symbols[at]![0], symbols[at + 1]![0]];
    const samples = recording.samples();
    expect(samples.length).toBeGreaterThan(1000);
    // The new program's memory is filled by this function, when its rights are the new ones already.
    const loading = samples.filter(({ kernel }) =>
      kernel.some((address) => address >= from && address < end),
    );
    const facts = recording.facts();
    const own = new Set(facts.filter(({ kind }) => kind === 'exec').map((fact) => fact.pid));
    expect(loading.filter((sample) => own.has(sample.pid)).length).toBeGreaterThan(100);
    expect(loading.filter((sample) => !own.has(sample.pid))).toEqual([]);
  });

  it('follows processes with the one capability that sessions of systemd have', async () => {
    const wake = ['--inh-caps=-all,+wake_alarm', '--ambient-caps=-all,+wake_alarm'];
    const spin = ['sh', '-c', 'while :; do :; done'];
    const child = spawn('setpriv', [...asUser.slice(1), ...wake, ...spin], {
      ...{ detached: true, stdio: 'ignore' },
    });
    children.push(child);
    await untilRunning();
    const recording = new HelperClient(entry, {
      under: [...asUser, `--inh-caps=${LENT},+wake_alarm`, `--ambient-caps=${LENT},+wake_alarm`],
      args: ['--stdio', '--scope=own'],
    });
    const target = { kind: 'process', pid: child.pid! } as const;
    const started = await recording.start(startRequest({ target, rateHz: 999, unwind: 'fp' }));
    await sleep(500);
    await recording.stop();
    expect(started.capabilities.sort()).toEqual(['CAP_BPF', 'CAP_WAKE_ALARM']);
    expect(recording.samples().length).toBeGreaterThan(100);
    expect(recording.facts().some(({ kind }) => kind === 'mapping')).toBe(true);
  });
});

describe('a helper for everything, of a plain user', () => {
  const target = { kind: 'machine' } as const;

  it('puts no probe into other people’s files where it would disturb them', async () => {
    const path = libcPath();
    const offset = offsetIn(path, 'clock_nanosleep');
    const user = (at: number, of = path) => ({ type: 'user', path: of, offset: at }) as const;
    const [start, shell] = [entryOf('/bin/dash'), realpathSync('/bin/dash')];
    const site = { offset: offset + 1, semaphoreOffset: 0, arguments: [] };
    const wrong: SourceRequest[] = [
      // No function begins there.
      ...[offset + 1, offset + 4, 0x40, 1e9].map((at) => latencyOf(user(at))),
      traceOf(user(offset + 1)),
      // A program begins there, with no return address on its stack.
      latencyOf(user(start, shell)),
      traceOf({ type: 'usdt', path, sites: [site] }),
      traceOf({ type: 'usdt', path, sites: [{ ...site, semaphoreOffset: offset }] }),
    ];
    for (const source of wrong) {
      expect(await refusalOf({ target, sources: [source] }, 'system')).toMatchObject({
        kind: 'probe-unsupported',
        reason: expect.stringContaining('not yours') as string,
      });
    }
  });

  it('measures functions of libraries, in everybody', async () => {
    const path = libcPath();
    const recording = helper('system');
    const probe = { type: 'user', path, offset: offsetIn(path, 'clock_nanosleep') } as const;
    await recording.start(startRequest({ target, sources: [latencyOf(probe)] }));
    execFileSync('sleep', ['0.2']);
    await sleep(200);
    await recording.stop();
    expect(recording.samples().length).toBeGreaterThanOrEqual(1);
  });
});

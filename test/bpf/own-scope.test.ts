import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
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

const helper = () => new HelperClient(entry, { under: asHelper, args: ['--stdio', '--scope=own'] });

async function refusalOf(changes: Partial<StartRequest>): Promise<unknown> {
  const asked = helper();
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
/** What a process has in memory of a library's code. */
function codeOf(pid: number, path: string, offset: number): Buffer {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n');
  for (const line of maps.filter((one) => one.includes('r-xp') && one.endsWith(path))) {
    const [range = '', , at = ''] = line.split(/\s+/);
    const [start, end] = range.split('-').map((text) => Number.parseInt(text, 16));
    const inMemory = start! + offset - Number.parseInt(at, 16);
    if (inMemory < start! || inMemory >= end!) continue;
    const bytes = Buffer.alloc(8);
    const memory = openSync(`/proc/${pid}/mem`, 'r');
    readSync(memory, bytes, 0, bytes.length, inMemory);
    closeSync(memory);
    return bytes;
  }
  throw new Error(`${path} is not mapped in ${pid}`);
}

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

  it('puts no probe into other people’s files but where functions begin', async () => {
    const target = { kind: 'process', pid: run('sleep 60') } as const;
    await untilRunning();
    const path = libcPath();
    const offset = offsetIn(path, 'clock_nanosleep');
    for (const wrong of [offset + 1, offset + 4, 0x40, 1e9]) {
      const source = latencyOf({ type: 'user', path, offset: wrong });
      expect(await refusalOf({ target, sources: [source] })).toMatchObject({
        kind: 'probe-unsupported',
        reason: expect.stringContaining('not yours') as string,
      });
    }
    for (const semaphoreOffset of [0, offset]) {
      const site = { offset: offset + 1, semaphoreOffset, arguments: [] };
      const source = traceOf({ type: 'usdt', path, sites: [site] });
      expect(await refusalOf({ target, sources: [source] })).toMatchObject({
        kind: 'probe-unsupported',
      });
    }
  });

  it('probes other people’s files in own processes alone', async () => {
    const other = spawn('sleep', ['60'], { detached: true });
    children.push(other);
    const pid = run('exec sleep 60');
    await untilRunning();
    const path = libcPath();
    const offset = offsetIn(path, 'clock_nanosleep');
    const before = codeOf(other.pid!, path, offset);
    const recording = helper();
    const started = await recording.start(
      startRequest({
        target: { kind: 'process', pid },
        sources: [latencyOf({ type: 'user', path, offset })],
      }),
    );
    expect(codeOf(pid, path, offset)).not.toEqual(before);
    expect(codeOf(other.pid!, path, offset)).toEqual(before);
    expect(started.mechanisms[0]?.note).toMatch(/^In 1 processes of the target/);
    await recording.stop();
    expect(codeOf(pid, path, offset)).toEqual(before);
  });

  it('moves the kernel’s addresses, and the names with them', async () => {
    const pid = run('while :; do : > /dev/null; done');
    await untilRunning();
    const recording = helper();
    await recording.start(startRequest({ target: { kind: 'process', pid }, rateHz: 999 }));
    await sleep(1500);
    await recording.stop();
    const told = new Map(
      recording.kernelSymbols().map((line) => {
        const [address = '', , name = ''] = line.split(' ');
        return [name, BigInt(`0x${address}`)];
      }),
    );
    const known = readFileSync('/proc/kallsyms', 'latin1');
    const real = (name: string): bigint =>
      BigInt(`0x${new RegExp(`^([0-9a-f]+) T ${name}$`, 'm').exec(known)?.[1] ?? '0'}`);
    const shift = real('_stext') - told.get('_stext')!;
    expect(shift).toBeGreaterThan(0n);
    expect(shift % 4096n).toBe(0n);
    expect(real('vfs_open') - told.get('vfs_open')!).toBe(shift);
    const [low, high] = [told.get('_stext')!, told.get('_etext')!];
    const leaves = recording.samples().flatMap(({ kernel }) => kernel);
    expect(leaves.length).toBeGreaterThan(100);
    expect(leaves.filter((address) => address < low || address > high + (1n << 31n))).toEqual([]);
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
});

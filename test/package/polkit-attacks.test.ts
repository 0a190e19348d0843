import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { decodeJson, encodeFrame } from '../../main/capture/wire/framing.ts';
import type { StartRequest } from '../../main/capture/wire/helper-protocol.ts';
import { HelperClient, note, startRequest } from '../support/bpf-helper.ts';
import { bundleNode } from '../support/capture.ts';
import { hostileStream } from '../support/hostile-frames.ts';
import { INSTALLED } from '../support/installed-app.ts';
import type { MachineUser } from '../support/machine-user.ts';
import { ScriptedAgent } from '../support/polkit-agent.ts';
import { OWN_LAUNCHER, PolkitMachine, SYSTEM_LAUNCHER } from '../support/polkit-machine.ts';
import { childrenOf, commandLine, statusField } from '../support/processes.ts';
import { randomFrom } from '../support/random.ts';
import { until } from '../support/until.ts';

/** Helpers that get hostile frames: each greets and refuses, which takes half a second. */
const HELPERS = 30;

let polkit: PolkitMachine;
let attacker: string;
const children: ChildProcess[] = [];
beforeAll(async () => {
  polkit = await PolkitMachine.install();
  attacker = await bundleNode('test/support/attacker.ts', 'attacker');
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await polkit[Symbol.asyncDispose]();
});

interface Attack {
  readonly launcher?: string;
  readonly user?: MachineUser;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A program of a user's own that starts a launcher and speaks the helper's protocol with it. */
function start({
  launcher = OWN_LAUNCHER,
  user = polkit.users.allowed,
  args = ['--stdio'],
  env = {},
}: Attack = {}): HelperClient {
  // HelperClient puts the runtime and an entry behind `under`; this shell, polkit's subject, drops both.
  const script = `shift; shift; pkexec --disable-internal-agent ${launcher} "$@"; exit $?`;
  const under = polkit.machine.inside(['sh', '-c', script, 'sh'], user);
  const helper = new HelperClient('unused', { under, env, args });
  children.push(helper.child);
  return helper;
}

/** The helper's own process, which pkexec became. */
const pidOf = (helper: HelperClient): number => childrenOf(helper.child.pid ?? 0)[0] ?? 0;

/** What the helper says to a request that it is to refuse. */
async function refusal(helper: HelperClient, request: StartRequest): Promise<unknown> {
  await expect(helper.start(request)).rejects.toThrow();
  expect((await helper.exit()).code).toBe(1);
  const error = helper.frames.find(({ type }) => type === 'error');
  return error === undefined ? null : decodeJson(error.payload);
}

/** A process of that user's. */
async function sleeper(user = polkit.users.allowed): Promise<number> {
  const child = polkit.machine.start(['sleep', '100'], user);
  children.push(child);
  const pid = child.pid ?? 0;
  // Until then it is root's.
  await until(() => commandLine(pid) === 'sleep 100', 'a process');
  return pid;
}

describe('a helper for the user’s own processes', () => {
  it('records one of his', async () => {
    const helper = start();
    const target = { kind: 'process', pid: await sleeper() } as const;
    await helper.start(startRequest({ target }));
    expect((await helper.stop()).reason).toBe('stopped');
  });

  it('refuses another user’s process', async () => {
    const pid = await sleeper(polkit.users.denied);
    const target = { kind: 'process', pid } as const;
    expect(await refusal(start(), startRequest({ target }))).toMatchObject({
      kind: 'target-not-own',
    });
  });

  it.each([
    ['a process of root’s', { kind: 'process', pid: 1 }],
    ['the machine', { kind: 'machine' }],
    ['a control group', { kind: 'cgroup', id: '1', level: 0 }],
  ] as const)('refuses %s', async (_, target) => {
    const request = startRequest({ target: target as StartRequest['target'] });
    expect(await refusal(start(), request)).toMatchObject({ kind: 'target-not-own' });
  });

  it('is no way to the one for everything, which is another action', async () => {
    const helper = start({ user: polkit.users.ownOnly, launcher: SYSTEM_LAUNCHER });
    expect((await helper.exit()).code).toBe(127);
    expect(helper.stderr).toContain('No authentication agent found');
    expect(helper.frames).toEqual([]);
  });
});

describe('the system’s log', () => {
  const logged = (line: RegExp) => until(() => line.test(polkit.log()), String(line));

  it('tells who asked a helper for more than it was authorized for', async () => {
    const { allowed, denied } = polkit.users;
    const pid = await sleeper(denied);
    await refusal(start(), startRequest({ target: { kind: 'process', pid } }));
    const what = `Process ${pid} is another user's, or has more privileges than you`;
    await logged(new RegExp(`emberscope-helper: refused to uid ${allowed.uid}: ${what}$`, 'm'));
  });

  it('tells who sent what is no request', async () => {
    const helper = start();
    await helper.json('hello');
    helper.child.stdin?.end(encodeFrame('bye'));
    await helper.exit();
    await logged(/emberscope-helper: refused to uid \d+: expected start, got bye$/m);
  });

  it('tells who sent a helper that records what is no request', async () => {
    for (const [bytes, what] of [
      [encodeFrame('start'), 'expected stop, got start'],
      [
        Buffer.from('no frame at all, but long enough for a header'),
        'reserved header bits are set$',
      ],
      [Uint8Array.from([0, 0, 0, 0, 4, 99, 0, 0]), 'a request of protocol 99$'],
      [Uint8Array.from([255, 255, 255, 255, 4, 1, 0, 0]), 'bytes'],
    ] as const) {
      const helper = start();
      const target = { kind: 'process', pid: await sleeper() } as const;
      await helper.start(startRequest({ target }));
      helper.child.stdin?.write(bytes);
      expect((await helper.exit()).code).toBe(1);
      await logged(new RegExp(`emberscope-helper: refused to uid \\d+: .*${what}`, 'm'));
    }
  });

  it('tells whom polkit refused, and to whom it gave what', async () => {
    await start({ user: polkit.users.denied }).exit();
    await logged(
      new RegExp(`${polkit.users.denied.name}: .*Not authorized.*${OWN_LAUNCHER} --stdio`),
    );
    const helper = start();
    await helper.json('hello');
    await logged(
      new RegExp(`${polkit.users.allowed.name}: Executing command .*${OWN_LAUNCHER} --stdio`),
    );
  });

  it('tells of an installation that somebody else could change', async () => {
    const { machine } = polkit;
    machine.must(['chmod', 'o+w', INSTALLED]);
    expect((await start().exit()).code).toBe(3);
    machine.must(['chmod', 'o-w', INSTALLED]);
    await logged(
      /emberscope-launcher: refused, \/opt\/Emberscope: others than root can change it$/m,
    );
  });
});

describe('frames for the elevated helper', () => {
  it('end it with an error at worst, whatever they are', async () => {
    const random = randomFrom(5);
    let sent = 0;
    for (let count = 0; count < HELPERS; count++) {
      const { frames, bytes } = hostileStream(random);
      sent += frames;
      const helper = start();
      await helper.json('hello');
      helper.child.stdin?.end(bytes);
      const { code, signal } = await helper.exit();
      expect(signal).toBeNull();
      expect([0, 1]).toContain(code);
      expect(helper.stderr).toBe('');
      if (code === 1) expect(helper.frames.at(-1)?.type).toBe('error');
    }
    note(`${sent} hostile frames to ${HELPERS} elevated helpers: none crashed or hung`);
  });
});

describe('arguments and environment', () => {
  it.each([
    ['no argument', []],
    ['a script', ['--stdio', '/tmp/x.js']],
    ['an option of the runtime', ['--eval=1']],
    ['the other’s name', [SYSTEM_LAUNCHER]],
  ])('do not steer the launcher: %s', async (_, args) => {
    const helper = start({ args });
    expect((await helper.exit()).code).toBe(2);
    expect(helper.frames).toEqual([]);
  });

  it.each([
    ['NODE_OPTIONS', (script: string) => `--import=${script}`],
    ['LD_PRELOAD', (script: string) => script],
    ['LD_AUDIT', (script: string) => script],
    ['NODE_PATH', () => '/var/tmp'],
    ['PATH', () => '/var/tmp:/usr/bin:/bin'],
    ['EMBERSCOPE_TEST_HELPER', (script: string) => script],
    ['EMBERSCOPE_TEST_BPF_DIR', () => '/var/tmp'],
    ['EMBERSCOPE_HELPER_HANDOVER', () => '0'],
    ['PKEXEC_UID', () => '0'],
  ])('do not reach the runtime: %s', async (name, value) => {
    const { machine } = polkit;
    const [script, mark] = ['/var/tmp/injected.mjs', '/var/tmp/injected.mark'];
    const code = `import { writeFileSync } from 'node:fs'; writeFileSync('${mark}', '');`;
    writeFileSync(machine.path(script), code, { mode: 0o644 });
    const helper = start({ env: { EMBERSCOPE_TEST: '1', [name]: value(script) } });
    await helper.json('hello');
    const pid = pidOf(helper);
    const target = { kind: 'process', pid: await sleeper() } as const;
    const names = machine.must(['cat', `/proc/${pid}/environ`]).split('\0');
    await helper.start(startRequest({ target }));
    await helper.stop();
    const allowed = /^(ELECTRON_RUN_AS_NODE=1|LANG=C.UTF-8|)$/;
    expect(names.filter((line) => !allowed.test(line))).toEqual([]);
    expect(machine.run(['test', '-e', mark]).status).toBe(1);
  });

  it('cannot put another program in the launcher’s place', async () => {
    const { machine, users } = polkit;
    const { home } = users.allowed;
    machine.must(['ln', '-s', OWN_LAUNCHER, `${home}/link`], { asUser: users.allowed });
    machine.must(['cp', OWN_LAUNCHER, `${home}/copy`], { asUser: users.allowed });
    for (const name of ['link', 'copy']) {
      const helper = start({ launcher: `${home}/${name}` });
      expect((await helper.exit()).code, name).toBe(127);
      expect(helper.stderr, name).toContain('No authentication agent found');
    }
    const asked = machine.run([`${home}/copy`, '--stdio'], { asUser: users.allowed });
    expect(asked.status, 'it has no power of its own').not.toBe(0);
  });
});

describe('another process of the same user', () => {
  /** All attempts, by name, with what the kernel said. */
  const attempts = (pid: number): [string, string][] => {
    const command = [process.execPath, attacker, String(pid)];
    const said = polkit.machine.must(command, { asUser: polkit.users.allowed });
    return Object.entries(JSON.parse(said) as Record<string, string>);
  };
  const successes = (all: readonly [string, string][]) =>
    all.filter(([, outcome]) => !/^(EPERM|EACCES)$/.test(outcome));

  it('can do to an ordinary process what it tries below', async () => {
    expect(successes(attempts(await sleeper())).map(([name]) => name)).toEqual(
      expect.arrayContaining(['ptrace attach', '/proc/PID/mem', '/proc/PID/fd']),
    );
  });

  it('gets nothing from the helper before it records and while it does', async () => {
    const helper = start();
    await helper.json('hello');
    const pid = pidOf(helper);
    expect(commandLine(pid)).toContain('helper');
    const early = attempts(pid);
    const target = { kind: 'process', pid: await sleeper() } as const;
    await helper.start(startRequest({ target }));
    const late = attempts(pid);
    expect((await helper.stop()).reason).toBe('stopped');
    expect(early.length).toBeGreaterThan(15);
    expect(successes([...early, ...late])).toEqual([]);
  });

  it('gets nothing from pkexec while it asks', async () => {
    const { machine, users } = polkit;
    const shell = machine.start(['sh'], users.asking);
    children.push(shell);
    const subject = { process: shell.pid ?? 0 };
    const agent = await ScriptedAgent.start(machine, users.asking, subject, 'ignore');
    shell.stdin.write(`pkexec --disable-internal-agent ${OWN_LAUNCHER} --stdio\n`);
    await agent.asked();
    const [pid = 0] = childrenOf(shell.pid ?? 0);
    expect(commandLine(pid)).toContain('pkexec');
    const command = [process.execPath, attacker, String(pid)];
    const said = machine.must(command, { asUser: users.asking });
    expect(successes(Object.entries(JSON.parse(said) as Record<string, string>))).toEqual([]);
    await agent.end();
  });
});

describe('the rights of the helper while it records', () => {
  it('are those of its user and three capabilities, under a filter of system calls', async () => {
    const helper = start();
    await helper.json('hello');
    const pid = pidOf(helper);
    const target = { kind: 'process', pid: await sleeper() } as const;
    await helper.start(startRequest({ target }));
    const { uid } = polkit.users.allowed;
    expect(statusField(pid, 'Uid').split('\t')).toEqual(Array(4).fill(String(uid)));
    expect(statusField(pid, 'NoNewPrivs')).toBe('1');
    expect(statusField(pid, 'Seccomp')).toBe('2');
    // CAP_WAKE_ALARM, CAP_BPF and CAP_CHECKPOINT_RESTORE, linux/capability.h: main/helper/kept-capabilities.ts says what for.
    const kept = ((1n << 35n) | (1n << 39n) | (1n << 40n)).toString(16).padStart(16, '0');
    // The launcher's eight: with no_new_privs nothing can be gained from them.
    const bound = '000001cc00280004';
    const sets = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];
    expect(sets.map((set) => [set, statusField(pid, set)])).toEqual([
      ['CapInh', '0000000000000000'],
      ['CapPrm', kept],
      ['CapEff', kept],
      ['CapBnd', bound],
      ['CapAmb', '0000000000000000'],
    ]);
    await helper.stop();
  });
});

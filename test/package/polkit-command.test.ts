import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SENTENCES, UNSAFE_STEP } from '../support/elevation-sentences.ts';
import { INSTALLED, INSTALLED_DEMO, PLAIN } from '../support/installed-app.ts';
import type { MachineUser } from '../support/machine-user.ts';
import { type Answer, ScriptedAgent } from '../support/polkit-agent.ts';
import {
  ADMIN_PASSWORD,
  OWN_ACTION,
  OWN_LAUNCHER,
  PolkitMachine,
  SYSTEM_ACTION,
} from '../support/polkit-machine.ts';
import { childrenOf, commandLine, isAlive } from '../support/processes.ts';
import type { Running } from '../support/throw-away-machine.ts';
import { until } from '../support/until.ts';

const HELPER = `${INSTALLED}/${PLAIN}/dist/helper/main.js`;
const POLICY = '/usr/share/polkit-1/actions/org.emberscope.policy';
/** Of main/cli/exit-codes.ts. */
const EXIT = { ok: 0, failed: 1, permission: 3, interrupted: 130 };

let polkit: PolkitMachine;
beforeAll(async () => {
  polkit = await PolkitMachine.install();
});
afterAll(async () => {
  await polkit[Symbol.asyncDispose]();
});

const fileOf = (user: MachineUser) => `${user.home}/session.ember`;
const record = (user: MachineUser, ...target: readonly string[]): readonly string[] => [
  ...['emberscope', 'record', '--quiet', '--force', '--duration', '1'],
  ...['--output', fileOf(user), ...target],
];
const DEMO = ['--', INSTALLED_DEMO, '3'];

/** Exit code and lines on standard error of a recording that is not to start. */
function refused(user: MachineUser, ...target: readonly string[]) {
  polkit.machine.must(['rm', '-f', fileOf(user)]);
  const done = polkit.machine.run(record(user, ...target), { asUser: user });
  expect(polkit.machine.run(['test', '-e', fileOf(user)]).status, 'no file is left').toBe(1);
  return { status: done.status, said: done.stderr.trimEnd().split('\n') };
}

/** An error's sentences as the command line prints them. */
const printed = ([title, ...rest]: readonly string[]) => [
  `emberscope: ${title ?? ''}`,
  ...rest.map((line) => `  ${line}`),
];

/** A recording with an agent that was there first. */
async function recordingWith(
  answer: Answer,
  ...target: readonly string[]
): Promise<{
  readonly child: Running;
  readonly agent: ScriptedAgent;
  readonly said: () => string;
}> {
  const { machine, users } = polkit;
  // The shell waits for the agent, and then becomes the command: polkit sees one process.
  const command = record(users.asking, ...target);
  const child = machine.start(['sh', '-c', 'read go && exec "$@"', 'sh', ...command], users.asking);
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const subject = { process: child.pid ?? 0 };
  const agent = await ScriptedAgent.start(machine, users.asking, subject, answer);
  child.stdin.write('go\n');
  return { child, agent, said: () => text };
}

const codeOf = async (child: Running): Promise<number | null> => {
  await until(() => child.exitCode !== null || child.signalCode !== null, 'the end of a command');
  return child.exitCode;
};

describe('emberscope record, of a plain user', () => {
  it('records where a rule allows, into a file of the user’s', () => {
    const { machine, users } = polkit;
    const user = users.allowed;
    machine.must(record(user, ...DEMO), { asUser: user });
    expect(machine.must(['stat', '--format', '%U', fileOf(user)]).trim()).toBe(user.name);
    const report = machine.must(['emberscope', 'report', fileOf(user)], { asUser: user });
    expect(report).toContain('work_hot');
  });

  it('says that a rule denies it', () => {
    expect(refused(polkit.users.denied, ...DEMO)).toEqual({
      status: EXIT.permission,
      said: printed(SENTENCES.refused),
    });
  });

  it('says that nothing here can ask', () => {
    expect(refused(polkit.users.asking, ...DEMO)).toEqual({
      status: EXIT.permission,
      said: printed(SENTENCES['no-agent']),
    });
  });

  it.each([
    ['the dialog was closed', 'dismiss', SENTENCES.dismissed],
    ['the password was wrong', { password: 'wrong' }, SENTENCES.refused],
  ] as const)('says that %s', async (_, answer, sentences) => {
    const { child, agent, said } = await recordingWith(answer, ...DEMO);
    expect(await codeOf(child)).toBe(EXIT.permission);
    expect(said().trimEnd().split('\n')).toEqual(printed(sentences));
    expect(agent.questions).toMatchObject([{ action: OWN_ACTION }]);
    await agent.end();
  });

  it('takes the question back at Ctrl-C', async () => {
    const { child, agent } = await recordingWith('ignore', ...DEMO);
    await agent.asked();
    process.kill(child.pid ?? 0, 'SIGINT');
    await agent.withdrawn();
    expect(await codeOf(child)).toBe(EXIT.interrupted);
    await agent.end();
  });

  it('withdraws the question when it is killed', async () => {
    const { child, agent } = await recordingWith('ignore', ...DEMO);
    await agent.asked();
    const [pkexec = 0] = childrenOf(child.pid ?? 0).filter((pid) =>
      commandLine(pid).includes('pkexec'),
    );
    expect(isAlive(pkexec)).toBe(true);
    process.kill(child.pid ?? 0, 'SIGKILL');
    await until(() => !isAlive(pkexec), 'the end of pkexec');
    await agent.end();
  });

  it('records the machine under an action of its own', async () => {
    const { child, agent, said } = await recordingWith({ password: ADMIN_PASSWORD }, '--all');
    expect(await codeOf(child), said()).toBe(EXIT.ok);
    expect(agent.questions).toMatchObject([{ action: SYSTEM_ACTION }]);
    await agent.end();
  });

  it('asks for everything where a process is another user’s', async () => {
    const { machine, users } = polkit;
    const other = machine.start(['sleep', '100'], users.denied);
    const target = ['--pid', String(other.pid ?? 0)];
    const { child, agent } = await recordingWith('dismiss', ...target);
    expect(await codeOf(child)).toBe(EXIT.permission);
    expect(agent.questions).toMatchObject([{ action: SYSTEM_ACTION }]);
    await agent.end();
    expect(refused(users.ownOnly, ...target).said).toEqual(printed(SENTENCES['no-agent']));
    other.kill();
  });

  it('asks for everything where the kernel’s own events are to be told', async () => {
    const { users } = polkit;
    const trace = ['--trace', 'tracepoint:sched:sched_process_exec', ...DEMO];
    const { child, agent } = await recordingWith('dismiss', ...trace);
    expect(await codeOf(child)).toBe(EXIT.permission);
    expect(agent.questions).toMatchObject([{ action: SYSTEM_ACTION }]);
    await agent.end();
    expect(refused(users.ownOnly, ...trace).said).toEqual(printed(SENTENCES['no-agent']));
  });

  it('asks for everything where a library of everybody’s is to be probed', () => {
    const { machine, users } = polkit;
    const call = ['--function', '/usr/lib/x86_64-linux-gnu/libc.so.6:clock_nanosleep'];
    const nap = [...call, '--no-on-cpu', '--', 'sh', '-c', 'sleep 0.2; sleep 0.2; true'];
    expect(refused(users.ownOnly, ...nap).said).toEqual(printed(SENTENCES['no-agent']));
    machine.must(record(users.allowed, ...nap), { asUser: users.allowed });
    const file = fileOf(users.allowed);
    const question = ['emberscope', 'sql', '--csv', file, 'SELECT count(*) AS calls FROM sample'];
    expect(machine.must(question, { asUser: users.allowed }).trim()).toMatch(/^calls\s+2$/);
  });

  it('takes its helper with it when it is killed', async () => {
    const { machine, users } = polkit;
    const command = record(users.allowed, '--duration', '60', '--', INSTALLED_DEMO, '60');
    const child = machine.start(command, users.allowed);
    const helper = () =>
      childrenOf(child.pid ?? 0).find((pid) => commandLine(pid).includes(`${HELPER} --stdio`));
    await until(() => helper() !== undefined, 'a helper');
    const pid = helper() ?? 0;
    await sleep(1500);
    expect(isAlive(pid)).toBe(true);
    process.kill(child.pid ?? 0, 'SIGKILL');
    await until(() => !isAlive(pid), 'the end of the helper', { timeoutMs: 5000 });
  });
});

describe('an installation of which something is missing or wrong', () => {
  /** Runs `check` while a path is changed by a shell command, and puts it back. */
  function during(change: string, back: string, check: () => void): void {
    polkit.machine.must(['sh', '-e', '-c', change]);
    try {
      check();
    } finally {
      polkit.machine.must(['sh', '-e', '-c', back]);
    }
  }
  const withoutFile = (path: string, check: () => void): void =>
    during(`mv ${path} ${path}.away`, `mv ${path}.away ${path}`, check);

  it.each([
    ['no-pkexec', '/usr/bin/pkexec'],
    ['policy-missing', POLICY],
    ['helper-missing', OWN_LAUNCHER],
  ] as const)('is told: %s', (reason, path) => {
    withoutFile(path, () => {
      expect(refused(polkit.users.allowed, ...DEMO)).toEqual({
        status: EXIT.permission,
        said: printed(SENTENCES[reason]),
      });
    });
  });

  it.each([
    [
      'a launcher that is a link',
      `mv ${OWN_LAUNCHER} ${OWN_LAUNCHER}.real && ln -s ${OWN_LAUNCHER}.real ${OWN_LAUNCHER}`,
      `mv ${OWN_LAUNCHER}.real ${OWN_LAUNCHER}`,
      `${OWN_LAUNCHER} is a symbolic link; it has to be the real thing.`,
    ],
    [
      'a launcher that others may write to',
      `chmod o+w ${OWN_LAUNCHER}`,
      `chmod o-w ${OWN_LAUNCHER}`,
      `${OWN_LAUNCHER} can be changed by others (mode 0757); only root may.`,
    ],
    [
      'a folder of the launcher that a group may write to',
      'chgrp users /usr/libexec/emberscope && chmod g+w /usr/libexec/emberscope',
      'chgrp root /usr/libexec/emberscope && chmod g-w /usr/libexec/emberscope',
      '/usr/libexec/emberscope can be changed by others (mode 0775); only root may.',
    ],
    [
      'an app’s folder that others may write to',
      `chmod o+w ${INSTALLED}`,
      `chmod o-w ${INSTALLED}`,
      `${INSTALLED}: others than root can change it.`,
    ],
    [
      'a helper that belongs to a user',
      `chown ci-own ${HELPER}`,
      `chown root ${HELPER}`,
      `${HELPER}: it does not belong to root.`,
    ],
    [
      'a helper that is a link',
      `mv ${HELPER} ${HELPER}.real && ln -s ${HELPER}.real ${HELPER}`,
      `mv ${HELPER}.real ${HELPER}`,
      `${HELPER}: it is a symbolic link.`,
    ],
  ])('is refused before anything of it runs: %s', (_, change, back, detail) => {
    during(change, back, () => {
      expect(refused(polkit.users.allowed, ...DEMO)).toEqual({
        status: EXIT.permission,
        said: printed(['The installed helper cannot be trusted', detail, UNSAFE_STEP]),
      });
    });
  });

  it('is told: a helper of another version', () => {
    const path = polkit.machine.path(HELPER);
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const original = readFileSync(path, 'utf8');
    const other = original.replaceAll(`"${version}"`, '"0.0.9"');
    expect(other).not.toBe(original);
    writeFileSync(path, other);
    try {
      expect(refused(polkit.users.allowed, ...DEMO)).toEqual({
        status: EXIT.failed,
        said: printed([
          'The installed helper is of another version',
          `The helper says version 0.0.9, this program is version ${version}.`,
          'Install both from the same package, or run "sudo emberscope install-helper" again. If Emberscope was updated while it ran, start it again.',
        ]),
      });
    } finally {
      writeFileSync(path, original);
    }
  });

  it('does not let pkexec be called by a process that may gain no privileges, and says so', () => {
    const { machine, users } = polkit;
    const command = ['setpriv', '--no-new-privs', ...record(users.allowed, ...DEMO)];
    const done = machine.run(command, { asUser: users.allowed });
    expect(done.status).toBe(EXIT.permission);
    expect(done.stderr).toContain('emberscope: pkexec does not work here\n');
    expect(done.stderr).toContain('pkexec must be setuid root');
  });

  it('records again once it is as it was', () => {
    const { machine, users } = polkit;
    machine.must(record(users.allowed, ...DEMO), { asUser: users.allowed });
  });
});

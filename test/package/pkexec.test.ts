import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MachineUser } from '../support/machine-user.ts';
import { type Answer, ScriptedAgent } from '../support/polkit-agent.ts';
import { ADMIN_PASSWORD, PolkitMachine } from '../support/polkit-machine.ts';
import { SESSION, simulateLogin } from '../support/simulated-login.ts';

/**
 * What pkexec says where, with an action that is none of ours: the program takes its outcomes apart by
 * this, and another version of polkit may say something else.
 */
const ACTION = 'org.emberscope.test';
const PROGRAM = '/usr/libexec/emberscope-test';
const POLICY = `<?xml version="1.0" encoding="UTF-8"?>
<policyconfig>
  <action id="${ACTION}">
    <message>Authentication is needed for a test</message>
    <defaults>
      <allow_any>auth_admin</allow_any>
      <allow_inactive>auth_admin</allow_inactive>
      <allow_active>auth_admin_keep</allow_active>
    </defaults>
    <annotate key="org.freedesktop.policykit.exec.path">${PROGRAM}</annotate>
  </action>
</policyconfig>`;

let polkit: PolkitMachine;
beforeAll(async () => {
  polkit = await PolkitMachine.create();
  const { machine } = polkit;
  writeFileSync(machine.path(`/usr/share/polkit-1/actions/${ACTION}.policy`), POLICY);
  writeFileSync(machine.path(PROGRAM), '#!/bin/sh\nid -u; env\n', { mode: 0o755 });
});
afterAll(async () => {
  await polkit[Symbol.asyncDispose]();
});

/** A program of a user's that starts pkexec as often as it is told: the one that polkit judges. */
class Caller {
  readonly #shell;
  readonly pid: number;
  #text = '';

  constructor(user: MachineUser) {
    this.#shell = polkit.machine.start(['sh'], user);
    this.pid = this.#shell.pid ?? 0;
    for (const stream of [this.#shell.stdout, this.#shell.stderr]) {
      stream.on('data', (chunk: Buffer) => (this.#text += chunk.toString()));
    }
  }

  /** Exit code and words of one pkexec. */
  async ask(): Promise<{ readonly code: number; readonly text: string }> {
    this.#text = '';
    this.#shell.stdin.write(`EVIL=1 pkexec --disable-internal-agent ${PROGRAM}; echo "code $?"\n`);
    await expect.poll(() => this.#text, { timeout: 20_000, interval: 50 }).toMatch(/code \d+\n$/);
    return { code: Number(/code (\d+)\n$/.exec(this.#text)?.[1]), text: this.#text };
  }
}

/** An agent for what that caller asks. */
const agentFor = (caller: Caller, answer: Answer) =>
  ScriptedAgent.start(polkit.machine, polkit.users.asking, { process: caller.pid }, answer);

describe('pkexec', () => {
  it('runs the program as root where a rule allows, with nothing of the caller’s environment', async () => {
    const { code, text } = await new Caller(polkit.users.allowed).ask();
    expect(code).toBe(0);
    expect(text).toMatch(/^0\n/);
    expect(text).toContain(`PKEXEC_UID=${polkit.users.allowed.uid}`);
    expect(text).not.toContain('EVIL');
  });

  it('says "Not authorized" where a rule denies', async () => {
    const { code, text } = await new Caller(polkit.users.denied).ask();
    expect(code).toBe(127);
    expect(text).toContain('Not authorized');
  });

  it('says so where nobody can be asked', async () => {
    const { code, text } = await new Caller(polkit.users.asking).ask();
    expect(code).toBe(127);
    expect(text).toContain('No authentication agent found');
  });

  it.each([
    ['a closed dialog', 'dismiss', 126, 'Request dismissed'],
    ['a wrong password', { password: 'wrong' }, 127, 'Not authorized'],
    ['the right password', { password: ADMIN_PASSWORD }, 0, '0\n'],
  ] as const)('answers %s', async (_, answer, code, words) => {
    const caller = new Caller(polkit.users.asking);
    const agent = await agentFor(caller, answer);
    const said = await caller.ask();
    await agent.end();
    expect(said.code).toBe(code);
    expect(said.text).toContain(words);
    expect(agent.questions).toMatchObject([
      { action: ACTION, message: 'Authentication is needed for a test' },
    ]);
  });

  it('asks one program twice where nobody sits at the machine', async () => {
    const caller = new Caller(polkit.users.asking);
    const agent = await agentFor(caller, { password: ADMIN_PASSWORD });
    expect([(await caller.ask()).code, (await caller.ask()).code]).toEqual([0, 0]);
    expect(agent.questions).toHaveLength(2);
    await agent.end();
  });

  it('asks one program once, and another again, in a login session (simulated)', async () => {
    const { machine, users } = polkit;
    const seated = simulateLogin(machine, users.asking);
    const session = { session: SESSION };
    const agent = await ScriptedAgent.start(machine, seated, session, { password: ADMIN_PASSWORD });
    const [one, other] = [new Caller(seated), new Caller(seated)];
    expect([(await one.ask()).code, (await one.ask()).code]).toEqual([0, 0]);
    expect(agent.questions).toHaveLength(1);
    expect((await other.ask()).code).toBe(0);
    expect(agent.questions).toHaveLength(2);
    await agent.end();
  });
});

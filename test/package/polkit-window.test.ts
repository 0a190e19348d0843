import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  recordWorkload,
  sampleCount,
  startWorkload,
  waitForSamples,
} from '../support/desktop-scenario.ts';
import { SENTENCES } from '../support/elevation-sentences.ts';
import { INSTALLED_DEMO, InstalledApp, waitingFor } from '../support/installed-app.ts';
import type { MachineUser } from '../support/machine-user.ts';
import { type Answer, ScriptedAgent } from '../support/polkit-agent.ts';
import { ADMIN_PASSWORD, OWN_ACTION, PolkitMachine } from '../support/polkit-machine.ts';
import { childrenOf, commandLine, isAlive, statusField } from '../support/processes.ts';
import { SESSION, simulateLogin } from '../support/simulated-login.ts';

const WORKLOAD = { program: INSTALLED_DEMO };
/** A helper whose reader or parent is gone has ended by then, ms. */
const END = { timeout: 5000, interval: 20 };

let polkit: PolkitMachine;
beforeAll(async () => {
  polkit = await PolkitMachine.install();
});
afterAll(async () => {
  await polkit[Symbol.asyncDispose]();
});

const start = (user: MachineUser) => InstalledApp.start(polkit.machine, { user });
const agentFor = (app: InstalledApp, answer: Answer) =>
  ScriptedAgent.start(polkit.machine, polkit.users.asking, { process: app.mainPid }, answer);

/** What the window says went wrong: title, reason, next step; and puts it away. */
async function readAlert(page: Page): Promise<readonly string[]> {
  const alert = page.getByRole('alert');
  const texts = await alert.locator('.banner-text > *').allTextContents();
  await alert.getByRole('button', { name: 'Dismiss' }).click();
  return texts;
}

/** Tries to record what the form already says. */
const tryAgain = (page: Page) => page.getByRole('button', { name: 'Start recording' }).click();

async function stop(app: InstalledApp, helper = helperOf(app)): Promise<void> {
  await app.page.locator('button.button-stop').click();
  await expect.poll(() => isAlive(helper), { timeout: 30_000 }).toBe(false);
}

/** The helper of a recording that runs. */
function helperOf(app: InstalledApp): number {
  const pid = app.helperPid();
  if (pid === null) throw new Error('no recording runs');
  return pid;
}

describe('the window of a user whom a rule allows to record', () => {
  let app: InstalledApp;
  beforeAll(async () => {
    app = await start(polkit.users.allowed);
  });

  it('records without a question, with a helper that is the user’s own', async () => {
    await recordWorkload(app.page, WORKLOAD);
    const helper = helperOf(app);
    const { uid } = polkit.users.allowed;
    expect(statusField(helper, 'Uid').split('\t')).toEqual(Array(4).fill(String(uid)));
    expect(statusField(app.mainPid, 'CapPrm'), 'the app has no power').toMatch(/^0+$/);
    expect(await app.page.getByRole('alert').count()).toBe(0);
    await stop(app, helper);
  });

  it('says that the helper was killed, and keeps what it delivered', async () => {
    await app.page.getByRole('button', { name: 'Close session' }).click();
    await recordWorkload(app.page, WORKLOAD);
    await waitForSamples(app.page, 100);
    process.kill(helperOf(app), 'SIGKILL');
    await app.page.getByRole('alert').waitFor();
    expect(await readAlert(app.page)).toEqual(SENTENCES.killed);
    expect(await sampleCount(app.page)).toBeGreaterThanOrEqual(100);
  });

  it('takes the helper with it when its engine is stuck and then killed', async () => {
    await app.page.getByRole('button', { name: 'Close session' }).click();
    await recordWorkload(app.page, { ...WORKLOAD, rate: 9999, threads: 2 });
    const [helper, engine] = [helperOf(app), app.enginePid() ?? 0];
    process.kill(engine, 'SIGSTOP');
    // Fills the pipe, which takes 64 KiB, and some of the queue behind it.
    await app.page.waitForTimeout(3000);
    expect(isAlive(helper), 'it goes on without a reader').toBe(true);
    process.kill(engine, 'SIGKILL');
    await expect.poll(() => isAlive(helper), END).toBe(false);
  });

  it('takes the helper with it when it is killed itself, though its engine is stuck', async () => {
    await app[Symbol.asyncDispose]();
    app = await start(polkit.users.allowed);
    await recordWorkload(app.page, WORKLOAD);
    const [helper, engine] = [helperOf(app), app.enginePid() ?? 0];
    process.kill(engine, 'SIGSTOP');
    process.kill(app.mainPid, 'SIGKILL');
    await expect.poll(() => isAlive(helper), END).toBe(false);
    process.kill(engine, 'SIGKILL');
  });
});

describe('the window of a user whom a rule denies it', () => {
  it('says that he may not', async () => {
    await using app = await start(polkit.users.denied);
    await startWorkload(app.page, WORKLOAD);
    await app.page.getByRole('alert').waitFor();
    await app.page.screenshot({ path: 'test/artifacts/polkit-refused.png' });
    expect(await readAlert(app.page)).toEqual(SENTENCES.refused);
    expect(childrenOf(app.mainPid).map(commandLine).join('\n')).not.toMatch(/pkexec/);
  });
});

describe('the window of a user who is asked for a password', () => {
  let app: InstalledApp;
  beforeAll(async () => {
    app = await start(polkit.users.asking);
  });
  afterAll(async () => {
    await app[Symbol.asyncDispose]();
  });

  it('says that nothing can ask, where nothing can', async () => {
    expect(await app.page.getByText('The system asks for a password.').count()).toBe(1);
    await startWorkload(app.page, WORKLOAD);
    await app.page.getByRole('alert').waitFor();
    expect(await readAlert(app.page)).toEqual(SENTENCES['no-agent']);
  });

  it('says that the dialog was closed', async () => {
    const agent = await agentFor(app, 'dismiss');
    await tryAgain(app.page);
    await app.page.getByRole('alert').waitFor();
    expect(await readAlert(app.page)).toEqual(SENTENCES.dismissed);
    expect(agent.questions).toMatchObject([{ action: OWN_ACTION }]);
    await agent.end();
  });

  it('says that the password was wrong', async () => {
    const agent = await agentFor(app, { password: 'wrong' });
    await tryAgain(app.page);
    await app.page.getByRole('alert').waitFor();
    expect(await readAlert(app.page)).toEqual(SENTENCES.refused);
    await agent.end();
  });

  it('takes the question back when the user does not want to wait', async () => {
    const agent = await agentFor(app, 'ignore');
    await tryAgain(app.page);
    await agent.asked();
    await waitingFor(app.page).waitFor();
    await app.page.screenshot({ path: 'test/artifacts/polkit-waiting.png' });
    await app.page.locator('.busy').getByRole('button', { name: 'Cancel' }).click();
    await agent.withdrawn();
    await waitingFor(app.page).waitFor({ state: 'hidden' });
    expect(await app.page.getByRole('alert').count()).toBe(0);
    await expect
      .poll(() => childrenOf(app.mainPid).map(commandLine).join('\n'), END)
      .not.toMatch(/pkexec/);
    await agent.end();
  });

  it('records once the password was given', async () => {
    const agent = await agentFor(app, { password: ADMIN_PASSWORD });
    await tryAgain(app.page);
    await waitForSamples(app.page, 100);
    expect(agent.questions).toHaveLength(1);
    await stop(app);
    await agent.end();
  });
});

describe('the window of a user at the machine (in a simulated login)', () => {
  it('records a second time without a second question, which others are still asked', async () => {
    const { machine, users } = polkit;
    const seated = simulateLogin(machine, users.asking);
    const agent = await ScriptedAgent.start(
      machine,
      seated,
      { session: SESSION },
      { password: ADMIN_PASSWORD },
    );
    await using app = await start(seated);
    await recordWorkload(app.page, WORKLOAD);
    await stop(app);
    expect(agent.questions).toHaveLength(1);
    await app.page.getByRole('button', { name: 'Close session' }).click();
    await recordWorkload(app.page, WORKLOAD);
    await stop(app);
    expect(agent.questions).toHaveLength(1);
    const file = `${users.asking.home}/other.ember`;
    const record = ['emberscope', 'record', '-q', '-d', '1', '-o', file, '--', INSTALLED_DEMO, '3'];
    const other = machine.start(record, seated);
    await expect.poll(() => other.exitCode, { timeout: 30_000 }).toBe(0);
    expect(agent.questions).toHaveLength(2);
    await agent.end();
  });
});

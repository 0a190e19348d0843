import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Desktop, launchDesktop, ownedFolder, temporaryFolder } from '../support/desktop.ts';
import {
  expectTrueShares,
  recordWorkload,
  reportOf,
  sampleCount,
  waitForSamples,
  workloadsOf,
} from '../support/desktop-scenario.ts';
import { descendantsOf, isAlive } from '../support/processes.ts';

const RATE = 999;
/** What a kill may cost: the last second, and 10 % for a busy test machine. */
const LEAST = (samplesBefore: number) => 0.9 * (samplesBefore - RATE);

const running: Desktop[] = [];
const workloads: number[] = [];
async function start(dataFolder: string): Promise<Desktop> {
  const desktop = await launchDesktop({ capabilities: true, dataFolder });
  running.push(desktop);
  return desktop;
}
afterEach(async () => {
  for (const desktop of running.splice(0)) await desktop[Symbol.asyncDispose]();
  for (const pid of workloads.splice(0).filter(isAlive)) process.kill(pid);
});

/** Starts a recording and lets it run for about three seconds. */
async function recordAWhile(dataFolder: string): Promise<{ desktop: Desktop; samples: number }> {
  const desktop = await start(dataFolder);
  await recordWorkload(desktop.page, { rate: RATE });
  await waitForSamples(desktop.page, 3 * RATE);
  workloads.push(...workloadsOf(desktop));
  return { desktop, samples: await sampleCount(desktop.page) };
}

function sessionFile(dataFolder: string): string {
  const names = readdirSync(dataFolder, { recursive: true, encoding: 'utf8' });
  const found = names.filter((name) => name.endsWith('.ember'));
  expect(found).toHaveLength(1);
  return join(dataFolder, found[0] ?? '');
}

describe('kill -9 in the middle of a recording', () => {
  it('of the helper ends the recording, says so and keeps the data', async () => {
    const dataFolder = ownedFolder(temporaryFolder());
    const { desktop, samples } = await recordAWhile(dataFolder);
    process.kill(desktop.helperPid() ?? 0, 'SIGKILL');
    await desktop.page
      .getByRole('alert')
      .getByText(/helper/i)
      .first()
      .waitFor({ timeout: 20_000 });
    await expectTrueShares(desktop.page);
    expect(await sampleCount(desktop.page)).toBeGreaterThanOrEqual(LEAST(samples));
    expect(reportOf(sessionFile(dataFolder)).session.sampleCount).toBeGreaterThanOrEqual(
      LEAST(samples),
    );
  });

  it('of the engine tells the page where the file is, and a new engine opens it', async () => {
    const dataFolder = ownedFolder(temporaryFolder());
    const { desktop, samples } = await recordAWhile(dataFolder);
    const engine = desktop.enginePid() ?? 0;
    const helper = desktop.helperPid() ?? 0;
    process.kill(engine, 'SIGKILL');
    const alert = desktop.page.getByRole('alert');
    const path = sessionFile(dataFolder);
    await alert.getByText(path).first().waitFor({ timeout: 20_000 });
    await expect.poll(() => isAlive(helper), { timeout: 5000 }).toBe(false);
    await expect.poll(() => desktop.enginePid(), { timeout: 10_000 }).not.toBeNull();
    expect(desktop.enginePid()).not.toBe(engine);
    await desktop.answerDialogs({ open: path });
    await desktop.menu('Open Session');
    await desktop.page.getByText('This recording was interrupted.').waitFor({ timeout: 20_000 });
    await expect.poll(() => sampleCount(desktop.page)).toBeGreaterThanOrEqual(LEAST(samples));
    await expectTrueShares(desktop.page);
  });

  it('of the window leaves none of our processes running, and the next start has the recording', async () => {
    const dataFolder = ownedFolder(temporaryFolder());
    const { desktop, samples } = await recordAWhile(dataFolder);
    // The recorded program is the person's own: it goes on.
    const ours = descendantsOf(desktop.mainPid).filter((pid) => !workloads.includes(pid));
    process.kill(desktop.mainPid, 'SIGKILL');
    await expect.poll(() => ours.filter(isAlive), { timeout: 20_000 }).toEqual([]);
    const next = await start(dataFolder);
    const path = sessionFile(dataFolder);
    await next.page
      .getByRole('button', { name: path.slice(path.lastIndexOf('/') + 1) })
      .first()
      .click();
    await expect
      .poll(() => sampleCount(next.page), { timeout: 20_000 })
      .toBeGreaterThanOrEqual(LEAST(samples));
    await next.page.getByText('This recording was interrupted.').waitFor();
    await expectTrueShares(next.page);
  });
});

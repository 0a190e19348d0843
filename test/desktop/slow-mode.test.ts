import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Desktop,
  launchDesktop,
  ownedFolder,
  screenshot,
  temporaryFolder,
} from '../support/desktop.ts';
import { waitUntilStopped } from '../support/desktop-scenario.ts';
import { buildFunctions } from '../support/functions.ts';

/** Calls of work(): one in ten takes 300 ms instead of one, and comes another way. */
const CALLS = 100;
const SLOW = CALLS / 10;

/** A real recording of a function with two usual durations, from the form to the stacks of the slow one. */
describe('a bimodal latency that was recorded in the window', () => {
  let desktop: Desktop;
  let program = '';
  const folder = ownedFolder(temporaryFolder());
  beforeAll(async () => {
    program = join(folder, 'functions');
    copyFileSync(buildFunctions(), program);
    chmodSync(program, 0o755);
    desktop = await launchDesktop({ capabilities: true });
  });
  afterAll(async () => {
    await desktop[Symbol.asyncDispose]();
    expect(desktop.log()).not.toContain('page:');
  });

  const frames = (): Promise<string[]> =>
    desktop.page
      .getByRole('treeitem')
      .evaluateAll((items) => items.map((item) => (item as HTMLElement).dataset['name'] ?? ''));
  const note = (): Promise<string> => desktop.page.locator('.chip-note').innerText();

  it('is recorded from its first call to its last', async () => {
    const { page } = desktop;
    await page.getByRole('button', { name: 'Record a program' }).click();
    await page.getByLabel('Command').fill(`${program} ${join(folder, 'log')} paths ${CALLS}`);
    const source = (name: string) => page.getByRole('checkbox', { name, exact: true });
    await source('On-CPU time').uncheck();
    await source('Functions').check();
    await page.getByLabel('Function', { exact: true }).fill(`${program}:work`);
    await page.getByRole('button', { name: 'Every one' }).locator('visible=true').click();
    await page.getByRole('button', { name: 'Start recording' }).click();
    await page.getByRole('tab', { name: `${program}:work` }).waitFor();
    await waitUntilStopped(desktop);
    await expect.poll(note).toBe(`${CALLS} calls`);
    const names = ['take_fast_path', 'take_slow_path', 'work'];
    await expect.poll(frames).toEqual(expect.arrayContaining(names));
    expect(await page.locator('#status-loss').textContent()).toMatch(/^0 lost/);
  });

  it('shows two hills; a double click on the slow one shows its path alone', async () => {
    const { page } = desktop;
    const chart = page.getByRole('region', { name: 'Latency' }).locator('.chart-canvas').first();
    const box = (await chart.boundingBox())!;
    // The card beside the pointer names the bucket under it: the slow ones are the rightmost.
    const card = page.locator('.chart-card.is-shown');
    const said: string[] = [];
    let place = 0;
    for (let x = box.width - 22; x > 60 && place === 0; x -= 2) {
      await page.mouse.move(box.x + x, box.y + box.height - 40);
      // The card is drawn with the next picture.
      await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(drawn)));
      said.push((await card.innerText()).replaceAll(/\s+/g, ' '));
      // Where a bucket begins depends on the longest call; the fast ones, of 1 ms, are far below.
      if (/^[23]\d\d\b.* ms [1-9]\d* calls?/.test(said.at(-1)!)) place = x;
    }
    expect(place, `no bucket of 300 ms was found: ${said.join(' | ')}`).toBeGreaterThan(0);
    await screenshot(page, 'slow-mode-before');
    await page.mouse.dblclick(box.x + place, box.y + box.height - 40);
    await expect.poll(frames).not.toContain('take_fast_path');
    const shown = await frames();
    expect(shown).toEqual(expect.arrayContaining(['main', 'take_slow_path', 'work']));
    // A call that took longer by chance may stand apart.
    const calls = Number((await note()).split(' ')[0]);
    expect(calls).toBeGreaterThan(SLOW / 2);
    expect(calls).toBeLessThanOrEqual(SLOW);
    await screenshot(page, 'slow-mode-after');
  });
});

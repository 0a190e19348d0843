import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Desktop, launchDesktop, ownedFolder, temporaryFolder } from '../support/desktop.ts';
import {
  expectTrueShares,
  readDrawnFrames,
  recordWorkload,
  reportOf,
  sampleCount,
  waitForHottest,
  waitForSamples,
  waitUntilStopped,
  windowTitle,
} from '../support/desktop-scenario.ts';
import { childrenOf, descendantsOf } from '../support/processes.ts';

const RATE = 999;

const folder = ownedFolder(temporaryFolder());
const savedPath = join(folder, 'saved.ember');
let desktop: Desktop;
beforeAll(async () => {
  desktop = await launchDesktop({ capabilities: true });
});
afterAll(async () => {
  await desktop[Symbol.asyncDispose]();
});

describe('recording a program in the window', () => {
  it('draws its functions within 3 points of the truth while it records', async () => {
    const { page } = desktop;
    await recordWorkload(page, { rate: RATE });
    await waitForSamples(page, 4 * RATE);
    expect(desktop.helperPid(), 'the recording still runs').not.toBeNull();
    await expectTrueShares(page);
  });

  it('updates at least twice a second', async () => {
    const { page } = desktop;
    const seen = new Set<number>();
    const end = performance.now() + 3000;
    while (performance.now() < end) {
      seen.add(await sampleCount(page));
      await page.waitForTimeout(50);
    }
    expect(seen.size - 1).toBeGreaterThanOrEqual(6);
  });

  it('draws them the same after it stopped, with nothing lost', async () => {
    const { page } = desktop;
    await desktop.menu('Stop Recording');
    await waitUntilStopped(desktop);
    await expectTrueShares(page);
    expect(await page.locator('#status-loss').textContent()).toMatch(/^0 lost/);
  });

  it('saves the session where the person says', async () => {
    await desktop.answerDialogs({ save: savedPath });
    await desktop.menu('Save As');
    await expect.poll(() => desktop.page.getByText(savedPath).count()).toBeGreaterThan(0);
    expect(reportOf(savedPath).session.state).toBe('complete');
    await expect.poll(() => windowTitle(desktop)).toBe('saved.ember – Emberscope');
  });

  it('opens it again in another app, without privileges or a helper, with identical totals', async () => {
    const drawn = await readDrawnFrames(desktop.page);
    const samples = await sampleCount(desktop.page);
    await desktop.close();
    const viewer = await launchDesktop({ args: [savedPath] });
    try {
      await waitForHottest(viewer.page);
      await expect.poll(() => readDrawnFrames(viewer.page)).toEqual(drawn);
      expect(await sampleCount(viewer.page)).toBe(samples);
      const engine = viewer.enginePid() ?? 0;
      expect(childrenOf(engine), 'no helper was started').toEqual([]);
      const maps = descendantsOf(viewer.mainPid).map((pid) =>
        readFileSync(`/proc/${pid}/maps`, 'utf8'),
      );
      expect(maps.filter((text) => text.includes('libbpf'))).toEqual([]);
    } finally {
      await viewer[Symbol.asyncDispose]();
    }
  });
});

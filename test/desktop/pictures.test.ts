import { statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Desktop, launchDesktop, screenshot } from '../support/desktop.ts';
import { sampleCount, waitForSamples, waitUntilStopped } from '../support/desktop-scenario.ts';

const SIZES = [
  { width: 1280, height: 800 },
  { width: 2560, height: 1440 },
];

/** Takes the page in both sizes into test/artifacts; a blank page would be a tiny file. */
async function take(desktop: Desktop, name: string): Promise<void> {
  for (const size of SIZES) {
    await desktop.resize(size);
    await expect
      .poll(() => desktop.page.evaluate(() => [innerWidth, innerHeight]))
      .toEqual([size.width, size.height]);
    await desktop.page.waitForTimeout(600); // the live picture catches up with its new size
    const path = await screenshot(desktop.page, `${name}-${size.width}x${size.height}`);
    expect(statSync(path).size).toBeGreaterThan(15_000);
  }
}

/** Mean of the page background's red, green and blue, 0 to 255. */
const brightness = (desktop: Desktop) =>
  desktop.page.evaluate(() => {
    const numbers =
      getComputedStyle(document.body)
        .backgroundColor.match(/[\d.]+/g)
        ?.map(Number) ?? [];
    const [red = 0, green = 0, blue = 0] = numbers;
    return (red + green + blue) / 3;
  });

describe.each(['light', 'dark'] as const)('the app in %s', (colorScheme) => {
  it('shows start page, live recording and finished session', async () => {
    const desktop = await launchDesktop({ capabilities: true, colorScheme });
    try {
      const { page } = desktop;
      await page.getByRole('button', { name: 'Record this machine' }).waitFor();
      const bright = await brightness(desktop);
      expect(colorScheme === 'dark' ? bright < 64 : bright > 224).toBe(true);
      await take(desktop, `start-${colorScheme}`);

      await desktop.menu('New Recording');
      await page.getByRole('button', { name: 'Start recording' }).waitFor();
      await take(desktop, `form-${colorScheme}`);
      await page.getByLabel('Rate', { exact: true }).fill('999');
      await page.getByRole('button', { name: 'Start recording' }).click();
      await page.getByRole('treeitem').first().waitFor({ state: 'attached' });
      await waitForSamples(page, 500);
      await take(desktop, `live-${colorScheme}`);

      await desktop.menu('Stop Recording');
      await waitUntilStopped(desktop);
      await take(desktop, `session-${colorScheme}`);
      expect(await sampleCount(page)).toBeGreaterThan(500);
      expect(desktop.log()).not.toMatch(/^page: /m);
    } finally {
      await desktop[Symbol.asyncDispose]();
    }
  });
});

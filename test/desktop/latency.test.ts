import { statSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BucketRange, bucketHigh, bucketLow } from '#shared/model/latency-buckets.ts';
import { screenshot } from '../support/desktop.ts';
import type { DemoData } from '../support/latency-demo.ts';
import { LatencyPage } from '../support/latency-page.ts';

/** The latency charts in a real window, with made-up data: a call in ten takes about 12 ms. */
const MS = 1e6;
const NARROW_SPACE = '\u202f';

describe('the latency charts', () => {
  let charts: LatencyPage;
  beforeAll(async () => {
    charts = await LatencyPage.start();
  });
  afterAll(async () => {
    await charts[Symbol.asyncDispose]();
    expect(charts.complaints).toEqual([]);
  });

  const histogram = (page: Page) => page.locator('.latency-histogram .chart-canvas');
  const fact = (page: Page) => page.locator('.panel-fact').textContent();
  const boxOf = async (page: Page, nth: number) => {
    const box = await page.locator('.chart-canvas').nth(nth).boundingBox();
    if (box === null) throw new Error('the chart has no size');
    return box;
  };

  /** Distance from the canvas' left where the card beside the pointer names a latency of `ms` or more. */
  async function placeOfLatency(page: Page, ms: number): Promise<number> {
    const box = await boxOf(page, 0);
    let low = 61;
    let high = box.width - 21;
    while (high - low > 2) {
      const middle = (low + high) / 2;
      await page.mouse.move(box.x + middle, box.y + box.height - 60);
      const title =
        (await page.locator('.chart-card.is-shown .chart-card-title').textContent()) ?? '';
      if (millisecondsIn(title) >= ms) high = middle;
      else low = middle;
    }
    return high;
  }

  /** That a range holds the slow mode and nothing of the fast one. */
  function expectSlowMode(range: BucketRange | null): void {
    expect(range).not.toBe(null);
    expect(bucketLow(range!.first)).toBeGreaterThan(1 * MS);
    expect(bucketLow(range!.first)).toBeLessThan(10 * MS);
    expect(bucketHigh(range!.end - 1)).toBeGreaterThan(14 * MS);
  }

  it('selects the slow mode by dragging and says how many calls it has', async () => {
    const page = await charts.open('bimodal');
    const box = await boxOf(page, 0);
    const from = await placeOfLatency(page, 3);
    await page.mouse.move(box.x + from, box.y + 120);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 24, box.y + 100, { steps: 5 });
    await page.mouse.up();
    expectSlowMode((await charts.selected()).histogram);
    expect(await fact(page)).toMatch(new RegExp(`: 6${NARROW_SPACE}000 calls, 10.0 %$`));
    await page.keyboard.press('Escape');
    // The canvas has the focus since it was clicked.
    expect((await charts.selected()).histogram).toBe(null);
  });

  it('selects the hill that is double-clicked', async () => {
    const page = await charts.open('bimodal');
    const box = await boxOf(page, 0);
    const at = await placeOfLatency(page, 12);
    await page.mouse.dblclick(box.x + at, box.y + box.height - 40);
    expectSlowMode((await charts.selected()).histogram);
    expect(await fact(page)).toContain(`6${NARROW_SPACE}000 calls`);
  });

  it('moves an edge of the selection that is dragged', async () => {
    const page = await charts.open('bimodal');
    const box = await boxOf(page, 0);
    const [a, b, c] = [
      await placeOfLatency(page, 0.2),
      await placeOfLatency(page, 2),
      await placeOfLatency(page, 12),
    ];
    const y = box.y + 130;
    const drag = async (from: number, to: number) => {
      await page.mouse.move(box.x + from, y);
      await page.mouse.down();
      await page.mouse.move(box.x + to, y, { steps: 4 });
      await page.mouse.up();
    };
    await drag(a, b);
    const before = (await charts.selected()).histogram!;
    await drag(b, c);
    const after = (await charts.selected()).histogram!;
    expect(after.first).toBe(before.first);
    expect(Math.abs(bucketLow(after.end) - 12 * MS)).toBeLessThan(0.6 * MS);
  });

  it('selects the slow mode by keyboard, applies with Enter and clears with Escape', async () => {
    const page = await charts.open('bimodal');
    await histogram(page).focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Space');
    expect((await charts.selected()).histogram).toBe(null);
    await page.keyboard.press('Enter');
    const hill = (await charts.selected()).histogram;
    expectSlowMode(hill);
    expect(await page.locator('[aria-live]').first().textContent()).toMatch(/^Selected .* calls/);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Shift+ArrowLeft');
    await page.keyboard.press('Escape');
    expect((await charts.selected()).histogram).toEqual(hill);
    await page.keyboard.press('Escape');
    expect((await charts.selected()).histogram).toBe(null);
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+End');
    await page.keyboard.press('Enter');
    expect(await fact(page)).toContain(`60${NARROW_SPACE}000 calls, 100 %`);
  });

  it('reads the same counts on every axis', async () => {
    const page = await charts.open('uniform');
    const panel = page.getByRole('region', { name: 'Latency of vfs_read' });
    for (const axis of ['Linear', 'Log']) {
      for (const group of ['Latency axis', 'Count axis']) {
        await panel.getByRole('group', { name: group }).getByRole('button', { name: axis }).click();
        await histogram(page).focus();
        await page.keyboard.press('Home');
        await page.keyboard.press('Shift+End');
        await page.keyboard.press('Enter');
        expect(await fact(page)).toContain(`60${NARROW_SPACE}000 calls, 100 %`);
      }
    }
  });

  it('zooms to the selection and back', async () => {
    const page = await charts.open('bimodal');
    await histogram(page).focus();
    for (const key of ['End', 'Space', 'Enter']) await page.keyboard.press(key);
    const panel = page.getByRole('region', { name: 'Latency of vfs_read' });
    await panel.getByRole('button', { name: 'Zoom to selection' }).click();
    await histogram(page).focus();
    for (const key of ['Home', 'Shift+End', 'Enter']) await page.keyboard.press(key);
    expect(await fact(page)).toContain(`6${NARROW_SPACE}000 calls, 10.0 %`);
    await screenshot(page, 'latency-zoomed');
    await panel.getByRole('button', { name: 'Show all' }).click();
    await histogram(page).focus();
    for (const key of ['Home', 'Shift+End', 'Enter']) await page.keyboard.press(key);
    expect(await fact(page)).toContain(`60${NARROW_SPACE}000 calls, 100 %`);
  });

  it('offers a table that selects as well', async () => {
    const page = await charts.open('bimodal');
    const table = page.getByRole('table', { name: 'Latency histogram' });
    expect(await table.getByRole('row').count()).toBeGreaterThan(5);
    const panel = page.getByRole('region', { name: 'Latency of vfs_read' });
    await panel.getByRole('button', { name: 'Table' }).click();
    await table.getByRole('button').last().click();
    const range = (await charts.selected()).histogram;
    expect(bucketHigh(range!.end - 1)).toBeGreaterThan(12 * MS);
    expect(await table.getByRole('button').last().getAttribute('aria-pressed')).toBe('true');
  });

  it('selects a rectangle of the heatmap by mouse and by keyboard', async () => {
    const page = await charts.open('bimodal');
    const box = await boxOf(page, 1);
    await page.mouse.move(box.x + box.width * 0.5, box.y + 45);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 30, box.y + box.height * 0.4, { steps: 5 });
    await page.mouse.up();
    const { heatmap } = await charts.selected();
    expect(heatmap!.time.from).toBeGreaterThan(20e9);
    expect(heatmap!.time.to).toBeGreaterThan(55e9);
    expect(bucketLow(heatmap!.latency!.first)).toBeGreaterThan(0.3 * MS);
    await page.keyboard.press('Escape');
    expect((await charts.selected()).heatmap).toBe(null);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Enter');
    expect((await charts.selected()).heatmap!.time).toEqual({ from: 0, to: 2e9 });
  });

  it('selects a stretch of time across the columns of the sub-second heatmap', async () => {
    const page = await charts.open('bimodal');
    const box = await boxOf(page, 2);
    await page.mouse.move(box.x + 60 + (box.width - 80) * 0.25, box.y + box.height - 60);
    await page.mouse.down();
    await page.mouse.move(box.x + 60 + (box.width - 80) * 0.28, box.y + 60, { steps: 5 });
    await page.mouse.up();
    const { time, latency } = (await charts.selected()).subSecond!;
    expect(latency).toBe(null);
    expect(time.from % 1e9).toBeGreaterThan(0.5e9);
    expect(time.to % 1e9).toBeLessThan(0.5e9);
    expect(time.to - time.from).toBeLessThan(3e9);
  });

  it('says so when nothing was measured, and ignores pointer and keys', async () => {
    const page = await charts.open('empty');
    const notes = page.locator('.chart-empty');
    await expect
      .poll(() => notes.allTextContents())
      .toEqual(['No calls measured.', 'No calls measured.', 'No samples measured.']);
    await histogram(page).click();
    for (const key of ['ArrowRight', 'Space', 'Enter', 'End']) await page.keyboard.press(key);
    expect(await charts.selected()).toEqual({ histogram: null, heatmap: null, subSecond: null });
  });

  const SIZES = [
    { width: 1280, height: 800 },
    { width: 2560, height: 1440 },
  ];
  const DATA: readonly DemoData[] = ['bimodal', 'uniform', 'wide', 'one-bucket', 'empty'];

  it.each(['light', 'dark'] as const)('takes its pictures in %s', async (theme) => {
    for (const size of SIZES) {
      for (const data of DATA) {
        const page = await charts.open(data, { ...size, dark: theme === 'dark' });
        await expect
          .poll(() => page.evaluate(() => [innerWidth, innerHeight]))
          .toEqual([size.width, size.height]);
        await page.waitForTimeout(100);
        if (data === 'bimodal') {
          const box = await boxOf(page, 0);
          await page.getByRole('button', { name: 'Cumulative' }).click();
          await page.mouse.dblclick(
            box.x + (await placeOfLatency(page, 12)),
            box.y + box.height - 40,
          );
          await page.mouse.move(box.x + (await placeOfLatency(page, 0.2)), box.y + box.height - 60);
        }
        const path = await screenshot(page, `latency-${data}-${theme}-${size.width}`);
        expect(statSync(path).size).toBeGreaterThan(8_000);
        if (data !== 'bimodal') continue;
        await pressMost(page);
        await screenshot(page, `latency-linear-${theme}-${size.width}`);
      }
    }
  });
});

describe('the latency charts on a dense display', () => {
  it('paint every device pixel and are selected at the same places', async () => {
    await using charts = await LatencyPage.start(2);
    const page = await charts.open('bimodal', { width: 1000, height: 600 });
    const canvas = page.locator('.chart-canvas').first();
    const sizes = await canvas.evaluate((one) => {
      const { width, height, clientWidth, clientHeight } = one as HTMLCanvasElement;
      return [width / clientWidth, height / clientHeight];
    });
    expect(sizes).toEqual([2, 2]);
    await screenshot(page, 'latency-dense');
    const box = (await canvas.boundingBox())!;
    await page.mouse.move(box.x + box.width - 24, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, box.y + 120, { steps: 4 });
    await page.mouse.up();
    const range = (await charts.selected()).histogram!;
    expect(bucketHigh(range.end - 1)).toBeGreaterThan(14 * MS);
    expect(bucketLow(range.first)).toBeLessThan(5 * MS);
    expect(charts.complaints).toEqual([]);
  });
});

/** Other axes, a table, selections in both heatmaps, and a range not yet applied in the histogram. */
async function pressMost(page: Page): Promise<void> {
  for (const name of ['Latency of vfs_read', 'Latency over time']) {
    const panel = page.getByRole('region', { name });
    const group = panel.getByRole('group', { name: 'Latency axis' });
    await group.getByRole('button', { name: 'Linear' }).click();
  }
  const first = page.getByRole('region', { name: 'Latency of vfs_read' });
  await first.getByRole('button', { name: 'Cumulative' }).click();
  await first.getByRole('button', { name: 'Table' }).click();
  await first.getByRole('group', { name: 'Count axis' }).getByRole('button').first().click();
  for (const nth of [1, 2, 0]) {
    const canvas = page.locator('.chart-canvas').nth(nth);
    await canvas.focus();
    await page.keyboard.press(nth === 0 ? 'Home' : 'ArrowRight');
    for (let k = 0; k < 6; k++) await page.keyboard.press('Shift+ArrowRight');
    for (let k = 0; k < 3 && nth > 0; k++) await page.keyboard.press('Shift+ArrowDown');
    if (nth > 0) await page.keyboard.press('Enter');
  }
}

/** The first figure of "200–205 µs" or "0.95–1.2 ms", in ms; 0 of an empty text. */
function millisecondsIn(text: string): number {
  const found = /^([\d.]+)(?: (\S+))?[–\d. ]*(ns|µs|ms|s)/.exec(text);
  if (found === null) return 0;
  const unit = { ns: 1e-6, µs: 1e-3, ms: 1, s: 1e3 }[found[2] ?? found[3] ?? 'ms'] ?? 1;
  return Number(found[1]) * unit;
}

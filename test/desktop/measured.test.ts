import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Desktop,
  launchDesktop,
  ownedFolder,
  screenshot,
  temporaryFolder,
} from '../support/desktop.ts';
import { waitUntilStopped } from '../support/desktop-scenario.ts';
import { DURATION_NS, READS, writeMeasuredSession } from '../support/measured-session.ts';

const NARROW_SPACE = '\u202f';
const count = (calls: number): string => {
  const text = String(calls);
  return text.length < 4 ? text : `${text.slice(0, -3)}${NARROW_SPACE}${text.slice(-3)}`;
};

/** A session of six sources in the real app: latencies, waits with their wakers, the wall clock, events. */
describe('a session with several sources', () => {
  let desktop: Desktop;
  let page: Page;
  beforeAll(async () => {
    const path = join(ownedFolder(temporaryFolder()), 'measured.ember');
    await writeMeasuredSession(path);
    await chmod(path, 0o644);
    desktop = await launchDesktop({ args: [path] });
    ({ page } = desktop);
    await page.getByRole('tab', { name: 'On-CPU time' }).waitFor();
  });
  afterAll(async () => {
    await desktop[Symbol.asyncDispose]();
    expect(desktop.log()).not.toContain('page:');
  });
  beforeEach(async () => {
    for (let press = 0; press < 6; press++) await page.locator('body').press('Escape');
    await page.getByRole('button', { name: 'Flame graph' }).click();
  });

  /** Shows a source and waits until its picture is drawn: the outline tells of a frame of it. */
  async function show(tab: string, frame: string): Promise<void> {
    await page.getByRole('tab', { name: tab }).click();
    await page.getByRole('treeitem', { name: frame }).first().waitFor({ state: 'attached' });
  }

  const frames = (): Promise<string[]> =>
    page
      .getByRole('treeitem')
      .evaluateAll((items) => items.map((item) => (item as HTMLElement).dataset['name'] ?? ''));
  const spoken = (name: string): Promise<string | null> =>
    page.locator(`[role=treeitem][data-name="${name}"]`).first().getAttribute('aria-label');
  const chips = (): Promise<string[]> => page.locator('.chip').allTextContents();
  const note = (): Promise<string> => page.locator('.chip-note').innerText();
  const chart = (name: string) => page.getByRole('region', { name }).locator('.chart-canvas');

  it('has the slow calls of a bimodal latency by a double click, and their path alone', async () => {
    await show('vfs_read', 'read_cached,');
    await expect.poll(note).toBe(`${count(READS)} calls`);
    await expect.poll(frames).toEqual(expect.arrayContaining(['read_cached', 'read_cold']));
    const box = (await chart('Latency').first().boundingBox())!;
    await page.mouse.dblclick(box.x + box.width - 50, box.y + box.height - 40);
    await expect.poll(frames).not.toContain('read_cached');
    await expect.poll(frames).toEqual(expect.arrayContaining(['read_cold', 'io_schedule']));
    await expect.poll(note).toBe(`${count(READS / 10)} calls`);
    expect(await chips()).toHaveLength(1);
    expect((await chips())[0]).toMatch(/^[89](\.\d+)?–1[4-6](\.\d+)? ms$/);
    expect(await spoken('io_schedule')).toMatch(/^io_schedule, 100 %, [\d.]+ s$/);
    // The other views speak about the same calls.
    expect(await page.locator('.share-function').allTextContents()).not.toContainEqual(
      expect.stringContaining('read_cached'),
    );
    await page.locator('.flame-canvas').focus();
    await page.keyboard.press('Escape');
    await expect.poll(frames).toContain('read_cached');
    expect(await chips()).toEqual([]);
  });

  it('has them by keyboard, and by the chip the way back', async () => {
    await show('vfs_read', 'read_cached,');
    await chart('Latency').first().focus();
    for (const key of ['End', 'Space', 'Enter']) await page.keyboard.press(key);
    await expect.poll(frames).not.toContain('read_cached');
    await page.getByRole('button', { name: /^Selected: .* Take back$/ }).click();
    await expect.poll(frames).toContain('read_cached');
  });

  it('selects time and latency at once in the heatmap', async () => {
    await show('vfs_read', 'read_cached,');
    const box = (await chart('Latency over time').boundingBox())!;
    await page.mouse.move(box.x + 300, box.y + 42);
    await page.mouse.down();
    await page.mouse.move(box.x + 480, box.y + 80, { steps: 5 });
    await page.mouse.up();
    await expect.poll(frames).not.toContain('read_cached');
    expect(await chips()).toHaveLength(2);
    const calls = Number((await note()).split(' ')[0]);
    expect(calls).toBeGreaterThan(100);
    expect(calls).toBeLessThan(400);
    await page.locator('.flame-canvas').focus();
    await page.keyboard.press('Escape');
    await expect.poll(async () => (await chips()).length).toBe(1);
    await page.keyboard.press('Escape');
    await expect.poll(async () => (await chips()).length).toBe(0);
  });

  it('sorts kinds of calls, and shows one alone with its examples', async () => {
    await show('System calls', 'do_futex,');
    await expect.poll(note).toMatch(/calls · stacks estimated from 360 examples$/);
    await page.getByRole('button', { name: 'By kind' }).first().click();
    const table = page.getByRole('table', { name: 'Kinds of calls' });
    const names = () => table.locator('.series-name').allTextContents();
    expect(await names()).toHaveLength(12);
    await table.getByRole('button', { name: 'Max' }).click();
    await expect.poll(async () => (await names())[0]).toMatch(/^clock_nanosleep/);
    await table.getByRole('button', { name: /^futex ?ETIMEDOUT/ }).click();
    await expect.poll(note).toBe('400 calls · stacks estimated from 30 examples');
    expect(await chips()).toEqual(['futex ETIMEDOUT']);
    await expect.poll(frames).not.toContain('do_read');
    await page.getByRole('button', { name: 'Small multiples' }).click();
    await screenshot(page, 'measured-multiples');
    await page.getByRole('button', { name: 'Small multiples' }).click();
    await page.getByRole('button', { name: 'Over time' }).last().click();
  });

  it('shows who ended waits, and cuts that off on demand', async () => {
    await show('Off-CPU time', 'wait_for_work,');
    await expect.poll(frames).toEqual(expect.arrayContaining(['[woken by loader]', 'push_work']));
    await page.getByRole('button', { name: 'Wakers' }).click();
    await expect.poll(frames).not.toContain('push_work');
    await expect.poll(frames).toEqual(expect.arrayContaining(['wait_for_work', 'schedule']));
    await page.getByRole('button', { name: 'Wakers' }).click();
    await expect.poll(frames).toContain('push_work');
  });

  it('joins running, waiting and queued time on the wall clock', async () => {
    await show('Wall clock', 'on CPU,');
    // 2400 samples at 99 Hz.
    expect(await spoken('on CPU')).toMatch(/, 24\.2 s$/);
    expect(await spoken('waiting')).toMatch(/, [\d.]+ s$/);
    expect(await spoken('queued for a CPU')).toMatch(/, [\d.]+ s$/);
    await page.locator('.share-row', { hasText: '4711' }).first().click();
    await page.locator('.share-thread .share-row', { hasText: '4712' }).click();
    await expect.poll(() => spoken('on CPU')).toMatch(/, 12\.1 s$/);
    expect(await chips()).toEqual(['shopd-worker (4712)', 'shopd (4711)']);
  });

  it('lists events with their fields and the stack of the chosen one', async () => {
    await show('sched:sched_process_exec', 'begin_new_exec,');
    await page.getByRole('button', { name: 'Events' }).click();
    const list = page.getByRole('table', { name: 'Events' });
    await expect.poll(() => list.locator('tbody tr').count()).toBe(200);
    await expect.poll(() => list.locator('tbody tr').nth(2).textContent()).toContain('convert5002');
    await list.locator('.event-time').nth(2).click();
    const stack = page.getByRole('complementary', { name: 'Stack of the event' });
    await stack.getByText('begin_new_exec').waitFor();
    await screenshot(page, 'measured-events');
    await page.getByRole('button', { name: 'Later' }).click();
    await expect.poll(() => page.locator('.event-head').innerText()).toContain('201 to 400 of 450');
  });

  it('selects a stretch of seconds and their parts', async () => {
    await show('On-CPU time', 'parse_json,');
    const all = await spoken('all');
    await page.getByRole('button', { name: 'Seconds', exact: true }).click();
    await chart('Seconds and their parts').focus();
    for (const key of ['ArrowRight', 'Home', 'Shift+ArrowRight', 'Enter']) {
      await page.keyboard.press(key);
    }
    await expect.poll(async () => (await chips()).length).toBe(1);
    await expect.poll(() => spoken('all')).not.toBe(all);
    await screenshot(page, 'measured-seconds');
    await page.getByRole('button', { name: 'Seconds', exact: true }).click();
  });

  it('exports the source shown, in its unit', async () => {
    const path = join(desktop.dataFolder, 'waits.folded');
    await show('Off-CPU time', 'wait_for_work,');
    await desktop.answerDialogs({ save: path });
    await desktop.menu('Folded Stacks');
    await expect.poll(() => existsSync(path)).toBe(true);
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    expect(lines.map((line) => line.replace(/ \d+$/, ''))).toContain(
      'shopd;main;serve;wait_for_work;futex_wait;schedule;[woken by loader];futex_wake;push_work;load_loop;main',
    );
    const total = lines.reduce((sum, line) => sum + Number(/ (\d+)$/.exec(line)?.[1]), 0);
    const told = Number(/, ([\d.]+) s$/.exec((await spoken('all')) ?? '')?.[1]);
    expect(Math.abs(total / 1e9 - told)).toBeLessThan(0.06);
  });

  it('moves between sources by arrow keys', async () => {
    await show('On-CPU time', 'parse_json,');
    await page.getByRole('tab', { name: 'On-CPU time' }).focus();
    await page.keyboard.press('ArrowRight');
    const tab = page.getByRole('tab', { name: 'Off-CPU time' });
    expect(await tab.getAttribute('aria-selected')).toBe('true');
    await expect.poll(frames).toContain('wait_for_work');
    expect(DURATION_NS).toBe(20e9);
  });

  const TABS = ['On-CPU time', 'Off-CPU time', 'vfs_read', 'System calls', 'Wall clock'];

  it.each(['light', 'dark'] as const)('takes its pictures in %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const [width, height] of [
      [1280, 800],
      [2560, 1440],
    ] as const) {
      await desktop.resize({ width, height });
      await expect
        .poll(() => page.evaluate(() => [innerWidth, innerHeight]))
        .toEqual([width, height]);
      for (const tab of TABS) {
        await page.getByRole('tab', { name: tab }).click();
        await page.waitForTimeout(500);
        const name = tab.replace(/\W+/g, '-').toLowerCase();
        const path = await screenshot(page, `measured-${name}-${colorScheme}-${width}x${height}`);
        expect(statSync(path).size).toBeGreaterThan(15_000);
      }
    }
    await desktop.resize({ width: 1280, height: 800 });
  });
});

describe('recording waits in the window', () => {
  it('measures what the form says, and draws it while it records', async () => {
    await using desktop = await launchDesktop({ capabilities: true });
    const { page } = desktop;
    await page.getByRole('button', { name: 'Record a program' }).click();
    await page.getByLabel('Command').fill("sh -c 'while :; do sleep 0.02; done'");
    const source = (name: string) => page.getByRole('checkbox', { name, exact: true });
    await source('On-CPU time').uncheck();
    const start = page.getByRole('button', { name: 'Start recording' });
    expect(await start.isDisabled()).toBe(true);
    await page.getByText('Choose what to measure.').waitFor();
    await source('Off-CPU time').check();
    await source('System calls').check();
    await source('Functions').check();
    await page.getByText('Enter a function.').waitFor();
    await screenshot(page, 'measured-form');
    await source('Functions').uncheck();
    expect(await page.getByLabel('Rate', { exact: true }).isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Estimate cost' }).click();
    await page.getByText(/^System calls: [\d\s]+(\.\d+)? calls\/s, .* of a CPU/).waitFor();
    await screenshot(page, 'measured-estimate');
    await start.click();
    await page.getByRole('tab', { name: 'Off-CPU time' }).waitFor();
    const sleeping = page.getByRole('treeitem', { name: /nanosleep/ }).first();
    await sleeping.waitFor({ state: 'attached' });
    expect(await sleeping.getAttribute('aria-label')).toMatch(/, [\d.]+ m?s$/);
    await expect.poll(() => page.locator('.chip-note').innerText()).toMatch(/\d waits/);
    await page.getByRole('tab', { name: 'System calls' }).click();
    await expect
      .poll(() => page.locator('.chip-note').innerText())
      .toMatch(/calls · stacks estimated from/);
    await page.getByRole('button', { name: 'By kind' }).first().click();
    await page
      .getByRole('button', { name: /^clock_nanosleep/ })
      .first()
      .waitFor();
    await screenshot(page, 'measured-live');
    await desktop.menu('Stop Recording');
    await waitUntilStopped(desktop);
    expect(await page.locator('#status-loss').textContent()).toMatch(/^0 lost/);
  });
});

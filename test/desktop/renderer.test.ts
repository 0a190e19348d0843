import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CaptureProgress } from '#shared/ipc/contract.ts';
import { err } from '#shared/result.ts';
import { nanoseconds } from '#shared/units.ts';
import { screenshot } from '../support/desktop.ts';
import { type FakeEngineParts, fakeEngine, sessionInfo } from '../support/fake-engine.ts';
import { ON_CPU } from '../support/on-cpu.ts';
import { RendererPage } from '../support/renderer-page.ts';
import { tablesOf } from '../support/tables-of.ts';
import { CALLS, OFF_CPU, withSources } from '../support/with-sources.ts';

/** The page in an Electron window with a fake engine; with the real one: record.test.ts. */
const TABLES = tablesOf(`
  work:100/100|  main;run;work_hot@libwork.so                  70 @1000
  work:100/100|  main;run;work_warm@libwork.so                 20 @5000
  work:100/101|  main;run;work_cool@libwork.so;write[k]       10 @9000
`);
const RECENT = {
  path: '/home/ada/recordings/checkout-latency.ember',
  openedAt: '2026-11-20T09:14:00Z',
  exists: true,
  summary: 'Whole machine, 10 s, 100 samples',
  unsaved: false,
};

describe('the page', () => {
  let renderer: RendererPage;
  beforeAll(async () => {
    renderer = await RendererPage.start(fakeEngine({ tables: TABLES }));
  });
  afterAll(async () => {
    await renderer.close();
    expect(renderer.complaints).toEqual([]);
  });

  async function openSession(parts: Partial<FakeEngineParts> = {}) {
    const engine = fakeEngine({ tables: TABLES, recents: [RECENT], ...parts });
    const page = await renderer.open(engine);
    await page
      .getByRole('button', { name: /checkout-latency\.ember/ })
      .first()
      .click();
    return { engine, page };
  }

  /** What the accessible outline says: "name share samples" by depth. */
  const drawn = async (): Promise<string[]> => {
    await renderer.page.getByRole('treeitem').first().waitFor({ state: 'attached' });
    return renderer.page
      .getByRole('treeitem')
      .evaluateAll((items) => items.map((item) => item.getAttribute('aria-label') ?? ''));
  };

  it('draws the shares of the session it opens', async () => {
    const { page } = await openSession();
    expect(await drawn()).toEqual([
      'all, 100 %, 100 samples',
      'main, 100 %, 100 samples',
      'run, 100 %, 100 samples',
      'work_cool, 10.0 %, 10 samples',
      'work_hot, 70.0 %, 70 samples',
      'work_warm, 20.0 %, 20 samples',
      'write, 10.0 %, 10 samples',
    ]);
    expect(await page.locator('.share-function').first().textContent()).toContain('70.0 %');
  });

  it('says what it waits for, or what is missing, source by source', async () => {
    const sources = [ON_CPU, OFF_CPU, CALLS];
    const tables = withSources(tablesOf(''), { sources, samples: [] });
    const { page } = await openSession({ tables });
    await page.getByText('No samples in this session.').waitFor();
    await page.getByRole('tab', { name: 'Off-CPU time' }).click();
    await page.getByText('No waits in this session.').waitFor();
    await page.getByText('No waits measured.').first().waitFor();
    await screenshot(page, 'measured-empty');
    await page.getByRole('tab', { name: 'Wall clock' }).click();
    await page.getByText('No waits in this session.').waitFor();
    const info = sessionInfo({ state: 'recording' });
    const live = await openSession({ tables, info, open: { info } });
    await live.page.getByText('Waiting for the first samples…').waitFor();
    await live.page.getByRole('tab', { name: 'vfs_read' }).click();
    await live.page.getByText('Waiting for the first calls…').waitFor();
    await screenshot(live.page, 'measured-waiting');
  });

  it('shows no tabs for a session that samples CPUs alone', async () => {
    const { page } = await openSession();
    await drawn();
    expect(await page.locator('.source-bar').isVisible()).toBe(false);
    expect(await page.locator('.latency-area').isVisible()).toBe(false);
  });

  it('searches by regular expression and says the share of samples', async () => {
    const { page } = await openSession();
    await drawn();
    await page.keyboard.press('/');
    await page.keyboard.type('/work_(hot|cool)/');
    await expect
      .poll(() => page.locator('#search-result').textContent())
      .toBe('80.0 % in 2 functions');
    await page.keyboard.type('(');
    await page.keyboard.press('Escape');
    await expect.poll(() => page.locator('#search-result').textContent()).toBe('');
  });

  it('zooms by keyboard, speaks the focused frame and resets', async () => {
    const { page } = await openSession();
    await drawn();
    await page.locator('.flame-canvas').focus();
    for (let k = 0; k < 3; k++) await page.keyboard.press('ArrowDown');
    expect(await page.locator('#flame-focus').textContent()).toBe(
      'work_hot, 70.0 %, 70 samples; 0 callees; called by run, main; depth 3',
    );
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await expect.poll(drawn).toEqual(['work_warm, 20.0 %, 20 samples']);
    expect(await page.locator('.crumbs').textContent()).toContain('work_warm');
    await page.keyboard.press('0');
    await expect.poll(async () => (await drawn()).length).toBe(7);
  });

  it('zooms into the box that is clicked', async () => {
    const { page } = await openSession();
    await drawn();
    const box = await page.locator('.flame-canvas').boundingBox();
    // Row 3 from the top; work_hot lies from 10 to 80 % of the width.
    await page.mouse.click((box?.x ?? 0) + (box?.width ?? 0) * 0.5, (box?.y ?? 0) + 3 * 20 + 10);
    await expect.poll(drawn).toEqual(['work_hot, 70.0 %, 70 samples']);
  });

  it('selects a time range by dragging and clears it with Escape', async () => {
    const { page } = await openSession();
    await drawn();
    const strip = await page.locator('.timeline-canvas').boundingBox();
    const y = (strip?.y ?? 0) + 20;
    const width = strip?.width ?? 0;
    await page.mouse.move(width * 0.4, y);
    await page.mouse.down();
    await page.mouse.move(width * 0.7, y, { steps: 4 });
    await page.mouse.up();
    await expect.poll(async () => (await drawn())[0]).toBe('all, 100 %, 20 samples');
    await page.keyboard.press('Escape');
    await expect.poll(async () => (await drawn())[0]).toBe('all, 100 %, 100 samples');
  });

  it('inverts and groups', async () => {
    const { page } = await openSession();
    await drawn();
    await page.getByRole('button', { name: 'Callers' }).click();
    await expect
      .poll(async () => (await drawn()).slice(1, 4).sort())
      .toEqual([
        'work_hot, 70.0 %, 70 samples',
        'work_warm, 20.0 %, 20 samples',
        'write, 10.0 %, 10 samples',
      ]);
    await page.getByRole('button', { name: 'Callees' }).click();
    await page.getByRole('combobox', { name: 'Group' }).selectOption('thread');
    await expect
      .poll(async () => (await drawn()).slice(1, 3))
      .toEqual(['work (100), 90.0 %, 90 samples', 'work (101), 10.0 %, 10 samples']);
  });

  it('says so when a session holds nothing', async () => {
    const { page } = await openSession({ tables: tablesOf('') });
    await expect
      .poll(() => page.locator('.empty').textContent())
      .toContain('No samples in this session.');
  });

  it('shows loss with reason and remedy', async () => {
    const { page } = await openSession({
      info: { loss: [{ reason: 'ring-buffer-full', count: 12 }], sampleCount: 88 },
    });
    const loss = page.locator('#status-loss');
    await expect.poll(() => loss.textContent()).toBe('12 samples lost (12.0 %)');
    await loss.click();
    expect(await page.locator('#loss-popover li').count()).toBe(1);
  });

  it('shows an error with its next step when a file does not open', async () => {
    await openSession({
      answer: (channel) =>
        channel === 'session.open'
          ? err({ kind: 'session-too-new', path: '/x.ember', found: 9, supported: 1 })
          : undefined,
    });
    const banner = renderer.page.locator('.banner-error');
    await expect.poll(() => banner.locator('.banner-next').textContent()).toMatch(/\S/);
  });

  it('records, follows progress, stops, and keeps the file when the engine dies', async () => {
    const recording = { state: 'recording' as const, duration: nanoseconds(0) };
    const engine = fakeEngine({ tables: TABLES, info: recording, open: { unsaved: true } });
    const page = await renderer.open(engine);
    await page.getByRole('button', { name: 'Record this machine' }).click();
    await page.getByRole('button', { name: '4999' }).click();
    await page.getByRole('button', { name: 'Start recording' }).click();
    await expect.poll(() => page.locator('.pill').textContent()).toBe('Starting');
    const progress: CaptureProgress = {
      sessionId: engine.session.id,
      phase: 'recording',
      elapsed: nanoseconds(12.4e9),
      info: sessionInfo({ ...recording, sampleCount: 4321 }),
    };
    await renderer.send({ event: 'capture-progress', progress });
    await expect.poll(() => page.locator('.pill').textContent()).toBe('Recording');
    expect(await page.locator('#elapsed').textContent()).toBe('12 s');
    expect(await page.locator('#status-samples').getAttribute('data-samples')).toBe('4321');
    await renderer.loseEngine('exit code 9');
    await expect
      .poll(() => page.locator('.banner-error').textContent())
      .toContain('checkout-latency.ember');
    expect(await page.locator('.pill').textContent()).toBe('Interrupted');
  });

  it('refuses a rate outside 1 to 20000', async () => {
    const page = await renderer.open(fakeEngine({ tables: TABLES }));
    await page.getByRole('button', { name: 'Record this machine' }).click();
    const start = page.getByRole('button', { name: 'Start recording' });
    const states: boolean[] = [];
    for (const rate of ['0', '20001', '1e9', '12.5', '20000']) {
      await page.getByRole('textbox', { name: 'Rate' }).fill(rate);
      states.push(await start.isEnabled());
    }
    expect(states).toEqual([false, false, false, false, true]);
  });
});

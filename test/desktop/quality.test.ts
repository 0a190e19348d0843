import { statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeImageProblem } from '#shared/model/image-problem.ts';
import type { SessionTables } from '#shared/model/session-tables.ts';
import { screenshot } from '../support/desktop.ts';
import { type FakeEngineParts, fakeEngine } from '../support/fake-engine.ts';
import { RendererPage } from '../support/renderer-page.ts';
import { tablesOf } from '../support/tables-of.ts';

/** The quality panel, inlined and incomplete frames, in the page with a fake engine. */
const PLAIN = tablesOf(`
  shop:100/100|  _start;main{src/main.cc:42};serve;price@libshop.so 600
  shop:100/101|  clone3@libc.so.6;worker;hash@libshop.so            400
`);
const FLAWED = withProblem(
  tablesOf(`
    shop:100/100|  _start;main{src/main.cc:42};serve->route{src/route.cc:118}->match{src/route.h:31};price@libshop.so 520
    shop:100/100|  _start;main{src/main.cc:42};serve->route{src/route.cc:121};read@/usr/lib/libc.so.6;sys_read[k];copy_to_user[k] 190
    shop:100/101|  clone3@/usr/lib/libc.so.6;worker->run{src/pool.h:77};deflate->longest_match{zlib/deflate.c:1204} 160
    shop:100/101|  !no-table;render@/usr/lib/libwide.so;libwide.so+0x1a2b 60
    shop:100/101|  !no-frame-pointer;blob+0x77;blob+0x99 22
    shop:100/102|  !unreadable-stack;swap@/usr/lib/libswap.so 4
    node:200/200|  _start;node::Start@/usr/bin/node;tick[j];[jit]+0xdead[j] 34
    kworker:30/30| worker_thread[k];ext4_write[k]@ext4 10
  `),
);

function withProblem(tables: SessionTables): SessionTables {
  const path = '/usr/lib/libwide.so';
  const problem = encodeImageProblem({ kind: 'no-symbols', path });
  return {
    ...tables,
    imageProblems: {
      ...{ length: 1, problem: [problem] },
      image: Int32Array.of(tables.images.path.indexOf(path)),
    },
  };
}

const INFO = {
  sampleCount: 1000,
  loss: [{ reason: 'stack-missed', count: 3 }],
  unwind: {
    mode: 'auto',
    fallback: '',
    tables: {
      ...{ tables: 212, tableBytes: 34 * 2 ** 20, budgetBytes: 256 * 2 ** 20 },
      ...{ pending: 1, overBudget: 0, failed: 3 },
    },
  },
} as const;
const LOOKS = [
  { width: 1280, height: 800, dark: false },
  { width: 1280, height: 800, dark: true },
  { width: 2560, height: 1440, dark: false },
  { width: 2560, height: 1440, dark: true },
];

describe('the quality panel', () => {
  let renderer: RendererPage;
  beforeAll(async () => {
    renderer = await RendererPage.start(fakeEngine({ tables: PLAIN }));
  });
  afterAll(async () => {
    await renderer.close();
    expect(renderer.complaints).toEqual([]);
  });

  async function openSession(
    parts: FakeEngineParts,
    look: (typeof LOOKS)[number] = { width: 1280, height: 800, dark: false },
  ) {
    const recents = [
      {
        path: '/home/ada/shop.ember',
        openedAt: '2026-11-20T09:14:00Z',
        exists: true,
        summary: 'Whole machine, 10 s',
        unsaved: false,
      },
    ];
    const page = await renderer.open(fakeEngine({ recents, ...parts }), look);
    await page
      .getByRole('button', { name: /shop\.ember/ })
      .first()
      .click();
    await page.getByRole('treeitem').first().waitFor({ state: 'attached' });
    await page.locator('#status-quality').waitFor();
    return page;
  }

  it('opens by the figure in the status line, and tells every flaw with a remedy', async () => {
    const page = await openSession({ tables: FLAWED, info: INFO });
    const chip = page.locator('#status-quality');
    await expect.poll(() => chip.textContent()).toBe('91.3 % complete');
    await chip.click();
    expect(await chip.getAttribute('aria-expanded')).toBe('true');
    const row = page.getByRole('row').filter({ hasText: 'Cut: no unwind table at libwide.so' });
    expect(await row.textContent()).toContain('Narrow the target');
    expect(await row.textContent()).toContain('Warning');
    const remedies = await page
      .locator('.quality-table tr[data-severity]:not([data-severity=good]) .quality-remedy')
      .allTextContents();
    expect(remedies.length).toBeGreaterThan(5);
    expect(remedies.filter((text) => text === '')).toEqual([]);
  });

  it('marks the samples that a line speaks of', async () => {
    const page = await openSession({ tables: FLAWED, info: INFO });
    await page.keyboard.press('q');
    await page.getByRole('button', { name: /^Show in the flame graph: Cut: no frame/ }).click();
    await expect
      .poll(() => page.locator('#search-result').textContent())
      .toBe('2.20 % in 1 function');
  });

  it('opens and closes by keyboard and gives the focus back', async () => {
    const page = await openSession({ tables: FLAWED, info: INFO });
    const panel = page.locator('#quality-panel');
    await page.keyboard.press('q');
    expect(await panel.isVisible()).toBe(true);
    expect(await panel.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press('Escape');
    expect(await panel.isVisible()).toBe(false);
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('status-quality');
  });

  it('follows the selection', async () => {
    const page = await openSession({ tables: FLAWED, info: INFO });
    await page.locator('.share-row', { hasText: 'node' }).first().click();
    await expect.poll(() => page.locator('#status-quality').textContent()).toBe('100 % complete');
  });

  it('reads inlined frames aloud and shows where they are in the source', async () => {
    const page = await openSession({ tables: FLAWED, info: INFO });
    const labels = await page
      .getByRole('treeitem')
      .evaluateAll((items) => items.map((item) => item.getAttribute('aria-label')));
    expect(labels).toContain('match inlined, 52.0 %, 520 samples');
    const box = await page.locator('.flame-canvas').boundingBox();
    // Row 5: match, below all, _start, main, serve, route.
    await page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) * 0.3, (box?.y ?? 0) + 5 * 20 + 10);
    const card = page.locator('.hover-card.is-shown');
    await expect.poll(() => card.textContent()).toContain('src/route.h:31');
  });

  it.each(LOOKS)('looks right at $width x $height, dark: $dark', async (look) => {
    const name = `${look.dark ? 'dark' : 'light'}-${look.width}x${look.height}`;
    const page = await openSession({ tables: FLAWED, info: INFO }, look);
    await page.locator('#status-quality').click();
    const box = await page.locator('.flame-canvas').boundingBox();
    const top = page.getByRole('treeitem', { name: /^\[incomplete: no unwind table/ });
    await top.waitFor({ state: 'attached' });
    // Marks are first by name: "[" stands before letters.
    await page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) * 0.05, (box?.y ?? 0) + 20 + 10);
    await page.waitForTimeout(400);
    expect(statSync(await screenshot(page, `quality-${name}`)).size).toBeGreaterThan(15_000);
  });

  it.each(LOOKS)(
    'says that there is nothing to report, $width x $height, dark: $dark',
    async (look) => {
      const name = `${look.dark ? 'dark' : 'light'}-${look.width}x${look.height}`;
      const page = await openSession({ tables: PLAIN }, look);
      await page.locator('#status-quality').click();
      await page.getByText('Nothing to report: all stacks complete.').waitFor();
      await page.waitForTimeout(300);
      expect(statSync(await screenshot(page, `quality-empty-${name}`)).size).toBeGreaterThan(
        15_000,
      );
    },
  );
});

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import {
  type Desktop,
  launchDesktop,
  ownedFolder,
  ROOT,
  temporaryFolder,
} from '../support/desktop.ts';
import {
  HOSTILE_NAMES,
  INTERPRETED,
  INTERPRETED_BY_PAGE,
  writeHostileSession,
} from '../support/hostile-session.ts';

/** A session whose every name was chosen by an enemy: in the real window, in exports, on the terminal. */
let folder: string;
let session: string;
beforeAll(async () => {
  folder = ownedFolder(temporaryFolder());
  // The file's own name is hostile too, as far as a file system allows.
  session = join(folder, `<img src=x onerror=globalThis.pwned=1>\u202e\x1b[2J.ember`);
  await writeHostileSession(session);
});

/** Elements and attributes that make a browser load or run something. */
const findRunnable = (page: Page): Promise<readonly string[]> =>
  page.evaluate(() => {
    const LOADS = ['href', 'src', 'srcset', 'action', 'formaction', 'data', 'poster'];
    const isOwn = (value: string) => /^(?:index\.js|app\.css|data:,)$/.test(value);
    return [...document.querySelectorAll('*')].flatMap((element) => [
      ...(element.matches(
        'img,iframe,object,embed,base,form[action],video,audio,portal,meta[http-equiv=refresh]',
      )
        ? [element.tagName]
        : []),
      ...[...element.attributes]
        .filter(
          ({ name, value }) =>
            /^on/i.test(name) ||
            (LOADS.includes(name) && !isOwn(value)) ||
            (name === 'style' && /url|image/.test(value)),
        )
        .map(({ name, value }) => `${element.tagName} ${name}=${value.slice(0, 80)}`),
    ]);
  });

/** Everything that a person sees or hears of a page. */
const readAll = (page: Page): Promise<string> =>
  page.evaluate(() =>
    [...document.querySelectorAll('body *')]
      .filter((element) => !element.matches('script,style'))
      .flatMap((element) => [
        ...[...element.childNodes]
          .filter(({ nodeType }) => nodeType === 3)
          .map((node) => node.nodeValue),
        ...['title', 'aria-label', 'placeholder', 'value'].map((name) =>
          element.getAttribute(name),
        ),
      ])
      .filter((text) => text !== null)
      .join('\n'),
  );

const isPwned = (page: Page): Promise<unknown> =>
  page.evaluate(() => (globalThis as Record<string, unknown>)['pwned']);

describe('the window', () => {
  let desktop: Desktop;
  beforeAll(async () => {
    desktop = await launchDesktop({ args: [session] });
    await desktop.page.getByRole('treeitem').first().waitFor({ state: 'attached' });
  });
  afterAll(async () => {
    await desktop[Symbol.asyncDispose]();
  });

  async function expectHarmless(): Promise<void> {
    const { page } = desktop;
    expect(await isPwned(page)).toBeUndefined();
    expect(await findRunnable(page)).toEqual([]);
    const text = await readAll(page);
    const at = text.search(INTERPRETED_BY_PAGE);
    expect(at === -1 ? '' : JSON.stringify(text.slice(Math.max(0, at - 60), at + 60))).toBe('');
    expect(page.url()).toBe('app://bundle/index.html');
    expect(page.context().pages()).toHaveLength(1);
  }

  it('draws hostile names as text', async () => {
    const labels = await desktop.page
      .getByRole('treeitem')
      .evaluateAll((items) => items.map((item) => item.getAttribute('aria-label') ?? ''));
    expect(labels.some((label) => label.startsWith('<img src=x onerror='))).toBe(true);
    await expectHarmless();
  });

  it('keeps its title a title', async () => {
    const title = await desktop.app.evaluate(
      ({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getTitle() ?? '',
    );
    expect(title).toContain('<img src=x onerror=');
    expect(title).not.toMatch(INTERPRETED);
  });

  it('shows hover cards, searches, zooms and the quality panel of it', async () => {
    const { page } = desktop;
    const canvas = page.locator('.flame-canvas');
    const box = await canvas.boundingBox();
    for (const share of [0.05, 0.3, 0.6, 0.95]) {
      for (const row of [1, 3, 5, 8]) {
        await page.mouse.move(
          (box?.x ?? 0) + (box?.width ?? 0) * share,
          (box?.y ?? 0) + row * 20 + 10,
        );
        await expectHarmless();
      }
    }
    await canvas.focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'Enter', 'i', 'f', 'q']) {
      await page.keyboard.press(key);
      await expectHarmless();
    }
    await page.keyboard.press('/');
    await page.keyboard.type('<img');
    await expectHarmless();
  });

  it('shows calls and events of sources with hostile titles, series and fields', async () => {
    const { page } = desktop;
    const tabs = page.getByRole('tab').filter({ hasText: 'onerror' });
    const views = ['Over time', 'By kind', 'Small multiples', 'Flame graph', 'Events', 'Wakers'];
    const seen = new Set<string>();
    for (let at = 0; at < (await tabs.count()); at++) {
      await tabs.nth(at).click();
      await expectHarmless();
      for (const name of views) {
        const view = page.getByRole('button', { name, exact: true }).first();
        if (!(await view.isVisible()) || !(await view.isEnabled())) continue;
        await view.click();
        await page.waitForTimeout(200);
        seen.add(name);
        await expectHarmless();
      }
    }
    expect([...seen]).toEqual(expect.arrayContaining(['By kind', 'Events']));
    await tabs.first().click();
  });

  it('lists it among recent sessions, and says what is wrong with a hostile path', async () => {
    const { page } = desktop;
    await page.reload();
    await page
      .getByRole('button', { name: /onerror/ })
      .first()
      .waitFor();
    await expectHarmless();
    await desktop.answerDialogs({
      open: `/nowhere/<img src=x onerror=globalThis.pwned=1>\u202e\x1b`,
    });
    await page.getByRole('button', { name: /Open a session/ }).click();
    await page.getByRole('alert').first().waitFor();
    await expectHarmless();
  });

  it('asks the network for nothing, and complains of nothing', () => {
    expect(desktop.log()).not.toMatch(/page: |Refused to|ERR_BLOCKED|emberscope\.invalid/);
  });
});

describe('the HTML export', () => {
  it('shows hostile names as text, runs nothing and fetches nothing', async () => {
    const path = join(folder, 'hostile.html');
    expect((await runCli(['export', session, '-f', 'html', '-o', path])).status).toBe(0);
    await using browser = await launchDesktop({ app: join(ROOT, 'test/fixtures/page-shell') });
    const { page } = browser;
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`file://${path}`);
    await page.waitForTimeout(300);
    expect(await isPwned(page)).toBeUndefined();
    expect((await findRunnable(page)).filter((found) => !found.startsWith('META'))).toEqual([]);
    expect(asked.filter((url) => !url.startsWith(`file://${encodeURI(path)}`))).toEqual([]);
    expect(await page.locator('body').innerText()).not.toMatch(INTERPRETED_BY_PAGE);
    await page.mouse.move(300, 300);
    await page.mouse.click(300, 300);
    expect(await isPwned(page)).toBeUndefined();
  });
});

describe('the terminal', () => {
  it.each([
    ['report'],
    ['report', '--quality'],
    ['report', '--json'],
    ['export', '-f', 'folded'],
    ['export', '-f', 'svg'],
    ['symbolize'],
    ['sql', 'SELECT comm, exe, cmdline, cgroup FROM process'],
    ['sql', 'SELECT name FROM function', '--json'],
    ['latency'],
    ['latency', '--json'],
    ['events'],
    ['events', '--json'],
  ])('is not told what to do: %s %s', async (command, ...rest) => {
    const [query, ...options] = command === 'sql' ? rest : ['', ...rest];
    const args = [command, session, ...(query === '' ? [] : [query ?? '']), ...options];
    const { status, stdout, stderr } = await runCli(args);
    expect(status).toBe(0);
    const text = stdout + stderr;
    const at = text.search(INTERPRETED);
    expect(at === -1 ? '' : JSON.stringify(text.slice(Math.max(0, at - 60), at + 60))).toBe('');
  });

  it('is not told what to do by an error about a hostile path', async () => {
    const { status, stderr } = await runCli(['report', '/nowhere/\x1b[2J\u202e\n.ember']);
    expect(status).toBe(5);
    expect(stderr).not.toMatch(INTERPRETED);
  });

  it('gets all of it as data where data was asked for', async () => {
    const { stdout } = await runCli([
      'sql',
      session,
      'SELECT name FROM function ORDER BY id',
      '--json',
    ]);
    const names = (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name);
    expect(names).toEqual(HOSTILE_NAMES);
    expect(readFileSync(session).includes('pwned')).toBe(true);
  });
});

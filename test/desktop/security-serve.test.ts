import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.ts';
import {
  type Desktop,
  launchDesktop,
  ownedFolder,
  ROOT,
  temporaryFolder,
} from '../support/desktop.ts';
import { waitForSamples } from '../support/desktop-scenario.ts';
import { statusField } from '../support/processes.ts';
import { ServedCli } from '../support/served-cli.ts';
import { writeSyntheticSession } from '../support/synthetic-session.ts';

/**
 * The browser is Electron's own binary with an empty window, its sandbox on and nothing of our app in it: a real
 * Chromium for the page's side of serve mode. The server is the real command, started by root.
 */
let browser: Desktop;
let page: Page;
let served: ServedCli;
let folder: string;
const complaints: string[] = [];

beforeAll(async () => {
  folder = ownedFolder(temporaryFolder());
  const session = join(folder, 'synthetic.ember');
  await writeSyntheticSession(session, {
    ...{ samples: 2000, stacks: 50, functions: 40, threads: 2, seed: 1 },
  });
  served = await ServedCli.start([session], { EMBERSCOPE_DATA: ownedFolder(join(folder, 'data')) });
  browser = await launchDesktop({ app: join(ROOT, 'test/fixtures/page-shell') });
  ({ page } = browser);
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await served[Symbol.asyncDispose]();
});

const drawn = () => page.getByRole('treeitem').first().waitFor({ state: 'attached' });

describe('emberscope serve', () => {
  afterEach(() => {
    expect(complaints.splice(0)).toEqual([]);
  });

  it('shows its file in a browser, under the whole policy', async () => {
    await page.goto(served.address);
    await drawn();
    expect(await page.title()).toMatch(/^synthetic\.ember – Emberscope/);
  });

  it('takes the key out of the address at once, and keeps it for this tab', async () => {
    const key = new URLSearchParams(new URL(served.address).hash.slice(1)).get('token') ?? '?';
    expect(page.url()).toBe(`${served.origin}/`);
    const kept = await page.evaluate(() => ({
      cookies: document.cookie,
      permanent: Object.entries(localStorage),
      history: history.length,
      tab: Object.values(sessionStorage),
    }));
    expect(kept).toMatchObject({ cookies: '', permanent: [], tab: [key] });
    await page.reload();
    await drawn();
  });

  it('says whose files these are and what recording needs', async () => {
    const note = page.getByRole('complementary', { name: 'Serve mode' });
    await expect.poll(() => note.textContent()).toMatch(/files are opened and written there/);
  });

  it('saves where it is told on the serving machine, and asks before it replaces', async () => {
    const path = join(folder, 'saved.ember');
    for (const expected of ['Save', 'Replace']) {
      await page.getByRole('button', { name: /^Save/ }).first().click();
      const dialog = page.getByRole('dialog');
      await dialog.getByRole('textbox').fill(path);
      await dialog.getByRole('button', { name: 'Save', exact: true }).click();
      if (expected === 'Replace') {
        await expect.poll(() => dialog.getByRole('alert').textContent()).toBe('This file exists.');
        await dialog.getByRole('button', { name: 'Cancel' }).click();
      }
      await dialog.waitFor({ state: 'detached' });
    }
    await expect.poll(() => existsSync(path)).toBe(true);
  });

  it('opens what is picked from the list of a folder', async () => {
    await page.reload();
    await drawn();
    await page.getByRole('button', { name: 'Close' }).first().click();
    await page.getByRole('button', { name: /Open a session/ }).click();
    const dialog = page.getByRole('dialog');
    const field = dialog.getByRole('textbox');
    await field.fill(`${folder}/`);
    await field.press('Enter');
    await dialog.getByRole('button', { name: 'saved.ember' }).click();
    await drawn();
    expect(await page.title()).toMatch(/^saved\.ember/);
  });

  it('is never root: a plain user with the capabilities of a recording at most', () => {
    const pid = served.serverPid;
    expect(statusField(pid, 'Uid').split('\t').map(Number)).not.toContain(0);
    expect(statusField(pid, 'NoNewPrivs')).toBe('1');
    const held = BigInt(`0x${statusField(pid, 'CapEff')}`);
    // CAP_DAC_READ_SEARCH, SYS_PTRACE, SYSLOG, PERFMON, BPF.
    const atMost = [2n, 19n, 34n, 38n, 39n].reduce((sum, bit) => sum | (1n << bit), 0n);
    expect(held & ~atMost).toBe(0n);
    expect(BigInt(`0x${statusField(pid, 'CapBnd')}`) & ~atMost).toBe(0n);
  });

  it('keeps the key off its command line', () => {
    const key = new URL(served.address).hash.split('=')[1] ?? '?';
    const line = readFileSync(`/proc/${served.serverPid}/cmdline`, 'utf8');
    expect(line).not.toContain(key);
  });
});

describe('many tabs of one browser', () => {
  async function openTab(): Promise<Page> {
    const [opened] = await Promise.all([
      browser.app.waitForEvent('window'),
      browser.app.evaluate(({ BrowserWindow }) => {
        const window = new BrowserWindow({ webPreferences: { sandbox: true } });
        return window.loadURL('about:blank');
      }),
    ]);
    await opened.goto(served.address);
    return opened;
  }

  it('all get their answers; the one too many says so, and goes on when another is closed', async () => {
    await page.goto(served.address);
    await drawn();
    const tabs: Page[] = [];
    for (let k = 0; k < 6; k++) tabs.push(await openTab());
    const [first, , , last] = tabs;
    const waiting = last?.getByRole('alert').filter({ hasText: 'Close one of them' });
    await waiting?.waitFor();
    // A request of a page that is connected is answered though three pages wait.
    expect(await page.evaluate(async () => (await fetch('/')).status)).toBe(200);
    await first?.close();
    await Promise.any(
      tabs.slice(3).map((tab) => tab.getByRole('treeitem').first().waitFor({ state: 'attached' })),
    );
    for (const tab of tabs.slice(1)) await tab.close();
    complaints.length = 0;
  });
});

describe('a page on another port of the same machine', () => {
  const attacker = createServer((request, response) => {
    const to = new URL(request.url ?? '/', 'http://x').searchParams.get('to') ?? '';
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<!doctype html><title>x</title><a href="${to}/">look</a>`);
  });
  let attackerOrigin = '';
  beforeAll(async () => {
    await new Promise<void>((resolve) => attacker.listen(0, '127.0.0.1', resolve));
    attackerOrigin = `http://127.0.0.1:${(attacker.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    attacker.closeAllConnections();
    attacker.close();
  });

  /** What the attacker's page finds out, in a real browser that has the served page's key in another tab's storage. */
  interface Loot {
    readonly read: string;
    readonly blind: string;
    readonly posted: string;
    readonly socket: string;
    readonly events: string;
    readonly frame: string;
    readonly script: string;
  }

  it('can neither read, act, frame nor embed', async () => {
    await page.goto(attackerOrigin);
    const loot = await page.evaluate(rob, served.origin);
    expect(loot).toEqual({
      read: 'TypeError',
      blind: 'TypeError',
      posted: 'TypeError',
      socket: 'error',
      events: 'error',
      frame: 'unreadable',
      script: 'error',
    });
    expect(served.log).toMatch(/Refused \(403\)/);
    complaints.length = 0;
  });

  async function rob(target: string): Promise<Loot> {
    const nameOf = (error: unknown) => (error as Error).name;
    const heard = (thing: EventTarget): Promise<string> =>
      new Promise((resolve) => {
        for (const name of ['load', 'open', 'error', 'message'])
          thing.addEventListener(name, () => resolve(name));
      });
    const read = await fetch(`${target}/`).then((answer) => answer.text(), nameOf);
    const blind = await fetch(`${target}/`, { mode: 'no-cors' }).then(({ type }) => type, nameOf);
    const posted = await fetch(`${target}/serve/call`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    }).then((answer) => String(answer.status), nameOf);
    const socket = await heard(new WebSocket(target.replace('http', 'ws')));
    const events = await heard(new EventSource(`${target}/serve/events`));
    const frame = document.createElement('iframe');
    frame.src = `${target}/`;
    const framed = heard(frame);
    document.body.append(frame);
    await framed;
    const script = document.createElement('script');
    script.src = `${target}/index.js`;
    const scripted = heard(script);
    document.body.append(script);
    const inside = frame.contentDocument === null ? 'unreadable' : 'readable';
    return { read, blind, posted, socket, events, frame: inside, script: await scripted };
  }

  it('cannot get in by a link either, but the address works when it is pasted', async () => {
    await page.goto(`${attackerOrigin}/?to=${served.origin}`);
    const [followed] = await Promise.all([
      page.waitForResponse(`${served.origin}/`),
      page.getByRole('link').click(),
    ]);
    expect(followed.status()).toBe(403);
    await page.goto('about:blank');
    expect((await page.goto(served.address))?.status()).toBe(200);
    await drawn();
    complaints.length = 0;
  });
});

describe('emberscope serve --record', () => {
  it('shows a live recording, which a reload finds again and the page ends', async () => {
    const env = { EMBERSCOPE_DATA: ownedFolder(join(folder, 'live')) };
    await using live = await ServedCli.start(['--record'], env);
    await page.goto(live.address);
    await waitForSamples(page, 20);
    await page.reload();
    await waitForSamples(page, 40);
    await page.getByRole('button', { name: 'Stop' }).first().click();
    await expect.poll(() => page.title(), { timeout: 60_000 }).toMatch(/\.ember – Emberscope/);
    expect(await live.stop()).toBe(0);
    // The page says so when its server goes.
    await expect.poll(() => page.getByRole('alert').first().textContent()).toMatch(/serve/);
  });

  it('finishes the recording when it is ended', async () => {
    const data = ownedFolder(join(folder, 'ended'));
    const live = await ServedCli.start(['--record'], { EMBERSCOPE_DATA: data });
    await page.goto(live.address);
    await waitForSamples(page, 20);
    expect(await live.stop()).toBe(0);
    const [name = ''] = readdirSync(join(data, 'recordings')).filter((file) =>
      file.endsWith('.ember'),
    );
    const report = await runCli(['report', join(data, 'recordings', name), '--json']);
    expect(report.stderr).toBe('');
    expect(JSON.parse(report.stdout)).toMatchObject({ session: { state: 'complete' } });
  });
});

describe('emberscope serve by a plain user', () => {
  it('opens sessions, and says what recording would need', async () => {
    const env = { EMBERSCOPE_DATA: ownedFolder(join(folder, 'plain')), HOME: folder };
    const session = join(folder, 'synthetic.ember');
    await using plain = await ServedCli.start([session], env, 'user');
    await page.goto(plain.address);
    await drawn();
    const note = page.getByRole('complementary', { name: 'Serve mode' });
    await expect.poll(() => note.textContent()).toContain('sudo emberscope serve');
    await page.getByRole('button', { name: 'Close' }).first().click();
    await page.getByText(/Recording is not possible here/).waitFor();
  });

  it('cannot serve as somebody else, nor record at once', async () => {
    const env = { EMBERSCOPE_DATA: ownedFolder(join(folder, 'plain')), HOME: folder };
    await expect(ServedCli.start(['--user', 'root'], env, 'user')).rejects.toThrow(/only root can/);
    await expect(ServedCli.start(['--record'], env, 'user')).rejects.toThrow(/privileges/);
  });
});

describe('emberscope serve by root', () => {
  it('is refused where nobody is named to serve as, or root is', async () => {
    const env = { PATH: process.env['PATH'] ?? '' };
    const plain = await runCli(['serve'], { env: { ...env, SUDO_UID: '', PKEXEC_UID: '' } });
    expect([plain.status, plain.stdout]).toEqual([3, '']);
    const root = await runCli(['serve', '--user', 'root']);
    expect([root.status, root.stderr]).toEqual([
      3,
      expect.stringContaining('does not run as root'),
    ]);
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Desktop, launchDesktop } from '../support/desktop.ts';
import { commandLine, descendantsOf, statusField } from '../support/processes.ts';

let desktop: Desktop;
beforeAll(async () => {
  desktop = await launchDesktop({ capabilities: true });
});
afterAll(async () => {
  await desktop[Symbol.asyncDispose]();
});

const effectiveUid = (pid: number) => Number(statusField(pid, 'Uid').split('\t')[1]);
const renderers = () =>
  descendantsOf(desktop.mainPid).filter((pid) => commandLine(pid).includes('--type=renderer'));

describe('the processes of the app', () => {
  it('all run as a plain user', () => {
    const pids = [desktop.mainPid, ...descendantsOf(desktop.mainPid)];
    expect(pids.length).toBeGreaterThan(4);
    expect(pids.filter((pid) => effectiveUid(pid) === 0)).toEqual([]);
  });

  it('keep Chromium’s sandbox: pages have a system call filter and no capability', () => {
    const pids = renderers();
    expect(pids.length).toBeGreaterThan(0);
    for (const pid of pids) {
      expect(statusField(pid, 'Seccomp')).toBe('2');
      expect(statusField(pid, 'NoNewPrivs')).toBe('1');
      expect(BigInt(`0x${statusField(pid, 'CapEff')}`)).toBe(0n);
    }
  });

  it('are never started with --no-sandbox', () => {
    const lines = [desktop.mainPid, ...descendantsOf(desktop.mainPid)].map(commandLine);
    expect(lines.filter((line) => /--no-sandbox|--disable-[a-z-]*sandbox/.test(line))).toEqual([]);
  });

  it('give the engine what a live capture needs', () => {
    const engine = desktop.enginePid();
    expect(engine).not.toBeNull();
    expect(BigInt(`0x${statusField(engine ?? 0, 'CapEff')}`)).not.toBe(0n);
  });
});

describe('the page', () => {
  it('has the bridge and nothing of Node or Electron', async () => {
    const seen = await desktop.page.evaluate(() => ({
      bridge: typeof (globalThis as Record<string, unknown>)['emberscope'],
      node: [typeof Reflect.get(globalThis, 'require'), typeof Reflect.get(globalThis, 'process')],
    }));
    expect(seen).toEqual({ bridge: 'object', node: ['undefined', 'undefined'] });
  });

  it('is served with a strict content security policy', async () => {
    const headers = await desktop.page.evaluate(async () => {
      const response = await fetch('/index.html');
      return Object.fromEntries(response.headers);
    });
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).toContain("require-trusted-types-for 'script'");
    expect(headers['x-content-type-options']).toBe('nosniff');
  });

  it('cannot run a script made of text', async () => {
    const outcome = await desktop.page.evaluate(() => {
      try {
        document.createElement('div').innerHTML = '<img src=x onerror=alert(1)>';
        return 'accepted';
      } catch (error) {
        return String(error);
      }
    });
    expect(outcome).toMatch(/TrustedHTML/);
  });

  it.each([
    '/../app/main.js',
    '/%2e%2e/app/main.js',
    '/package.json',
    '/fonts',
    '/data/1/other',
    '//etc/passwd',
  ])('cannot read %s', async (path) => {
    const status = await desktop.page.evaluate(async (url) => {
      const response = await fetch(`app://bundle${url}`).catch((error: unknown) => String(error));
      return typeof response === 'string' ? response : response.status;
    }, path);
    expect(status).toSatisfy(
      (value: unknown) => value === 404 || String(value).includes('TypeError'),
    );
  });

  it('cannot reach the network', async () => {
    const outcome = await desktop.page.evaluate(() =>
      fetch('https://example.com/').then(
        () => 'reached',
        (error: unknown) => String(error),
      ),
    );
    expect(outcome).toMatch(/TypeError/);
  });

  it('can neither navigate away nor open a window', async () => {
    const opened = await desktop.page.evaluate(() => {
      const other = window.open('https://example.com/');
      location.assign('https://example.com/');
      return other;
    });
    await desktop.page.waitForTimeout(300);
    expect(opened).toBeNull();
    expect(desktop.page.url()).toBe('app://bundle/index.html');
  });

  it('gets no permission', async () => {
    const state = await desktop.page.evaluate(async () => {
      const { state } = await navigator.permissions.query({ name: 'geolocation' });
      return state;
    });
    expect(state).toBe('denied');
  });

  it('is told the truth about a session that is not open', async () => {
    const answer = await desktop.page.evaluate(async () => {
      const response = await fetch('/data/4711/delta?from=');
      return { status: response.status, error: (await response.json()) as unknown };
    });
    expect(answer.status).toBe(404);
    expect(answer.error).toMatchObject({ kind: 'session-not-open', id: 4711 });
  });
});

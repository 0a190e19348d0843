import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SHELL_CHANNELS } from '#shared/ipc/shell-channels.ts';
import { type Desktop, launchDesktop, ROOT } from '../support/desktop.ts';
import { commandLine, descendantsOf } from '../support/processes.ts';

/**
 * Electron's security checklist (electronjs.org/docs/latest/tutorial/security), its numbers in front; what the
 * processes are allowed is in shell.test.ts, fuses are the packages' business.
 */
let desktop: Desktop;
beforeAll(async () => {
  desktop = await launchDesktop();
});
afterAll(async () => {
  await desktop[Symbol.asyncDispose]();
});

const windowCount = () =>
  desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length);

/** Runs in the page's own world as a script of ours would, not by the debugger, to which policies do not apply. */
const inPage = (code: () => unknown): Promise<string> =>
  desktop.page.evaluate(
    ([text]) =>
      new Promise<string>((resolve) => {
        const reported = (event: SecurityPolicyViolationEvent) =>
          resolve(`blocked: ${event.effectiveDirective}`);
        document.addEventListener('securitypolicyviolation', reported, { once: true });
        try {
          // eslint-disable-next-line @typescript-eslint/no-implied-eval -- that this fails is the point
          setTimeout(text ?? '', 0);
        } catch (error) {
          resolve(`blocked: ${(error as Error).message}`);
        }
        setTimeout(() => resolve('ran'), 500);
      }),
    [`(${code.toString()})()`],
  );

describe('1, 2. content', () => {
  it('comes from the app itself alone', async () => {
    const loaded: string[] = [];
    desktop.page.on('request', (request) => loaded.push(request.url()));
    await desktop.page.reload();
    await desktop.page.getByRole('button', { name: 'Record this machine' }).waitFor();
    expect(loaded).toContain('app://bundle/index.js');
    expect(loaded.filter((url) => !/^(?:app:\/\/bundle\/|data:)/.test(url))).toEqual([]);
  });

  it.each(['index.html', 'index.js', 'profile-worker.js', 'app.css'])(
    'names no other place to load from: %s',
    (name) => {
      const text = readFileSync(join(ROOT, 'dist/renderer', name), 'utf8');
      const places = [...text.matchAll(/(?:https?|wss?):\/\/[\w.-]+/g)].map(([place]) => place);
      // Names of XML vocabularies are no addresses.
      expect(places.filter((place) => place !== 'http://www.w3.org')).toEqual([]);
    },
  );
});

describe('3, 4, 6, 8, 9, 10. the window', () => {
  it('is isolated and sandboxed, and has no weakened setting', async () => {
    const settings = await desktop.app.evaluate(({ BrowserWindow }) => {
      const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as {
        getLastWebPreferences(): Record<string, unknown>;
      };
      return contents.getLastWebPreferences();
    });
    expect(settings).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
    });
    expect(settings['webSecurity']).not.toBe(false);
    for (const weakening of [
      'nodeIntegrationInWorker',
      'nodeIntegrationInSubFrames',
      'allowRunningInsecureContent',
      'experimentalFeatures',
    ]) {
      expect(settings[weakening] ?? false, weakening).toBe(false);
    }
    expect(settings['enableBlinkFeatures'] ?? '').toBe('');
  });

  it('is sandboxed whatever a window asks for', async () => {
    const enabled = await desktop.app.evaluate(({ app }) =>
      app.commandLine.hasSwitch('enable-sandbox'),
    );
    expect(enabled).toBe(true);
    const renderers = descendantsOf(desktop.mainPid)
      .map(commandLine)
      .filter((line) => line.includes('--type=renderer'));
    expect(renderers.filter((line) => line.includes('--no-sandbox'))).toEqual([]);
  });
});

describe('5. permissions', () => {
  it.each([
    'geolocation',
    'notifications',
    'camera',
    'microphone',
    'midi',
    'clipboard-read',
    'persistent-storage',
    'screen-wake-lock',
  ])('say no: %s', async (name) => {
    const state = await desktop.page.evaluate(
      async (wanted) =>
        (await navigator.permissions.query({ name: wanted as PermissionName })).state,
      name,
    );
    expect(state).toBe('denied');
  });

  it('say no when asked for the thing itself', async () => {
    const outcome = await desktop.page.evaluate(async () => {
      const nameOf = (error: unknown) => (error as Error).name;
      return {
        notify: await Notification.requestPermission(),
        media: await navigator.mediaDevices
          .getUserMedia({ audio: true })
          .then(() => 'got it', nameOf),
        screen: await navigator.mediaDevices.getDisplayMedia().then(() => 'got it', nameOf),
        clipboard: await navigator.clipboard.readText().then(() => 'got it', nameOf),
        position: await new Promise((resolve) => {
          navigator.geolocation.getCurrentPosition(
            () => resolve('got it'),
            ({ code }) => resolve(code === 1 ? 'refused' : 'unavailable'),
          );
        }),
      };
    });
    expect(Object.values(outcome)).not.toContain('got it');
    expect(outcome).toMatchObject({
      notify: 'denied',
      clipboard: 'NotAllowedError',
      position: 'refused',
    });
  });
});

describe('7. the policy', () => {
  it('comes with every answer, of a missing file and of data too', async () => {
    const policies = await desktop.page.evaluate(() =>
      Promise.all(
        ['/', '/index.html', '/index.js', '/nothing', '/data/9/delta?from='].map(async (path) => {
          const { headers } = await fetch(path);
          return headers.get('content-security-policy') ?? '';
        }),
      ),
    );
    expect(new Set(policies).size).toBe(1);
    expect(policies[0]).toMatch(/^default-src 'none'; /);
    expect(policies[0]).not.toMatch(/unsafe|\*|https?:/);
  });

  it('lets no text become a script', async () => {
    expect(await inPage(() => document.title)).toMatch(/^blocked/);
  });

  it.each(['img', 'script', 'iframe', 'link', 'object', 'style'])(
    'stops a foreign %s',
    async (tag) => {
      const outcome = await desktop.page.evaluate(
        (name) =>
          new Promise<string>((resolve) => {
            document.addEventListener(
              'securitypolicyviolation',
              ({ effectiveDirective }) => resolve(`blocked ${effectiveDirective}`),
              { once: true },
            );
            const element = document.createElement(name);
            try {
              if (name === 'style') element.textContent = 'body{color:red}';
              else if (name === 'link') {
                Object.assign(element, { rel: 'stylesheet', href: 'https://emberscope.invalid/x' });
              } else if (name === 'object') {
                Object.assign(element, { data: 'https://emberscope.invalid/x' });
              } else Object.assign(element, { src: 'https://emberscope.invalid/x' });
              document.body.append(element);
            } catch (error) {
              resolve(`blocked ${(error as Error).name}`);
            }
            setTimeout(() => resolve('allowed'), 1000);
          }),
        tag,
      );
      expect(outcome).toMatch(/^blocked/);
    },
  );
});

describe('11. a webview', () => {
  it('is nothing here', async () => {
    const kind = await desktop.page.evaluate(() => {
      const view = document.createElement('webview');
      view.setAttribute('src', 'https://example.com/');
      document.body.append(view);
      const made = Object.prototype.toString.call(view);
      view.remove();
      return made;
    });
    expect(kind).not.toBe('[object WebView]');
    expect(
      await desktop.app.evaluate(({ webContents }) => webContents.getAllWebContents().length),
    ).toBe(1);
  });
});

const ELSEWHERE = [
  'https://example.com/',
  'http://127.0.0.1:1/',
  'file:///etc/passwd',
  'data:text/html,<h1>x</h1>',
  'about:blank',
  'app://other/index.html',
  'app://bundle.example.com/index.html',
  'mailto:somebody@example.com',
  'vscode://file/etc/passwd',
] as const;

describe('12, 13. navigation', () => {
  it.each(ELSEWHERE)('does not lead to %s', async (url) => {
    await desktop.page.evaluate((target) => {
      const link = document.createElement('a');
      link.href = target;
      document.body.append(link);
      link.click();
      location.assign(target);
      link.remove();
    }, url);
    await desktop.page.waitForTimeout(150);
    expect(desktop.page.url()).toBe('app://bundle/index.html');
  });
});

describe('14. a new window', () => {
  it.each([...ELSEWHERE, 'app://bundle/index.html', ''])('does not open for %j', async (url) => {
    const opened = await desktop.page.evaluate((target) => {
      const link = document.createElement('a');
      Object.assign(link, { href: target, target: '_blank' });
      document.body.append(link);
      link.click();
      link.remove();
      return window.open(target);
    }, url);
    expect(opened).toBeNull();
    expect(await windowCount()).toBe(1);
  });
});

describe('15. other programs', () => {
  it('are never asked to open anything: nothing here calls them', () => {
    const shell = readFileSync(join(ROOT, 'dist/app/main.js'), 'utf8');
    const preload = readFileSync(join(ROOT, 'dist/preload/preload.cjs'), 'utf8');
    expect(shell + preload).not.toMatch(/openExternal|openPath|showItemInFolder/);
  });
});

describe('17. messages to the main process', () => {
  const senders = [
    ['a frame that is gone', null],
    ['another origin', { url: 'https://example.com/' }],
    ['a look-alike', { url: 'app://bundle.example.com/index.html' }],
    ['a frame inside the page', { url: 'app://bundle/index.html' }],
  ] as const;

  it.each(senders)('are not taken from %s', async (_who, senderFrame) => {
    const seen = await desktop.app.evaluate(
      async ({ BrowserWindow, ipcMain }, { frame, channels }) => {
        const window = BrowserWindow.getAllWindows()[0];
        if (window === undefined) throw new Error('no window');
        const event = { senderFrame: frame, sender: window.webContents };
        const before = window.getTitle();
        ipcMain.emit(channels.reportTitle, event, 'pwned');
        const handlers = (
          ipcMain as unknown as {
            _invokeHandlers: Map<string, (...args: unknown[]) => Promise<unknown>>;
          }
        )._invokeHandlers;
        const asked = [channels.pickSessionToOpen, channels.pickSavePath, channels.pickFolder];
        const answers = [];
        for (const channel of asked) {
          answers.push(await handlers.get(channel)?.(event, '/etc/passwd', 'ember'));
        }
        return { answers, same: window.getTitle() === before };
      },
      { frame: senderFrame, channels: SHELL_CHANNELS },
    );
    expect(seen.same).toBe(true);
    // Electron wraps what a handler returns in some versions.
    expect(seen.answers.every((answer) => answer === null || answer === undefined)).toBe(true);
  });

  it('are known channels alone', async () => {
    const names = await desktop.app.evaluate(({ ipcMain }) =>
      ipcMain.eventNames().filter((name) => typeof name === 'string' && name.startsWith('shell:')),
    );
    const known: readonly string[] = Object.values(SHELL_CHANNELS);
    expect(names.filter((name) => !known.includes(name as string))).toEqual([]);
  });
});

describe('18. the app’s own scheme', () => {
  it.each(['POST', 'PUT', 'DELETE'])('answers no %s', async (method) => {
    const status = await desktop.page.evaluate(
      async (verb) => (await fetch('/index.html', { method: verb })).status,
      method,
    );
    expect(status).toBe(404);
  });

  it('is not the file scheme', async () => {
    const outcome = await desktop.page.evaluate(() =>
      fetch('file:///etc/passwd').then(
        () => 'read',
        (error: unknown) => (error as Error).name,
      ),
    );
    expect(outcome).toBe('TypeError');
  });
});

describe('20. the page’s world', () => {
  it('has the bridge’s functions and nothing else of the shell', async () => {
    const bridge = await desktop.page.evaluate(() => {
      const given = Reflect.get(globalThis, 'emberscope') as Record<string, unknown>;
      return {
        names: Object.keys(given).sort(),
        replaced: Reflect.set(globalThis, 'emberscope', null),
        frozen: Object.isFrozen(given),
      };
    });
    expect(bridge.names).toEqual([
      ...['onEngineLost', 'onMenuCommand', 'onOpenRequest', 'pickFolder', 'pickSavePath'],
      ...['pickSessionToOpen', 'platform', 'reportTitle', 'requestEnginePort'],
    ]);
    expect(bridge.replaced).toBe(false);
    expect(bridge.frozen).toBe(true);
  });
});

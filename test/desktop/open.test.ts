import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Desktop,
  type DesktopOptions,
  launchDesktop,
  ownedFolder,
  temporaryFolder,
} from '../support/desktop.ts';
import {
  expectTrueShares,
  recordedSession,
  recordWorkload,
  waitForHottest,
  workloadsOf,
} from '../support/desktop-scenario.ts';
import { isAlive } from '../support/processes.ts';

const running: Desktop[] = [];
async function start(options: DesktopOptions = {}): Promise<Desktop> {
  const desktop = await launchDesktop(options);
  running.push(desktop);
  return desktop;
}
afterEach(async () => {
  for (const desktop of running.splice(0)) await desktop[Symbol.asyncDispose]();
});

const windows = (desktop: Desktop) =>
  desktop.app.evaluate(({ BrowserWindow }) =>
    BrowserWindow.getAllWindows().map((window) => window.getTitle()),
  );

describe('opening a session', () => {
  it('takes the file of a second instance, relative to where that one was started', async () => {
    const path = recordedSession(ownedFolder(temporaryFolder()));
    const desktop = await start();
    expect(desktop.secondInstance([basename(path)], dirname(path))).toBe(0);
    await waitForHottest(desktop.page);
    await expectTrueShares(desktop.page);
    expect(await windows(desktop)).toEqual([`${basename(path)} – Emberscope`]);
  });

  it('takes a file:// URL from the command line', async () => {
    const path = recordedSession(ownedFolder(temporaryFolder()));
    const desktop = await start({ args: [`file://${path}`] });
    await waitForHottest(desktop.page);
  });

  it('says that an address is not opened', async () => {
    const desktop = await start({ args: ['sftp://host/x.ember'] });
    const alert = desktop.page.getByRole('alert').first();
    await alert.waitFor();
    expect(await alert.textContent()).toMatch(/sftp:\/\/host\/x\.ember: this is an address/);
  });

  it('says what is wrong with a file that is no session', async () => {
    const desktop = await start({ args: ['/etc/passwd'] });
    const alert = desktop.page.getByRole('alert').first();
    await alert.waitFor();
    expect(await alert.textContent()).toContain('/etc/passwd');
  });

  it('says what is wrong with a file that is not there', async () => {
    const desktop = await start({ args: ['/nowhere/x.ember'] });
    const alert = desktop.page.getByRole('alert').first();
    await alert.waitFor();
    expect(await alert.textContent()).toContain('/nowhere/x.ember');
  });
});

describe('the start page', () => {
  it('appears where XDG_DATA_HOME is set to nothing: the home folder is used', async () => {
    const home = ownedFolder(temporaryFolder());
    const env = { EMBERSCOPE_DATA: '', XDG_DATA_HOME: '', HOME: home };
    const desktop = await start({ env });
    await desktop.page.getByRole('status').first().waitFor();
    expect(existsSync(join(home, '.local/share/emberscope/recordings'))).toBe(true);
  });

  it('says why a user without privileges cannot record, and how to', async () => {
    const desktop = await start();
    const hint = desktop.page
      .getByRole('status')
      .filter({ hasText: 'Recording is not possible here' });
    await hint.waitFor();
    expect(await hint.textContent()).toMatch(/sudo/);
  });
});

describe('quitting during a recording', () => {
  it('finishes the file first', async () => {
    const dataFolder = ownedFolder(temporaryFolder());
    const desktop = await start({ capabilities: true, dataFolder });
    await recordWorkload(desktop.page);
    const workloads = workloadsOf(desktop);
    await desktop.close();
    for (const pid of workloads.filter(isAlive)) process.kill(pid);
    const next = await start({ dataFolder });
    const recent = next.page.getByRole('button', { name: /-workload\.ember/ }).first();
    await recent.click();
    await waitForHottest(next.page);
    expect(await next.page.getByText('This recording was interrupted.').count()).toBe(0);
  });
});

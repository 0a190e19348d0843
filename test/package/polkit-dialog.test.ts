import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectTrueShares,
  readDrawnFrames,
  sampleCount,
  startWorkload,
  waitForHottest,
  waitForSamples,
} from '../support/desktop-scenario.ts';
import { INSTALLED_DEMO, InstalledApp, waitingFor } from '../support/installed-app.ts';
import { OwnDisplay } from '../support/own-display.ts';
import { ADMIN_PASSWORD, PolkitMachine } from '../support/polkit-machine.ts';
import { childrenOf, descendantsOf, isAlive } from '../support/processes.ts';
import { simulateLogin } from '../support/simulated-login.ts';

/** Debian's own agent of the MATE desktop: the dialog that its users see. */
const AGENT = '/usr/libexec/polkit-mate-authentication-agent-1';
const DIALOG = /^Authenticate$/;
const RATE = 999;

/**
 * The whole way of a person with the installed app: he sits at the machine (in a simulated login, see there),
 * types an administrator's password into the desktop's own dialog, watches, saves, and opens it again.
 */
let polkit: PolkitMachine;
let display: OwnDisplay;
let app: InstalledApp;
beforeAll(async () => {
  polkit = await PolkitMachine.install();
  const { machine, users } = polkit;
  display = await OwnDisplay.start(machine, simulateLogin(machine, users.asking));
  machine.start([AGENT], display.user);
  app = await InstalledApp.start(machine, { user: display.user });
});
afterAll(async () => {
  await polkit[Symbol.asyncDispose]();
});

const saved = () => `${display.user.home}/saved by hand.ember`;

describe('recording in the installed app by the password of an administrator', () => {
  it('shows the genuine dialog, and that it waits for it', async () => {
    display.window(/^Emberscope$/);
    await startWorkload(app.page, { rate: RATE, program: INSTALLED_DEMO });
    const dialog = display.window(DIALOG);
    await waitingFor(app.page).waitFor();
    await display.focused(dialog);
    display.picture('test/artifacts/polkit-dialog.png');
  });

  it('asks again for a wrong password', async () => {
    display.type('not this one');
    display.press('Return');
    // The dialog says that it was wrong, and stays.
    await new Promise((done) => setTimeout(done, 3000));
    expect(display.has(DIALOG)).toBe(true);
    expect(app.helperPid()).toBeNull();
  });

  it('draws the program’s functions within 3 points of the truth while it records', async () => {
    display.type(ADMIN_PASSWORD);
    display.press('Return');
    await waitForHottest(app.page);
    await waitForSamples(app.page, 4 * RATE);
    expect(app.helperPid(), 'the recording still runs').not.toBeNull();
    await expectTrueShares(app.page);
    expect(display.has(DIALOG)).toBe(false);
  });

  it('updates at least twice a second', async () => {
    const seen = new Set<number>();
    const end = performance.now() + 3000;
    while (performance.now() < end) {
      seen.add(await sampleCount(app.page));
      await app.page.waitForTimeout(50);
    }
    expect(seen.size - 1).toBeGreaterThanOrEqual(6);
  });

  it('draws them the same after it stopped, with nothing lost', async () => {
    const helper = app.helperPid() ?? 0;
    display.press('ctrl+period');
    await expect.poll(() => isAlive(helper), { timeout: 30_000 }).toBe(false);
    await expectTrueShares(app.page);
    expect(await app.page.locator('#status-loss').textContent()).toMatch(/^0 lost/);
  });

  it('saves it where the person says in the desktop’s own dialog', async () => {
    display.press('ctrl+shift+s');
    await display.focused(display.window(/^Save session$/));
    display.press('ctrl+a');
    display.type(saved());
    // Out of the field, whose list of suggestions would take the next key.
    display.press('Tab');
    display.press('alt+s');
    await expect.poll(() => app.page.getByText(saved()).count()).toBeGreaterThan(0);
    display.window(/^saved by hand.ember – Emberscope$/);
  });

  it('opens it again without a helper, libbpf or a question, with identical totals', async () => {
    const { machine, users } = polkit;
    const drawn = await readDrawnFrames(app.page);
    const samples = await sampleCount(app.page);
    const file = `${users.denied.home}/given.ember`;
    machine.must(['install', '-o', users.denied.name, saved(), file]);
    await using viewer = await InstalledApp.start(machine, { user: users.denied, args: [file] });
    await waitForHottest(viewer.page);
    await expect.poll(() => readDrawnFrames(viewer.page)).toEqual(drawn);
    expect(await sampleCount(viewer.page)).toBe(samples);
    expect(childrenOf(viewer.enginePid() ?? 0), 'no helper was started').toEqual([]);
    const maps = descendantsOf(viewer.mainPid).map((pid) =>
      readFileSync(`/proc/${pid}/maps`, 'utf8'),
    );
    expect(maps.filter((text) => text.includes('libbpf'))).toEqual([]);
    expect(display.has(DIALOG)).toBe(false);
  });
});

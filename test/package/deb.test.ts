import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  expectTrueShares,
  readDrawnFrames,
  recordWorkload,
  sampleCount,
  waitForHottest,
  waitForSamples,
} from '../support/desktop-scenario.ts';
import { INSTALLED, INSTALLED_DEMO, InstalledApp, packages } from '../support/installed-app.ts';
import { PolkitMachine } from '../support/polkit-machine.ts';
import { commandLine, descendantsOf, isAlive, statusField } from '../support/processes.ts';
import type { Running, ThrowAwayMachine } from '../support/throw-away-machine.ts';
import { until } from '../support/until.ts';

const RATE = 999;

/** Its plain user may record, by a rule of its administrator. */
let polkit: PolkitMachine;
let machine: ThrowAwayMachine;
let recordings: string;
/** Looks at 200 MB for most of a minute: meanwhile the other tests run. */
let lintian: Running;
let lintianSaid = '';
beforeAll(async () => {
  const { deb } = packages();
  polkit = await PolkitMachine.create();
  ({ machine } = polkit);
  recordings = `${machine.user.home}/.local/share/emberscope`;
  // Without --force: its dependencies are here, and their names are right.
  machine.must(['dpkg', '--install', deb]);
  const check = ['--allow-root', '--fail-on', 'error,warning', '--tag-display-limit', '0', deb];
  lintian = machine.start(['lintian', ...check], 'root');
  for (const stream of [lintian.stdout, lintian.stderr]) {
    stream.on('data', (chunk: Buffer) => (lintianSaid += chunk.toString()));
  }
});
afterAll(async () => {
  await polkit[Symbol.asyncDispose]();
});

const asUser = { asUser: true };
/** The file that the machine's only recording made. */
function recordedFile(): string {
  const names = readdirSync(machine.path(recordings), { recursive: true, encoding: 'utf8' });
  const found = names.filter((name) => name.endsWith('.ember'));
  expect(found).toHaveLength(1);
  return join(recordings, found[0] ?? '');
}

const saved = () => `${machine.user.home}/my session.ember`;
/** What a file manager does: asks for the type's default application and starts its desktop entry. */
async function doubleClick(): Promise<void> {
  const opening = machine.start(['gio', 'open', saved()], 'user');
  expect(await once(opening, 'exit')).toEqual([0, null]);
}

describe('the installed deb', () => {
  it('has a desktop entry, AppStream metadata and a manual page without complaints', () => {
    const entry = '/usr/share/applications/emberscope.desktop';
    machine.must(['desktop-file-validate', entry]);
    expect(machine.must(['cat', entry])).toMatch(/^Exec=\S*emberscope %F$/m);
    const metainfo = '/usr/share/metainfo/emberscope.metainfo.xml';
    machine.must(['appstreamcli', 'validate', '--no-net', metainfo]);
    const page = machine.must(['man', '--where', 'emberscope'], asUser).trim();
    expect(page).toBe('/usr/share/man/man1/emberscope.1.gz');
    const shown = machine.run(['man', '--warnings', '--local-file', page], asUser);
    expect(shown.stderr).toBe('');
    expect(shown.stdout).toMatch(/emberscope symbolize .*<FILE>/);
  });

  it('belongs to root, and nobody else may write to it', () => {
    const list = machine.must(['dpkg', '--listfiles', 'emberscope']).trim().split('\n');
    const loose = machine.must([
      ...['find', ...list.filter((path) => path.includes('mberscope'))],
      ...['-maxdepth', '0', '!', '-type', 'l'],
      ...['(', '!', '-user', 'root', '-o', '!', '-group', 'root', '-o', '-perm', '/6022', ')'],
    ]);
    expect(loose).toBe('');
  });

  it('is the emberscope command, on the runtime of the app', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(machine.must(['emberscope', '--version'], asUser).trim()).toBe(version);
    const program = ['/bin/sh', '-c', 'echo "[$ELECTRON_RUN_AS_NODE]"'];
    const file = `${machine.user.home}/environment.ember`;
    const done = machine.must(['emberscope', 'record', '-q', '-o', file, '--', ...program]);
    expect(done, 'a recorded program is not told how ours was started').toContain('[]');
    expect(machine.must(['emberscope', 'report', file])).toContain('recorded');
    machine.must(['rm', file]);
  });

  it('completes commands, options and values in bash, zsh and fish', () => {
    const bash = `source /usr/share/bash-completion/completions/emberscope
      complete_line() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _emberscope; echo "\${COMPREPLY[@]}"; }
      complete_line emberscope rep; complete_line emberscope export --form
      complete_line emberscope record --unwind ''`;
    expect(machine.must(['bash', '-c', bash], asUser)).toBe('report\n--format\nauto eh fp\n');
    const fish = `complete -C 'emberscope rep'; complete -C 'emberscope export --form'`;
    expect(machine.must(['fish', '-c', fish], asUser)).toMatch(/^report\t.*\n--format\t/);
    const zsh = 'autoload -Uz compinit && compinit -u && print $_comps[emberscope]';
    const load =
      'autoload +X _emberscope && print -l ${${(f)functions[_emberscope]}[(R)*symbolize*]}';
    const [name, ...commands] = machine
      .must(['zsh', '-f', '-c', `${zsh}; ${load}`], asUser)
      .split('\n');
    expect(name).toBe('_emberscope');
    expect(commands.join(' ')).toContain('symbolize');
  });
});

describe('the installed app', () => {
  it('takes no NODE_OPTIONS on its runtime', () => {
    const hostile = ['env', 'ELECTRON_RUN_AS_NODE=1', 'NODE_OPTIONS=--require=/nowhere.js'];
    const script = ['-e', 'console.log("ran")'];
    expect(machine.must([...hostile, `${INSTALLED}/emberscope`, ...script], asUser)).toBe('ran\n');
  });

  it('opens no debugger of its main process for --inspect', async () => {
    await using app = await InstalledApp.start(machine, { args: ['--inspect=0'] });
    await app.page.getByRole('button', { name: 'Record a program' }).waitFor();
    expect(app.log()).not.toContain('Debugger listening');
  });

  it('records a program by polkit as a plain user and draws it within 3 points of the truth', async () => {
    await using app = await InstalledApp.start(machine);
    const { page } = app;
    await recordWorkload(page, { rate: RATE, program: INSTALLED_DEMO });
    await waitForSamples(page, 4 * RATE);
    await expectTrueShares(page);
    expect(app.helperPid(), 'the recording still runs').not.toBeNull();
    const pages = descendantsOf(app.mainPid).filter((pid) => statusField(pid, 'Seccomp') === '2');
    expect(pages.length, "Chromium's sandbox is on").toBeGreaterThan(0);
    await page.locator('button.button-stop').click();
    await expect.poll(() => app.helperPid(), { timeout: 30_000 }).toBeNull();
    await expectTrueShares(page);
    expect(await page.locator('#status-loss').textContent()).toMatch(/^0 lost/);
  });

  it('starts with the recording where a double click leads', async () => {
    machine.must(['cp', '--preserve', recordedFile(), saved()]);
    // Outside a desktop xdg-mime asks file(1), to which every SQLite database is the same.
    const type = ['env', 'XDG_CURRENT_DESKTOP=GNOME', 'xdg-mime', 'query', 'filetype', saved()];
    expect(machine.must(type, asUser).trim()).toBe('application/vnd.emberscope');
    machine.shareDisplay();
    await doubleClick();
    const window = ['xdotool', 'search', '--sync', '--onlyvisible', '--name', '^my session.ember'];
    const found = machine.must(['timeout', '30', ...window], asUser).trim();
    const pid = Number(machine.must(['xdotool', 'getwindowpid', found], asUser));
    expect(commandLine(pid)).toMatch(/^\/opt\/Emberscope\/emberscope .*my( |%20)session.ember$/);
    process.kill(pid, 'SIGTERM');
    await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
  });

  it('shows the recording in the window that is open, without privileges', async () => {
    await using app = await InstalledApp.start(machine);
    await doubleClick();
    await waitForHottest(app.page);
    await expectTrueShares(app.page);
    await expect.poll(() => app.page.getByText('my session.ember').count()).toBeGreaterThan(0);
    const report = JSON.parse(
      machine.must(['emberscope', 'report', saved(), '--json'], asUser),
    ) as {
      session: { sampleCount: number; state: string };
    };
    expect(report.session.state).toBe('complete');
    expect(await sampleCount(app.page)).toBe(report.session.sampleCount);
    expect((await readDrawnFrames(app.page)).length).toBeGreaterThan(5);
    await app.page.screenshot({ path: 'test/artifacts/package-double-click.png' });
  });

  it('knows a session by its contents, also under another name', () => {
    const unnamed = `${machine.user.home}/unnamed`;
    machine.must(['cp', recordedFile(), unnamed]);
    const type = ['gio', 'info', '--attributes=standard::content-type', unnamed];
    expect(machine.must(type, asUser)).toContain('application/vnd.emberscope');
    machine.must(['rm', unnamed]);
  });
});

describe('the deb', () => {
  it('passes lintian but for the exceptions that it lists with reasons', async () => {
    await until(() => lintian.exitCode !== null, 'the end of lintian', { timeoutMs: 110_000 });
    expect(lintianSaid).toBe('');
    expect(lintian.exitCode).toBe(0);
  });
});

describe('removing the deb', () => {
  it('works after it was installed over itself', () => {
    machine.must(['dpkg', '--install', packages().deb]);
    expect(machine.must(['emberscope', '--version'], asUser)).toMatch(/^\d/);
  });

  it('leaves the sessions of users, and nothing else', () => {
    // What AppArmor keeps of each profile, where the kernel has it: ours, and another's.
    const cache = '/var/cache/apparmor/26b63962.0';
    machine.must(['mkdir', '-p', cache]);
    machine.must(['touch', `${cache}/emberscope`, `${cache}/usr.bin.man`]);
    machine.must(['dpkg', '--purge', 'emberscope']);
    machine.must(['test', '-e', `${cache}/usr.bin.man`]);
    const left = machine.must(['find', '/etc', '/usr', '/opt', '/var', '-iname', '*emberscope*']);
    const outside = execFileSync(
      'find',
      ['/etc', '/usr', '/opt', '/var', '-iname', '*emberscope*'],
      {
        encoding: 'utf8',
      },
    );
    const known = new Set(outside.split('\n'));
    const own = left.split('\n').filter((path) => !known.has(path));
    expect(own.filter((path) => !path.startsWith(machine.user.home))).toEqual([]);
    expect(existsSync(machine.path(recordedFile()))).toBe(true);
    expect(machine.must(['xdg-mime', 'query', 'default', 'application/vnd.emberscope'])).toBe('');
  });
});

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sampleCount, waitForHottest } from '../support/desktop-scenario.ts';
import { InstalledApp, PLAIN, packages } from '../support/installed-app.ts';
import { ThrowAwayMachine } from '../support/throw-away-machine.ts';

let machine: ThrowAwayMachine;
let app: string;
beforeAll(async () => {
  const archive = packages()['tar.gz'];
  machine = await ThrowAwayMachine.create();
  // Anything but a backslash, which Node.js itself refuses in the path of a module.
  const folder = `${machine.user.home}/it's "here" 100% #é`;
  machine.must(['mkdir', folder], { asUser: true });
  machine.must(['tar', '-xzf', archive, '-C', folder, '--no-same-owner'], { asUser: true });
  const [top = ''] = machine.must(['ls', folder]).split('\n');
  app = `${folder}/${top}`;
});
afterAll(async () => {
  await machine[Symbol.asyncDispose]();
});

const asUser = { asUser: true };

describe('the unpacked tar.gz', () => {
  it('has one folder of its own, with a guide, licences, manual page and completions', () => {
    expect(app).toMatch(/\/emberscope-[\d.]+-linux-(x64|arm64)$/);
    const files = [
      'resources/apparmor-profile',
      'README.md',
      'COPYRIGHT',
      'LICENSES.chromium.html',
      'share/man/man1/emberscope.1.gz',
    ];
    const libbpf = [`${PLAIN}/dist/lib/libbpf.so.1`, `${PLAIN}/dist/lib/libbpf.so.1.copyright`];
    for (const file of [...files, ...libbpf]) {
      expect(existsSync(machine.path(join(app, file))), file).toBe(true);
    }
    const licence = machine.must(['cat', join(app, `${PLAIN}/dist/lib/libbpf.so.1.copyright`)]);
    expect(licence).toMatch(/LGPL-2\.1/);
  });

  it('brings the licences along that its files refer to, for systems without Debian’s', () => {
    const copyright = machine.must(['cat', join(app, 'COPYRIGHT')]);
    expect(copyright).not.toContain('common-licenses');
    const named = [...copyright.matchAll(/full text is in (\S+)\./g)].map(([, file]) => file ?? '');
    expect(named).toEqual(['LICENSE', 'LICENSE.GPL-2.txt']);
    const library = `${PLAIN}/dist/lib/libbpf.so.1`;
    const ofLibrary = machine.must(['cat', join(app, `${library}.copyright`)]);
    const others = [...ofLibrary.matchAll(/common-licenses\/([\w.-]*\w)/g)];
    const files = [...named, ...others.map(([, licence = '']) => `${library}.${licence}`)];
    for (const file of files) {
      const text = machine.must(['head', '--lines=3', join(app, file)]);
      expect(text, file).toMatch(/Apache License|GNU (LESSER )?GENERAL PUBLIC LICENSE/);
    }
  });

  it('is the emberscope command in whatever folder it lies', () => {
    const command = join(app, 'bin/emberscope');
    expect(machine.must([command, '--version'], asUser)).toMatch(/^\d+\.\d+\.\d+\n$/);
    machine.must(['ln', '-s', command, `${machine.user.home}/linked`], asUser);
    expect(machine.must([`${machine.user.home}/linked`, '--version'], asUser)).toMatch(/^\d/);
  });

  it('records with the libbpf that it carries where the system has none', () => {
    const find = ['find', '/usr/lib', '-name', 'libbpf.so*', '-delete'];
    machine.must([...find]);
    machine.must(['ldconfig']);
    const checks = machine.run([join(app, 'bin/emberscope'), 'doctor']);
    expect(checks.stdout).toMatch(/^ok +libbpf: v1\./m);
    const file = `${machine.user.home}/carried.ember`;
    const demo = join(app, PLAIN, 'dist/demo/workload');
    const record = ['record', '-q', '-F', '999', '-d', '2', '-o', file, '--', demo, '4'];
    machine.must([join(app, 'bin/emberscope'), ...record]);
    expect(machine.must([join(app, 'bin/emberscope'), 'report', file])).toContain('work_hot');
    machine.must(['chown', `${machine.user.name}:`, file]);
  });

  it('opens a session in its window', async () => {
    const file = `${machine.user.home}/carried.ember`;
    await using window = await InstalledApp.start(machine, {
      executable: join(app, 'emberscope'),
      args: [file],
    });
    await waitForHottest(window.page);
    const command = [join(app, 'bin/emberscope'), 'report', file, '--json'];
    const report = JSON.parse(machine.must(command, asUser)) as {
      session: { sampleCount: number };
    };
    await expect.poll(() => sampleCount(window.page)).toBe(report.session.sampleCount);
  });

  it('is opened by its own command line', async () => {
    const file = `${machine.user.home}/carried.ember`;
    machine.shareDisplay();
    const opening = machine.start([join(app, 'bin/emberscope'), 'open', file], 'user');
    const search = ['xdotool', 'search', '--sync', '--onlyvisible', '--name', '^carried.ember'];
    const found = machine.must(['timeout', '30', ...search], asUser).trim();
    const pid = Number(machine.must(['xdotool', 'getwindowpid', found], asUser));
    expect(execFileSync('readlink', [`/proc/${pid}/exe`], { encoding: 'utf8' }).trim()).toBe(
      join(app, 'emberscope'),
    );
    process.kill(pid, 'SIGTERM');
    await expect.poll(() => opening.exitCode, { timeout: 20_000 }).toBe(0);
  });
});

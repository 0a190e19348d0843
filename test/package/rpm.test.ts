import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INSTALLED_DEMO, packages } from '../support/installed-app.ts';
import { ThrowAwayMachine } from '../support/throw-away-machine.ts';

/** This machine is Debian's: rpm has no database there, and is told that it is meant. */
const RPM = ['rpm', '--dbpath', '/var/lib/ci-rpm'];
const HERE = ['--nodeps', '--force-debian'];

let machine: ThrowAwayMachine;
let before: ReadonlySet<string>;
beforeAll(async () => {
  machine = await ThrowAwayMachine.create();
  machine.must([...RPM, '--initdb']);
  // They belong to the package "filesystem" on rpm systems.
  machine.must(['mkdir', '-p', '/usr/share/zsh/site-functions', '/usr/share/licenses']);
  before = everything();
  machine.must([...RPM, ...HERE, '--install', packages().rpm]);
});
afterAll(async () => {
  await machine[Symbol.asyncDispose]();
});

/** Files and folders that installing may change, without rpm's own. */
function everything(): ReadonlySet<string> {
  const own = ['-path', '/var/lib/ci-rpm', '-prune', '-o'];
  const found = machine.must(['find', '/etc', '/usr', '/opt', '/var', ...own, '-print']);
  return new Set(found.split('\n'));
}

describe('the installed rpm', () => {
  it('is as it was packed, but for the mode of Chromium’s sandbox', () => {
    const changed = machine.run([...RPM, '--verify', '--nodeps', 'emberscope']).stdout;
    expect(changed.replace(/^\S+ +\/opt\/Emberscope\/chrome-sandbox\n/m, '')).toBe('');
  });

  it('is the emberscope command, and records', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(machine.must(['emberscope', '--version'], { asUser: true }).trim()).toBe(version);
    const file = `${machine.user.home}/rpm.ember`;
    const how = ['-q', '-F', '999', '-d', '2', '-o', file];
    machine.must(['emberscope', 'record', ...how, '--', INSTALLED_DEMO, '3']);
    expect(machine.must(['emberscope', 'report', file])).toContain('work_hot');
    machine.must(['rm', file]);
  });

  it('brings the licences along that its copyright file refers to', () => {
    const copyright = machine.must(['cat', '/usr/share/doc/emberscope/copyright']);
    expect(copyright).not.toContain('Debian systems');
    const places = [...copyright.matchAll(/full text is in (\S+)\./g)].map(
      ([, path]) => path ?? '',
    );
    expect(places).toHaveLength(2);
    expect(machine.must(['head', '--lines=3', ...places])).toMatch(/Apache License[^]*GNU GENERAL/);
    const marked = machine.must([...RPM, '--query', '--licensefiles', 'emberscope']);
    expect(marked.trim().split('\n').sort()).toEqual(places.sort());
  });

  it('works after it was installed over itself, and keeps what a group was allowed', () => {
    machine.must(['emberscope', 'install-helper', '--group', 'daemon']);
    machine.must([...RPM, ...HERE, '--upgrade', '--replacepkgs', packages().rpm]);
    machine.must(['test', '-e', '/usr/libexec/emberscope/emberscope-helper-caps']);
    expect(machine.must(['emberscope', '--version'], { asUser: true })).toMatch(/^\d/);
  });

  it('leaves nothing behind when it is removed', () => {
    machine.must([...RPM, '--erase', 'emberscope']);
    const after = everything();
    expect([...after].filter((path) => !before.has(path))).toEqual([]);
    // Its cache goes too, which this machine may have had before.
    const isCache = (path: string) => path.startsWith('/var/cache/emberscope');
    expect([...before].filter((path) => !after.has(path) && !isCache(path))).toEqual([]);
  });
});

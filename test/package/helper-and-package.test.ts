import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { packages } from '../support/installed-app.ts';
import { ThrowAwayMachine } from '../support/throw-away-machine.ts';

const COPY = '/usr/lib/emberscope';
const FOR_GROUP = '/usr/libexec/emberscope/emberscope-helper-caps';
const GROUP = 'daemon';

let machine: ThrowAwayMachine;
/** The command of an unpacked archive. */
let archive = '';
beforeEach(async () => {
  machine = await ThrowAwayMachine.create();
  machine.must(['tar', '-xzf', packages()['tar.gz'], '-C', '/opt', '--no-same-owner']);
  const [top = ''] = machine.must(['sh', '-c', 'cd /opt && echo emberscope-*']).trim().split(' ');
  archive = join('/opt', top, 'bin/emberscope');
});
afterEach(async () => {
  await machine[Symbol.asyncDispose]();
});

const installDeb = () =>
  machine.run(['dpkg', '--force-unsafe-io', '--install', packages().deb]).stderr;
const isThere = (path: string) => machine.run(['test', '-e', path]).status === 0;
/** Files of the deb that are gone or not as it brought them. */
const damage = () => machine.run(['dpkg', '--verify', 'emberscope']).stdout;

describe('the deb, on a machine where an archive has installed its helper', () => {
  it('takes the place of it and says that a group is to be allowed again', () => {
    machine.must([archive, 'install-helper', '--group', GROUP]);
    expect([isThere(COPY), isThere(FOR_GROUP)]).toEqual([true, true]);
    expect(installDeb()).toContain('emberscope install-helper --group GROUP');
    expect([isThere(COPY), isThere(FOR_GROUP)]).toEqual([false, false]);
    const said = machine.run(['emberscope', 'install-helper', '--group', GROUP]);
    expect(said).toMatchObject({ status: 0 });
    expect(said.stderr).toContain('The package has installed the helper.');
    expect(installDeb(), 'an upgrade keeps what it allowed').not.toContain('GROUP');
    expect([isThere(COPY), isThere(FOR_GROUP)]).toEqual([false, true]);
  });
});

describe('uninstall-helper', () => {
  it('keeps its hands off a package’s files, with a copy beside them or not', () => {
    installDeb();
    for (const command of ['emberscope', archive]) {
      machine.must(['mkdir', '-p', COPY]);
      expect(machine.run([command, 'uninstall-helper']).stderr).toContain('belongs to the package');
      expect(isThere(COPY)).toBe(false);
      expect(damage()).toBe('');
    }
  });
});

describe('install-helper of an archive', () => {
  it('leaves a package’s launchers where they are', () => {
    installDeb();
    expect(machine.run([archive, 'install-helper']).stderr).toContain('The package has installed');
    expect(isThere(COPY)).toBe(false);
    expect(damage()).toBe('');
  });
});

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PLAIN, packages } from '../support/installed-app.ts';
import type { MachineUser } from '../support/machine-user.ts';
import { PolkitMachine } from '../support/polkit-machine.ts';

/** What `install-helper` makes, all told. */
const MADE = [
  '/usr/lib/emberscope',
  '/usr/libexec/emberscope',
  '/usr/share/polkit-1/actions/org.emberscope.policy',
];
const LAUNCHER = '/usr/libexec/emberscope/emberscope-helper-caps';
const GROUP = 'ci-profilers';
const PERMISSION = 3;

let polkit: PolkitMachine;
let app = '';
beforeAll(async () => {
  polkit = await PolkitMachine.create();
  const { machine } = polkit;
  machine.must(['tar', '-xzf', packages()['tar.gz'], '-C', '/opt', '--no-same-owner']);
  app = `/opt/${
    machine
      .must(['ls', '/opt'])
      .trim()
      .split('\n')
      .find((name) => name.startsWith('emberscope-')) ?? ''
  }`;
});
afterAll(async () => {
  await polkit[Symbol.asyncDispose]();
});

const command = (...args: readonly string[]) => [join(app, 'bin/emberscope'), ...args];
const fileOf = (user: MachineUser) => `${user.home}/session.ember`;
function record(user: MachineUser, ...target: readonly string[]) {
  const how = ['record', '--quiet', '--force', '--duration', '1', '--output', fileOf(user)];
  return polkit.machine.run(command(...how, ...target), { asUser: user });
}
const recordDemo = (user: MachineUser) =>
  record(user, '--', join(app, PLAIN, 'dist/demo/workload'), '3');

describe('emberscope install-helper, of an unpacked archive', () => {
  it('is for root alone', () => {
    const refused = polkit.machine.run(command('install-helper'), { asUser: polkit.users.admin });
    expect(refused.status).toBe(PERMISSION);
    expect(refused.stderr).toContain('sudo emberscope install-helper');
  });

  it('is what a recording without it asks for', () => {
    const { status, stderr } = recordDemo(polkit.users.allowed);
    expect(status).toBe(PERMISSION);
    expect(stderr).toContain('Install it once with "sudo emberscope install-helper"');
  });

  it('makes copies that only root can change', () => {
    const { machine } = polkit;
    machine.must(command('install-helper'));
    const changeable = ['(', '!', '-user', 'root', '-o', '-perm', '/022', '-o', '-type', 'l', ')'];
    expect(machine.must(['find', ...MADE, ...changeable])).toBe('');
    expect(machine.must(['find', ...MADE, '-perm', '/7000'])).toBe('');
  });

  it('lets users record as polkit says', () => {
    const { allowed, ownOnly, denied } = polkit.users;
    expect(recordDemo(allowed)).toMatchObject({ status: 0, stderr: '' });
    expect(recordDemo(ownOnly)).toMatchObject({ status: 0, stderr: '' });
    expect(record(ownOnly, '--all').status).toBe(PERMISSION);
    expect(recordDemo(denied).stderr).toContain('Recording was not authorized');
    const report = polkit.machine.must(command('report', fileOf(allowed)), { asUser: allowed });
    expect(report).toContain('work_hot');
  });

  it('with a group lets its members record everything without being asked, and nobody else', () => {
    const { machine, users } = polkit;
    expect(machine.run(command('install-helper', '--group', GROUP)).stderr).toContain('no group');
    machine.must(['groupadd', '--system', GROUP]);
    machine.must(['usermod', '--append', '--groups', GROUP, users.asking.name]);
    machine.must(command('install-helper', '--group', GROUP));
    expect(machine.must(['stat', '--format', '%U:%G %a', LAUNCHER]).trim()).toBe(
      `root:${GROUP} 710`,
    );
    expect(record(users.asking, '--all')).toMatchObject({ status: 0, stderr: '' });
    expect(record(users.denied, '--all').status).toBe(PERMISSION);
  });

  it('is undone by uninstall-helper', () => {
    const { machine, users } = polkit;
    machine.must(command('uninstall-helper'));
    for (const path of MADE) expect(machine.run(['test', '-e', path]).status, path).toBe(1);
    expect(record(users.asking, '--all').status).toBe(PERMISSION);
    machine.must(command('report', fileOf(users.asking)), { asUser: users.asking });
  });
});

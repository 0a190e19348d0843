import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MachineUser } from './machine-user.ts';
import { firstLine, ThrowAwayMachine } from './throw-away-machine.ts';

/** The administrator's. */
export const ADMIN_PASSWORD = 'ci-Password-1';
/** Where an administrator puts his own answers. */
const RULES = '/etc/polkit-1/rules.d/00-emberscope-test.rules';
const ACTIONS = '/^org\\.emberscope\\./';
/** polkitd is asked for its version until it answers, so long, ms. */
const PATIENCE_MS = 10_000;

/** Users by what polkit answers when they want to record. */
export interface PolkitUsers {
  /** May, by a rule. */
  readonly allowed: MachineUser;
  /** May not, by a rule. */
  readonly denied: MachineUser;
  /** May if an administrator's password is given: the policy file's own answer. */
  readonly asking: MachineUser;
  /** Whose password it is. */
  readonly admin: MachineUser;
}

/**
 * A throw-away machine with a message bus, polkitd and pkexec of its own: the real programs, with users and
 * rules that are nobody's outside. There is no logind: to polkit nobody is at the machine (allow_any
 * applies), unless a login is simulated (simulated-login.ts).
 */
export class PolkitMachine implements AsyncDisposable {
  readonly machine: ThrowAwayMachine;
  readonly users: PolkitUsers;

  private constructor(machine: ThrowAwayMachine, users: PolkitUsers) {
    this.machine = machine;
    this.users = users;
  }

  static async create(): Promise<PolkitMachine> {
    const machine = await ThrowAwayMachine.create();
    const users = {
      allowed: machine.addUser('ci-allowed'),
      denied: machine.addUser('ci-denied'),
      asking: machine.addUser('ci-asking'),
      admin: machine.addUser('ci-admin', { groups: ['sudo'], password: ADMIN_PASSWORD }),
    };
    const made = new PolkitMachine(machine, users);
    writeFileSync(machine.path(RULES), rules(users), { mode: 0o644 });
    await made.#startAuthority();
    return made;
  }

  /** The bus has to be where setuid programs look for it. */
  async #startAuthority(): Promise<void> {
    this.machine.must(['dbus-uuidgen', '--ensure']);
    const bus = [
      'dbus-daemon',
      '--system',
      '--nofork',
      '--nopidfile',
      '--nosyslog',
      '--print-address',
    ];
    await firstLine(this.machine.start(bus, 'root'));
    const authority = this.machine.start(['/usr/lib/polkit-1/polkitd', '--no-debug'], 'root');
    const end = performance.now() + PATIENCE_MS;
    // --action-id of something that is always there: the list alone is read from files.
    const ask = ['pkcheck', '--action-id', 'org.freedesktop.policykit.exec', '--process'];
    while (![0, 1, 2, 3].includes(this.machine.run([...ask, String(process.pid)]).status ?? -1)) {
      if (performance.now() > end || authority.exitCode !== null) {
        throw new Error('polkitd does not answer');
      }
      await sleep(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
  }
}

/** As an administrator would write them. The last names whom dialogs ask for, whoever else is in group sudo. */
const rules = ({ allowed, denied, admin }: PolkitUsers): string => `
polkit.addRule(function (action, subject) {
  if (!${ACTIONS}.test(action.id)) return polkit.Result.NOT_HANDLED;
  if (subject.user == "${allowed.name}") return polkit.Result.YES;
  if (subject.user == "${denied.name}") return polkit.Result.NO;
  return polkit.Result.NOT_HANDLED;
});
polkit.addAdminRule(function () { return ["unix-user:${admin.name}"]; });
`;

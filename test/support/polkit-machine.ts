import { writeFileSync } from 'node:fs';
import { packages } from './installed-app.ts';
import type { MachineUser } from './machine-user.ts';
import { firstLine, ThrowAwayMachine } from './throw-away-machine.ts';
import { until } from './until.ts';

/** Recording what is the user's own, and everything; and what polkit starts for them. */
export const OWN_ACTION = 'org.emberscope.record-own';
export const SYSTEM_ACTION = 'org.emberscope.record-system';
export const OWN_LAUNCHER = '/usr/libexec/emberscope/emberscope-helper-own';
export const SYSTEM_LAUNCHER = '/usr/libexec/emberscope/emberscope-helper-system';

/** The administrator's. */
export const ADMIN_PASSWORD = 'ci-Password-1';
/** Where an administrator puts his own answers. */
const RULES = '/etc/polkit-1/rules.d/00-ci.rules';
const ACTIONS = '/^org\\.emberscope\\./';

/** Users by what polkit answers when they want to record. */
export interface PolkitUsers {
  /** The machine's plain user: may, by a rule. */
  readonly allowed: MachineUser;
  /** May record what is his, by a rule; for more he is asked. */
  readonly ownOnly: MachineUser;
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
  /** The system's log so far. */
  readonly log: () => string;

  private constructor(machine: ThrowAwayMachine, users: PolkitUsers) {
    this.machine = machine;
    this.users = users;
    this.log = systemLog(machine);
  }

  static async create(): Promise<PolkitMachine> {
    const machine = await ThrowAwayMachine.create();
    const users = {
      allowed: machine.user,
      ownOnly: machine.addUser('ci-own'),
      denied: machine.addUser('ci-denied'),
      asking: machine.addUser('ci-asking'),
      admin: machine.addUser('ci-admin', { groups: ['sudo'], password: ADMIN_PASSWORD }),
    };
    const made = new PolkitMachine(machine, users);
    writeFileSync(machine.path(RULES), rules(users), { mode: 0o644 });
    await made.#startAuthority();
    return made;
  }

  /** Such a machine with Emberscope's deb. */
  static async install(): Promise<PolkitMachine> {
    const made = await PolkitMachine.create();
    // Nothing of it need survive a loss of power.
    made.machine.must(['dpkg', '--force-unsafe-io', '--install', packages().deb]);
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
    // Whatever the answer is, it is one.
    const ask = ['pkcheck', '--action-id', 'org.freedesktop.policykit.exec', '--process'];
    const answers = () => {
      if (authority.exitCode !== null) throw new Error('polkitd ended');
      const { status } = this.machine.run([...ask, String(process.pid)]);
      return [0, 1, 2, 3].includes(status ?? -1);
    };
    await until(answers, 'an answer of polkitd');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
  }
}

/** Keeps what programs tell syslog(3). */
function systemLog(machine: ThrowAwayMachine): () => string {
  let text = '';
  const daemon = machine.start(['busybox', 'syslogd', '-n', '-S', '-O', '-'], 'root');
  daemon.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return () => text;
}

/** As an administrator would write them. The last names whom dialogs ask for, whoever else is in group sudo. */
const rules = ({ allowed, ownOnly, denied, admin }: PolkitUsers): string => `
polkit.addRule(function (action, subject) {
  if (!${ACTIONS}.test(action.id)) return polkit.Result.NOT_HANDLED;
  if (subject.user == "${allowed.name}") return polkit.Result.YES;
  if (subject.user == "${ownOnly.name}" && action.id == "${OWN_ACTION}") return polkit.Result.YES;
  if (subject.user == "${denied.name}") return polkit.Result.NO;
  return polkit.Result.NOT_HANDLED;
});
polkit.addAdminRule(function () { return ["unix-user:${admin.name}"]; });
`;

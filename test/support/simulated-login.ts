import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import type { MachineUser } from './machine-user.ts';
import type { ThrowAwayMachine } from './throw-away-machine.ts';

/** Where control groups are: in one tree, or, on machines with the old kind too, in a part of it. */
const TREES = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'];
/** The only session there is. */
export const SESSION = 'c1';

/**
 * Makes polkit and its agents believe that a user sits at the machine in an active graphical session, so
 * that allow_active applies and desktop agents start. This SIMULATES logind, it is none: libsystemd, which
 * polkit asks, reads a process's control group and the files below /run/systemd, and both are made by hand.
 * Returns the user as he is in that session: what is run as him belongs to it.
 */
export function simulateLogin(machine: ThrowAwayMachine, user: MachineUser): MachineUser {
  const { uid, name } = user;
  const facts = ['ACTIVE=1', 'STATE=active', 'REMOTE=0', 'TYPE=x11', 'CLASS=user', 'SEAT=seat0'];
  const write = (path: string, lines: readonly string[]) => {
    const folder = path.slice(0, path.lastIndexOf('/'));
    machine.must(['mkdir', '-p', '-m', '0755', folder]);
    writeFileSync(machine.path(path), `${lines.join('\n')}\n`, { mode: 0o644 });
  };
  write(`/run/systemd/sessions/${SESSION}`, [`UID=${uid}`, `USER=${name}`, ...facts]);
  write(`/run/systemd/users/${uid}`, [
    ...[`NAME=${name}`, 'STATE=active', `DISPLAY=${SESSION}`],
    ...[`SESSIONS=${SESSION}`, `ACTIVE_SESSIONS=${SESSION}`, 'SEATS=seat0', 'ACTIVE_SEATS=seat0'],
  ]);
  write('/run/systemd/seats/seat0', [
    ...['IS_SEAT0=1', 'CAN_GRAPHICAL=1', `ACTIVE=${SESSION}`, `ACTIVE_UID=${uid}`],
    ...[`SESSIONS=${SESSION}`, `UIDS=${uid}`],
  ]);
  const members = `${controlGroup(machine, uid)}/cgroup.procs`;
  const entrance = ['sh', '-c', `echo $$ >${members} && exec "$@"`, 'sh'];
  return { ...user, entrance, env: { XDG_SESSION_ID: SESSION, XDG_SEAT: 'seat0' } };
}

/** The session's control group. Unlike the rest of the machine it is a real one. */
function controlGroup(machine: ThrowAwayMachine, uid: number): string {
  const tree = TREES.find((path) => existsSync(`${path}/cgroup.procs`));
  if (tree === undefined) throw new Error(`There are no control groups below ${TREES.join(', ')}.`);
  let folder = tree;
  const made: string[] = [];
  for (const part of ['user.slice', `user-${uid}.slice`, `session-${SESSION}.scope`]) {
    folder = `${folder}/${part}`;
    if (existsSync(folder)) continue;
    mkdirSync(folder);
    made.unshift(folder);
  }
  for (const path of made) machine.removeAtEnd(path);
  return folder;
}

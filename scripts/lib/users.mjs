import { chmodSync, chownSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { ROOT } from './paths.mjs';
import { capture, which } from './run.mjs';
import { SetupError, say } from './say.mjs';

/** The user the window runs as when root has no other: it owns nothing but its home. */
export const APP_USER = 'emberscope';

/** @typedef {{ name: string, uid: number, gid: number, home: string }} User */

/**
 * What a live capture may need, as setpriv spells it, with its number in linux/capability.h.
 * bpf, perfmon: load and attach; the others: look into processes and kernel symbols.
 */
const CAPTURE_CAPABILITIES = {
  bpf: 39,
  perfmon: 38,
  sys_ptrace: 19,
  dac_read_search: 2,
  syslog: 34,
};

/** Effective capabilities of this process, a bit set. */
function effectiveCapabilities() {
  const hex =
    /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return BigInt(`0x${hex}`);
}

/** @param {number} capability */
const has = (capability) => ((effectiveCapabilities() >> BigInt(capability)) & 1n) === 1n;

/** Whether a program started from here could record live. */
export const canCapture = () => has(CAPTURE_CAPABILITIES.bpf) && has(CAPTURE_CAPABILITIES.perfmon);

/** @param {string} nameOrId @returns {User | null} */
export function findUser(nameOrId) {
  const fields = capture('getent', ['passwd', nameOrId]).stdout.trim().split(':');
  const [name, , uid, gid, , home] = fields;
  if (name === undefined || home === undefined) return null;
  return { name, uid: Number(uid), gid: Number(gid), home };
}

/** Root only: the dedicated user, made on demand. */
export function ensureAppUser() {
  const user = findUser(APP_USER);
  if (user !== null) return user;
  const useradd = which('useradd') ?? 'useradd';
  const made = capture(useradd, [
    ...['--system', '--user-group', '--create-home', '--home-dir', `/var/lib/${APP_USER}`],
    ...['--shell', '/bin/sh', '--comment', 'Emberscope window', APP_USER],
  ]);
  const created = findUser(APP_USER);
  if (created === null) {
    throw new SetupError(
      `The user '${APP_USER}', as which the window runs, could not be made: ${made.stderr.trim()}`,
      `Make it yourself: useradd --system --create-home --home-dir /var/lib/${APP_USER} ${APP_USER}`,
    );
  }
  say(`✓ made the system user '${APP_USER}': the window runs as it, not as root`);
  return created;
}

/** Root only: the person who called sudo, else the dedicated user. */
export function unprivilegedUser() {
  const caller = process.env['SUDO_UID'] ?? process.env['PKEXEC_UID'];
  const user = caller !== undefined && caller !== '0' ? findUser(caller) : null;
  return user ?? ensureAppUser();
}

/**
 * The command prefix that turns root into `user`, optionally keeping what a live capture needs.
 * Only a program started directly inherits ambient capabilities; Chromium's sandboxed pages have none.
 * @param {User} user
 * @param {boolean} withCapabilities
 */
export function setprivArgs(user, withCapabilities) {
  const kept = withCapabilities
    ? Object.entries(CAPTURE_CAPABILITIES).filter(([, number]) => has(number))
    : [];
  const set = ['-all', ...kept.map(([name]) => `+${name}`)].join(',');
  return [
    which('setpriv') ?? 'setpriv',
    ...[`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups'],
    ...[`--inh-caps=${set}`, `--ambient-caps=${set}`],
  ];
}

/**
 * The user's runtime folder (0700), which Chromium and D-Bus expect.
 * @param {User} user
 */
export function runtimeFolder(user) {
  const usual = `/run/user/${user.uid}`;
  if (statSync(usual, { throwIfNoEntry: false })?.uid === user.uid) return usual;
  const own = `/run/${APP_USER}-${user.uid}`;
  mkdirSync(own, { recursive: true, mode: 0o700 });
  chownSync(own, user.uid, user.gid);
  chmodSync(own, 0o700);
  return own;
}

/** Spawn options that make root act as the checkout's owner; nothing for anyone else. */
export function asCheckoutOwner() {
  const { uid, gid } = statSync(ROOT);
  if (process.getuid?.() !== 0 || uid === 0) return {};
  const home = findUser(String(uid))?.home ?? '/';
  return { uid, gid, env: { ...process.env, HOME: home } };
}

import { chownSync, copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { inRoot, ROOT } from './paths.mjs';
import { capture, which } from './run.mjs';
import { SetupError } from './say.mjs';
import { APP_USER, canCapture, runtimeFolder, setprivArgs, unprivilegedUser } from './users.mjs';

/** @typedef {import('./users.mjs').User} User */
/** @typedef {{ command: string, args: string[], env: NodeJS.ProcessEnv, cwd: string }} Launch */

/** Where a checkout that the window's user cannot read is shown to it. */
const MOUNT_POINT = `/run/${APP_USER}-checkout`;

/**
 * How to start the app. Root never runs Chromium itself (its sandbox would have to be off): the window
 * belongs to a plain user, and what live recording needs is inherited as ambient capabilities by the
 * engine and its helper, not by the pages.
 * @param {import('../electron-runtime.mjs').ElectronRuntime} runtime
 * @param {readonly string[]} args
 * @returns {Launch}
 */
export function appLaunch(runtime, args) {
  if (process.getuid?.() !== 0) {
    return {
      command: runtime.executable,
      args: [ROOT, ...args],
      env: process.env,
      cwd: process.cwd(),
    };
  }
  const user = unprivilegedUser();
  const prefix = setprivArgs(user, canCapture());
  const view = readableView(user, runtime);
  const [command = '', ...rest] = [...view.prefix, ...prefix, view.executable, view.root];
  // The user's own folder need not be ours: names are resolved here.
  const files = args.map((arg) =>
    arg.startsWith('-') || /^file:/i.test(arg) ? arg : resolve(arg),
  );
  return { command, args: [...rest, ...files], env: environmentOf(user), cwd: '/' };
}

/**
 * Paths under which `user` can read the checkout. Below /root it cannot: then the checkout is shown at
 * another place, in a mount namespace that only the app lives in.
 * @param {User} user
 * @param {import('../electron-runtime.mjs').ElectronRuntime} runtime
 */
function readableView(user, runtime) {
  const direct = { prefix: [], root: ROOT, executable: runtime.executable };
  if (canRead(user, [], [inRoot('dist/app/main.js'), runtime.executable])) return direct;
  const inside = runtime.executable.startsWith(`${ROOT}/`);
  const prefix = bindMount();
  const moved = join(MOUNT_POINT, runtime.executable.slice(ROOT.length));
  const shown = [join(MOUNT_POINT, 'dist/app/main.js'), moved];
  if (inside && canRead(user, prefix, shown))
    return { prefix, root: MOUNT_POINT, executable: moved };
  throw new SetupError(
    `The user '${user.name}', as which the window runs, cannot read this checkout (${ROOT}).`,
    `Make it readable: chmod -R a+rX '${ROOT}'\nor move it to a folder others may enter, such as /opt.`,
  );
}

/** The command prefix that shows the checkout at MOUNT_POINT to what follows, and to nothing else. */
export function bindMount() {
  mkdirSync(MOUNT_POINT, { recursive: true, mode: 0o755 });
  return [
    which('unshare') ?? 'unshare',
    ...['--mount', '--propagation', 'private', '/bin/sh', '-c'],
    ...[`mount --bind "$0" "${MOUNT_POINT}" && exec "$@"`, ROOT],
  ];
}

/**
 * @param {User} user
 * @param {readonly string[]} prefix
 * @param {readonly string[]} paths
 */
export function canRead(user, prefix, paths) {
  const test = paths.map((path) => `test -r '${path.replaceAll("'", "'\\''")}'`).join(' && ');
  const [command = '', ...args] = [...prefix, ...setprivArgs(user, false), '/bin/sh', '-c', test];
  return capture(command, args, { cwd: '/' }).status === 0;
}

export { MOUNT_POINT };

/**
 * Root's environment, made the user's: home, runtime folder and the right to the display.
 * @param {User} user
 */
function environmentOf(user) {
  const runtime = runtimeFolder(user);
  /** @type {NodeJS.ProcessEnv} */
  const env = {
    ...process.env,
    ...{ HOME: user.home, USER: user.name, LOGNAME: user.name, XDG_RUNTIME_DIR: runtime },
  };
  for (const name of ['XDG_DATA_HOME', 'XDG_CONFIG_HOME', 'XDG_CACHE_HOME', 'XDG_STATE_HOME']) {
    delete env[name]; // Root's folders.
  }
  delete env['DBUS_SESSION_BUS_ADDRESS']; // Root's bus; the user's own has a fixed place.
  const bus = join(runtime, 'bus');
  if (existsSync(bus)) env['DBUS_SESSION_BUS_ADDRESS'] = `unix:path=${bus}`;
  if (env['WAYLAND_DISPLAY'] === undefined && existsSync(join(runtime, 'wayland-0'))) {
    env['WAYLAND_DISPLAY'] = 'wayland-0';
  }
  const cookie = env['XAUTHORITY'] ?? join(homedir(), '.Xauthority');
  const readable = existsSync(cookie) && statSync(cookie).uid === user.uid;
  if (!readable && existsSync(cookie)) {
    // Without the cookie the X server would refuse the other user; `xhost` would let in more than it.
    const copy = join(runtime, 'emberscope-xauthority');
    copyFileSync(cookie, copy);
    chownSync(copy, user.uid, user.gid);
    env['XAUTHORITY'] = copy;
  }
  return env;
}

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { printable } from '#shared/text/printable-text.ts';
import {
  CAPABLE_LAUNCHER,
  LAUNCHER_FOLDER,
  LAUNCHERS,
  PKEXEC,
  POLICY,
} from '../../elevate/layout.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { COPY_FOLDER, copyHelper, distFolder } from '../helper-files.ts';
import { log } from '../terminal.ts';

/** What a launcher for a group is given: it passes no more on (main/helper/launcher). */
const CAPABILITIES = 'cap_bpf,cap_perfmon,cap_syslog,cap_sys_ptrace,cap_dac_read_search+p';

/**
 * Makes recording by password possible from a checkout or an unpacked archive, or, with a group, by its
 * members without one. A package has done the first itself.
 */
export function runInstallHelper(options: { readonly group?: string }): ExitCode {
  if (!isRoot('install-helper')) return EXIT.permission;
  const gid = options.group === undefined ? null : groupId(options.group);
  if (gid === undefined) {
    log.line(`emberscope: there is no group "${printable(options.group ?? '')}"`);
    log.line(`  Make it first: groupadd --system ${printable(options.group ?? '')}`);
    return EXIT.usage;
  }
  process.umask(0o022);
  const packaged = isPackaged();
  const launchers = join(distFolder(), 'launcher', packaged ? 'package' : 'copy');
  if (packaged) log.line('The package has installed the helper.');
  else installCopy(launchers);
  if (gid !== null && !installForGroup(launchers, gid, options.group ?? '')) return EXIT.failed;
  if (!existsSync(PKEXEC)) {
    log.line(
      'pkexec is missing: install it (apt install pkexec polkitd, or dnf install polkit) to be asked for a password.',
    );
  }
  return EXIT.ok;
}

/** Takes away all that runInstallHelper() brought; what a package brought is the package's. */
export function runUninstallHelper(): ExitCode {
  if (!isRoot('uninstall-helper')) return EXIT.permission;
  rmSync(CAPABLE_LAUNCHER, { force: true });
  rmSync(COPY_FOLDER, { recursive: true, force: true });
  if (isPackaged()) {
    log.line('The helper belongs to the package and goes with it.');
    return EXIT.ok;
  }
  for (const path of [...Object.values(LAUNCHERS), POLICY]) rmSync(path, { force: true });
  if (existsSync(LAUNCHER_FOLDER) && readdirSync(LAUNCHER_FOLDER).length === 0) {
    rmdirSync(LAUNCHER_FOLDER);
  }
  log.line('The helper is gone. Recorded sessions stay where they are.');
  return EXIT.ok;
}

function isRoot(command: string): boolean {
  if (process.geteuid?.() === 0) return true;
  log.line(`emberscope: only root can do that: sudo emberscope ${command}`);
  return false;
}

/**
 * Whether the launchers here are a package's: by what is compiled into them, for a copy may have been left behind
 * by an archive that was used before, and an archive may be used beside a package.
 */
const isPackaged = (): boolean =>
  existsSync(LAUNCHERS.system) && !readFileSync(LAUNCHERS.system).includes(`${COPY_FOLDER}/`);

function installCopy(launchers: string): void {
  // The old copy stays whole until the new one is: a recording may start at any moment.
  const fresh = `${COPY_FOLDER}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  copyHelper(fresh);
  closeToOthers(fresh);
  rmSync(COPY_FOLDER, { recursive: true, force: true });
  renameSync(fresh, COPY_FOLDER);
  for (const [scope, path] of Object.entries(LAUNCHERS)) {
    place(join(launchers, `emberscope-helper-${scope}`), path, 0o755);
  }
  place(join(distFolder(), 'launcher', 'org.emberscope.policy'), POLICY, 0o644);
  log.line(`The helper is installed: ${COPY_FOLDER}, ${LAUNCHER_FOLDER}, ${POLICY}.`);
  log.line('Recording now asks for a password. "emberscope uninstall-helper" takes it away again.');
}

/** A copy may be run, and looked at, by everybody; changed by root alone. */
function closeToOthers(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    chownSync(path, 0, 0);
    chmodSync(path, entry.isDirectory() || isProgram(entry.name) ? 0o755 : 0o644);
  }
}

const isProgram = (name: string): boolean => name === 'emberscope-runtime';

/** By a new file under another name: one that runs cannot be overwritten. */
function place(from: string, to: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true });
  const fresh = `${to}.new`;
  rmSync(fresh, { force: true });
  copyFileSync(from, fresh);
  chownSync(fresh, 0, 0);
  chmodSync(fresh, mode);
  renameSync(fresh, to);
}

function installForGroup(launchers: string, gid: number, group: string): boolean {
  place(join(launchers, 'emberscope-helper-caps'), CAPABLE_LAUNCHER, 0o700);
  chownSync(CAPABLE_LAUNCHER, 0, gid);
  const given = spawnSync('setcap', [CAPABILITIES, CAPABLE_LAUNCHER], { encoding: 'utf8' });
  if (given.status !== 0) {
    rmSync(CAPABLE_LAUNCHER);
    const reason = given.error?.message ?? given.stderr.trim();
    log.line(`emberscope: file capabilities cannot be set here: ${printable(reason)}`);
    log.line(
      '  Is setcap installed (apt install libcap2-bin, or dnf install libcap), and /usr not mounted with nosuid?',
    );
    return false;
  }
  // Only now: before, it would be a launcher without its capabilities.
  chmodSync(CAPABLE_LAUNCHER, 0o710);
  log.line(`Members of the group ${printable(group)} can record everything, without a password.`);
  return true;
}

/** undefined: there is no such group. */
function groupId(name: string): number | undefined {
  const found = spawnSync('getent', ['group', '--', name], { encoding: 'utf8' });
  const gid = found.stdout.split(':')[2];
  return gid === undefined ? undefined : Number(gid);
}

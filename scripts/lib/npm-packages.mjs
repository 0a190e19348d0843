import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inRoot, ROOT } from './paths.mjs';
import { run, which } from './run.mjs';
import { SetupError, step } from './say.mjs';

/**
 * @typedef {{ version?: string, optional?: boolean }} LockEntry
 * @typedef {{ packages: Record<string, LockEntry> }} Lock
 */

/** Compiled or downloaded by an install script, so a lock file cannot vouch for it. */
const SQLITE_BINDING = 'node_modules/sqlite3/build/Release/node_sqlite3.node';

/**
 * Not `npm ci`: it refuses a lock file that does not list the binaries of every other platform, and it
 * would compile SQLite again for every change. Versions and hashes come from the lock file either way.
 */
const QUIETLY = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
/** npm's own patience with an unreachable registry is minutes of silence. */
const PATIENCE = [
  '--fetch-retries=2',
  '--fetch-retry-mintimeout=2000',
  '--fetch-retry-maxtimeout=5000',
];

/** Whether node_modules is what package-lock.json says: npm keeps its own copy of the lock inside. */
export function areNpmPackagesInstalled() {
  const installedPath = inRoot('node_modules/.package-lock.json');
  if (!existsSync(installedPath) || !existsSync(inRoot(SQLITE_BINDING))) return false;
  /** @type {Lock} */
  const wanted = JSON.parse(readFileSync(inRoot('package-lock.json'), 'utf8'));
  /** @type {Lock} */
  const installed = JSON.parse(readFileSync(installedPath, 'utf8'));
  return Object.entries(wanted.packages).every(
    ([path, entry]) =>
      path === '' || entry.optional === true || installed.packages[path]?.version === entry.version,
  );
}

export async function ensureNpmPackages() {
  if (areNpmPackagesInstalled()) return;
  if (which('npm') === null) {
    throw new SetupError(
      'npm is not installed.',
      'Install Node.js 20.17 or newer together with npm.',
    );
  }
  const status = await step(
    'npm packages (the SQLite module is compiled if no ready-made one can be fetched: about 2 minutes)',
    () =>
      run('npm', ['install', ...QUIETLY, ...PATIENCE], {
        cwd: ROOT,
        env: { ...process.env, ...nodeHeaders() },
      }),
  );
  if (status !== 0 || !areNpmPackagesInstalled()) {
    throw new SetupError(
      `npm install ended with code ${status}; its own words are above.`,
      'Is the npm registry reachable (npm ping)? Then run: npm install --no-save',
    );
  }
}

/** Headers that came with this Node.js spare node-gyp a download. */
function nodeHeaders() {
  const prefix = join(process.execPath, '..', '..');
  return existsSync(join(prefix, 'include', 'node', 'node_version.h'))
    ? { npm_config_nodedir: prefix }
    : {};
}

#!/usr/bin/env node
// Checks and installs what Emberscope needs: system packages, npm packages, a build.
//
//   node scripts/setup.mjs [--test | --only-npm]
//
// --test: also what the tests need. --only-npm: only the npm packages, as the calling user.

import { fileURLToPath } from 'node:url';
import { isBuildFresh } from './build.mjs';
import { ensureSystemPackages } from './lib/apt.mjs';
import { areNpmPackagesInstalled, ensureNpmPackages } from './lib/npm-packages.mjs';
import { inRoot, ROOT } from './lib/paths.mjs';
import { run } from './lib/run.mjs';
import { runMain, SetupError, say } from './lib/say.mjs';
import { asCheckoutOwner } from './lib/users.mjs';

/** @typedef {import('./lib/requirements.mjs').Role} Role */

const OLDEST_NODE = [20, 17];

/**
 * Makes the checkout ready for the given roles. Silent when nothing is missing.
 * @param {readonly Role[]} roles
 */
export async function setup(roles) {
  checkNode();
  if (process.platform !== 'linux') {
    throw new SetupError(
      'Emberscope runs on Linux only.',
      'Use a Linux machine with kernel 5.10 or newer.',
    );
  }
  await ensureSystemPackages(roles);
  if (!areNpmPackagesInstalled()) await asOwner('scripts/setup.mjs', '--only-npm');
  if (!isBuildFresh()) await asOwner('scripts/build.mjs');
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [needMajor = 0, needMinor = 0] = OLDEST_NODE;
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  throw new SetupError(
    `This is Node.js ${process.versions.node}; ${OLDEST_NODE.join('.')} or newer is needed.`,
    'See https://nodejs.org/en/download or your distribution (nodejs in Debian 13 is new enough).',
  );
}

/**
 * Runs a script as the checkout's owner: `sudo npm start` must not leave root's files in it.
 * @param {string} script
 * @param {...string} args
 */
async function asOwner(script, ...args) {
  const status = await run(process.execPath, [inRoot(script), ...args], {
    cwd: ROOT,
    ...asCheckoutOwner(),
  });
  // The script has said what is wrong.
  if (status !== 0) process.exit(status);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    if (process.argv.includes('--only-npm')) {
      await ensureNpmPackages();
      return 0;
    }
    await setup(
      process.argv.includes('--test') ? ['build', 'desktop', 'test'] : ['build', 'desktop'],
    );
    say('✓ everything is in place');
    return 0;
  });
}

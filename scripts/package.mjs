#!/usr/bin/env node
// Makes the packages that users install: dist/packages/*.{deb,rpm,tar.gz}. Works offline.
//
//   npm run package [-- deb rpm tar.gz] [--force] [--release]
//
// A package whose contents did not change is not made again. --release: only with the official Electron.

import { statSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { resolveElectron } from './electron-runtime.mjs';
import { artefactProblems } from './lib/package/artefact.mjs';
import { buildSystemPackage, buildUnpacked } from './lib/package/builder.mjs';
import { fingerprint, isMade, rememberMade } from './lib/package/fingerprint.mjs';
import { FILE_NAMES, packagePath } from './lib/package/layout.mjs';
import { carriedLibbpf } from './lib/package/libbpf.mjs';
import { ownLicenceTexts } from './lib/package/licence-texts.mjs';
import { sizeTable } from './lib/package/sizes.mjs';
import { stageApp } from './lib/package/stage.mjs';
import { writeSystemFiles } from './lib/package/system-files.mjs';
import { buildTarball } from './lib/package/tarball.mjs';
import { inRoot, ROOT } from './lib/paths.mjs';
import { capture, which } from './lib/run.mjs';
import { runMain, SetupError, say, step } from './lib/say.mjs';

/** @typedef {import('./lib/package/layout.mjs').PackageKind} PackageKind */

const KINDS = /** @type {PackageKind[]} */ (Object.keys(FILE_NAMES));

/** What making each needs besides Node: program → Debian package. @type {Record<PackageKind, Record<string, string>>} */
const TOOLS = {
  deb: { 'dpkg-deb': 'dpkg', xz: 'xz-utils', readelf: 'binutils', strip: 'binutils' },
  rpm: { rpmbuild: 'rpm', readelf: 'binutils', strip: 'binutils' },
  'tar.gz': { tar: 'tar', gzip: 'gzip', readelf: 'binutils', strip: 'binutils' },
};

/**
 * Makes the packages that are not there yet.
 * @param {readonly PackageKind[]} kinds
 * @param {{ force: boolean, release: boolean }} options
 */
async function makePackages(kinds, { force, release }) {
  checkTools(kinds);
  await build();
  const runtime = await resolveElectron();
  if (runtime.origin !== 'official') {
    const what = 'These packages would hold an Electron that is not the official one.';
    if (release) throw new SetupError(what, 'Make them where github.com can be reached.');
    say(`! ${what} They are for tests, not for release.`);
  }
  const date = releaseDate();
  process.env['SOURCE_DATE_EPOCH'] = String(Math.floor(date.getTime() / 1000));
  stageApp();
  await writeSystemFiles(date);
  const printOf = (/** @type {PackageKind} */ kind) => fingerprint(runtime, date, carriedBy(kind));
  const stale = kinds.filter((kind) => force || !isMade(kind, printOf(kind)));
  if (stale.length > 0) {
    await step('the app with its Electron', () => buildUnpacked(runtime));
    const problems = artefactProblems();
    if (problems.length > 0)
      throw new SetupError('The app must not ship like this.', problems.join('\n'));
  }
  for (const kind of stale) {
    await step(FILE_NAMES[kind], async () =>
      kind === 'tar.gz' ? buildTarball(date) : await buildSystemPackage(runtime, kind),
    );
    rememberMade(kind, printOf(kind));
  }
  return stale;
}

/** Files of this system that become part of a package. @param {PackageKind} kind @returns {string[]} */
function carriedBy(kind) {
  if (kind === 'deb') return [];
  const own = Object.values(ownLicenceTexts());
  if (kind === 'rpm') return own;
  const { library, licence, texts } = carriedLibbpf();
  return [...own, library, licence, ...texts];
}

/** @param {readonly PackageKind[]} kinds */
function checkTools(kinds) {
  const needed = Object.assign({}, ...kinds.map((kind) => TOOLS[kind]));
  const missing = Object.keys(needed).filter((name) => which(name) === null);
  if (missing.length === 0) return;
  throw new SetupError(
    `Not installed: ${missing.join(', ')}`,
    `apt-get install --no-install-recommends ${missing.map((name) => needed[name]).join(' ')}`,
  );
}

/**
 * Of the last commit, so that the same sources make the same packages; SOURCE_DATE_EPOCH overrules. Sources
 * without their history are as old as package.json.
 */
function releaseDate() {
  const chosen = process.env['SOURCE_DATE_EPOCH'];
  const commit =
    chosen ?? capture('git', ['log', '-1', '--format=%ct'], { cwd: ROOT }).stdout.trim();
  return /^\d+$/.test(commit)
    ? new Date(Number(commit) * 1000)
    : statSync(inRoot('package.json')).mtime;
}

/** @param {readonly string[]} args */
async function main(args) {
  const wanted = args.filter((arg) => arg !== '--force' && arg !== '--release');
  const unknown = wanted.filter((arg) => !KINDS.some((kind) => kind === arg));
  if (unknown.length > 0) {
    throw new SetupError(`Unknown: ${unknown.join(' ')}`, `npm run package -- ${KINDS.join(' ')}`);
  }
  const kinds = wanted.length === 0 ? KINDS : KINDS.filter((kind) => wanted.includes(kind));
  const made = await makePackages(kinds, {
    force: args.includes('--force'),
    release: args.includes('--release'),
  });
  for (const kind of kinds) {
    const path = packagePath(kind);
    const state = made.includes(kind) ? '' : ' (unchanged)';
    const megabytes = (statSync(path).size / 1e6).toFixed(1);
    say(`✓ ${relative(ROOT, path)}: ${megabytes} MB${state}`);
  }
  process.stdout.write(sizeTable(kinds));
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(() => main(process.argv.slice(2)));
}

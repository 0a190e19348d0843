#!/usr/bin/env node
// Downloads the kernels that test/kernels boots; prints where they are as JSON on standard output.
//
//   node scripts/kernel-images.mjs [NAME ...]     no name: the distribution's own kernel
//
// NAME is a package, a .deb file, or SUITE/PACKAGE of another suite of Debian's archive

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SuiteArchive } from './lib/debian-suite.mjs';
import { CACHE } from './lib/paths.mjs';
import { capture, which } from './lib/run.mjs';
import { runMain, SetupError, say, step } from './lib/say.mjs';

/**
 * A kernel that can be booted.
 * @typedef {object} KernelImage
 * @property {string} release as `uname -r` will say it
 * @property {string} path of the compressed kernel
 */

/** The distribution's own kernel: Debian's name, then Ubuntu's. */
const OWN_KERNELS = ['linux-image-amd64', 'linux-image-generic'];

const FOLDER = join(CACHE, 'kernels');

/**
 * Every named kernel, downloaded and unpacked unless it is here already. Nothing is installed: the
 * machine's own /boot stays as it is.
 * @param {readonly string[]} asked package names, or paths of .deb files; none: the distribution's own
 * @returns {Promise<KernelImage[]>}
 */
export async function ensureKernelImages(asked) {
  const own = OWN_KERNELS.find((name) => imagePackage(name) !== name) ?? OWN_KERNELS[0];
  const names = asked.length > 0 ? asked : [String(own)];
  /** @type {KernelImage[]} */
  const images = [];
  for (const name of names) images.push(await ensureKernelImage(name));
  return images;
}

/** @param {string} name @returns {Promise<KernelImage>} */
async function ensureKernelImage(name) {
  if (/^[a-z-]+\/[^/]+$/.test(name)) return ensureFromSuite(name);
  const isFile = name.endsWith('.deb');
  const found = isFile ? null : findImage(imagePackage(name));
  if (found !== null) return found;
  mkdirSync(FOLDER, { recursive: true });
  if (isFile) return unpack(resolve(name), basename(name, '.deb'));
  const title = imagePackage(name);
  return step(`downloading ${title}`, () => download(title));
}

/** @param {string} name "suite/package" @returns {Promise<KernelImage>} */
async function ensureFromSuite(name) {
  const [suite = '', metapackage = ''] = name.split('/');
  const folder = `${suite}-${metapackage}`;
  const found = findImage(folder);
  if (found !== null) return found;
  return step(`downloading ${metapackage} of ${suite}`, () => {
    const scratch = join(FOLDER, `${folder}.download`);
    rmSync(scratch, { recursive: true, force: true });
    mkdirSync(scratch, { recursive: true });
    try {
      const archive = new SuiteArchive(suite, scratch);
      const title = versionedIn(archive.dependsOf(metapackage)) ?? metapackage;
      const [deb = ''] = archive.download([title], scratch);
      return unpack(deb, folder);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  });
}

/** The package with the kernel that a metapackage depends on. @param {string} depends of apt-cache */
const versionedIn = (depends) => /Depends: (linux-image-\d\S*)/.exec(depends)?.[1];

/**
 * A metapackage depends on the package that has the kernel; that of an image is itself. Where the
 * package lists are gone (an offline second run), whatever was downloaded for it before is used.
 * @param {string} name
 */
function imagePackage(name) {
  if (/^linux-image-(unsigned-)?\d/.test(name)) return name;
  const { stdout } = capture('apt-cache', ['depends', '--important', name], {
    env: { ...process.env, LC_ALL: 'C' },
  });
  return versionedIn(stdout) ?? name;
}

/** What an earlier run left. @param {string} title @returns {KernelImage | null} */
function findImage(title) {
  const folder = join(FOLDER, title, 'boot');
  const file = existsSync(folder)
    ? readdirSync(folder).find((entry) => entry.startsWith('vmlinuz-'))
    : undefined;
  if (file === undefined) return null;
  return { release: file.slice('vmlinuz-'.length), path: join(folder, file) };
}

/** @param {string} title @returns {KernelImage} */
function download(title) {
  const scratch = join(FOLDER, `${title}.download`);
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch);
  try {
    // Not as the _apt user, who cannot enter every checkout; the signature is checked all the same.
    const options = ['-q', '-o', 'APT::Sandbox::User=root', 'download', title];
    let got = capture('apt-get', options, { cwd: scratch });
    if (got.status !== 0) {
      // Package lists older than the archive name files that are gone.
      if (process.getuid?.() === 0) capture('apt-get', ['update', '-qq']);
      got = capture('apt-get', options, { cwd: scratch });
    }
    const deb = readdirSync(scratch).find((entry) => entry.endsWith('.deb'));
    if (got.status !== 0 || deb === undefined) {
      throw new SetupError(
        `The kernel ${title} cannot be downloaded.`,
        `${got.stderr.trim()}\nTry: apt-get update && apt-get download ${title}`,
      );
    }
    return unpack(join(scratch, deb), title);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Only /boot of the package: modules are not needed. @param {string} deb @param {string} title @returns {KernelImage} */
function unpack(deb, title) {
  const present = findImage(title);
  if (present !== null) return present;
  const tar = which('dpkg-deb');
  if (tar === null) {
    throw new SetupError('There is no dpkg-deb here.', 'The kernel tests need Debian or Ubuntu.');
  }
  const target = join(FOLDER, title);
  const partial = `${target}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial);
  const unpacked = capture('sh', [
    ...['-c', 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --wildcards "./boot/vmlinuz-*"'],
    ...['sh', deb, partial],
  ]);
  if (unpacked.status !== 0) throw new SetupError(`${deb} cannot be unpacked.`, unpacked.stderr);
  renameSync(partial, target);
  const image = findImage(title);
  if (image !== null) return image;
  throw new SetupError(`${deb} holds no kernel.`, 'Name a linux-image package.');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    const images = await ensureKernelImages(process.argv.slice(2));
    process.stdout.write(`${JSON.stringify(images)}\n`);
    for (const { release } of images) say(`✓ kernel ${release}`);
    return 0;
  });
}

#!/usr/bin/env node
// Downloads the kernels that test/kernels boots; prints where they are as JSON on standard output.
//
//   node scripts/kernel-images.mjs [PACKAGE[/SUITE] | FILE.deb ...]     no name: the distribution's own kernel

import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { aptOptions, updateLists } from './lib/apt-suites.mjs';
import { CACHE } from './lib/paths.mjs';
import { capture, which } from './lib/run.mjs';
import { runMain, SetupError, say, step } from './lib/say.mjs';

/**
 * A kernel that can be booted.
 * @typedef {object} KernelImage
 * @property {string} release as `uname -r` will say it
 * @property {string} path of the compressed kernel
 * @property {string[]} modules paths of MODULES
 */

/** The distribution's own kernel: Debian's name, then Ubuntu's. */
const OWN_KERNELS = ['linux-image-amd64', 'linux-image-generic'];

const FOLDER = join(CACHE, 'kernels');
/** Modules of the package that the tests load, which need no others; unpacked beside the kernel. */
const MODULES = ['tun.ko', 'loop.ko'];

/**
 * Every named kernel, downloaded and unpacked unless it is here already. Nothing is installed: the
 * machine's own /boot stays as it is.
 * @param {readonly string[]} asked package names, with "/SUITE" of another release, or paths of .deb files;
 *   none: the distribution's own
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
  mkdirSync(FOLDER, { recursive: true });
  if (name.endsWith('.deb')) return unpack(resolve(name), basename(name, '.deb'));
  const [title = '', suite = ''] = name.split('/');
  const options = aptOptions(suite);
  const known = imagePackage(title, options);
  const found = findImage(known);
  if (found !== null) return found;
  return step(`downloading ${known}${suite && ` of ${suite}`}`, () => download(title, options));
}

/**
 * A metapackage depends on the package that has the kernel; that of an image is itself.
 * @param {string} name
 * @param {readonly string[]} [options] of apt
 */
function imagePackage(name, options = []) {
  if (/^linux-image-(unsigned-)?\d/.test(name)) return name;
  const { stdout } = capture('apt-cache', [...options, 'depends', '--important', name], {
    env: { ...process.env, LC_ALL: 'C' },
  });
  const versioned = /Depends: (linux-image-\d\S*)/.exec(stdout)?.[1];
  return versioned ?? name;
}

/** What an earlier run left. @param {string} title @returns {KernelImage | null} */
function findImage(title) {
  const folder = join(FOLDER, title);
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const file = files.find((entry) => entry.startsWith('vmlinuz-'));
  if (file === undefined || !MODULES.every((name) => files.includes(name))) return null;
  const release = file.slice('vmlinuz-'.length);
  return { release, path: join(folder, file), modules: MODULES.map((name) => join(folder, name)) };
}

/** @param {string} name @param {readonly string[]} options @returns {KernelImage} */
function download(name, options) {
  const scratch = join(FOLDER, `${name}.download`);
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch);
  const fetch = () => {
    const title = imagePackage(name, options);
    return { title, ...capture('apt-get', [...options, 'download', title], { cwd: scratch }) };
  };
  try {
    let got = fetch();
    if (got.status !== 0) {
      // There are no package lists yet, or they are older than the archive and name files that are gone.
      updateLists(options);
      got = fetch();
    }
    const deb = readdirSync(scratch).find((entry) => entry.endsWith('.deb'));
    if (got.status !== 0 || deb === undefined) {
      throw new SetupError(
        `The kernel ${got.title} cannot be downloaded.`,
        `${got.stderr.trim()}\nTry: apt-get update && apt-get download ${got.title}`,
      );
    }
    return unpack(join(scratch, deb), got.title);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The kernel and MODULES. @param {string} deb @param {string} title @returns {KernelImage} */
function unpack(deb, title) {
  const present = findImage(title);
  if (present !== null) return present;
  if (which('dpkg-deb') === null) {
    throw new SetupError('There is no dpkg-deb here.', 'The kernel tests need Debian or Ubuntu.');
  }
  const target = join(FOLDER, title);
  const partial = `${target}.partial`;
  for (const folder of [partial, target]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(partial);
  const modules = MODULES.flatMap((name) => [`*/${name}`, `*/${name}.xz`]);
  const wanted = ['--wildcards', './boot/vmlinuz-*', ...modules];
  // tar fails because only one of a module's two names is there: what is there is looked at below.
  const script =
    'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --transform="s:.*/::" "${@:3}"; cd "$2" && for file in *.xz; do [ -e "$file" ] && xz -d "$file"; done';
  const unpacked = capture('bash', ['-c', script, 'bash', deb, partial, ...wanted]);
  renameSync(partial, target);
  const image = findImage(title);
  if (image !== null) return image;
  throw new SetupError(
    `${deb} holds no kernel with the modules ${MODULES.join(', ')}.`,
    `${unpacked.stderr.trim()}\nName a linux-image package.`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    const images = await ensureKernelImages(process.argv.slice(2));
    process.stdout.write(`${JSON.stringify(images)}\n`);
    for (const { release } of images) say(`✓ kernel ${release}`);
    return 0;
  });
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, inRoot } from '../paths.mjs';

/** Everything that packaging makes on its way; ignored by git. */
export const WORK = join(CACHE, 'package');
/** The app as it is shipped, before electron-builder packs it. */
export const PROJECT = join(WORK, 'project');
/** Files of deb and rpm outside the app's folder: a tree that starts with usr/. */
export const SYSTEM = join(WORK, 'system');
/** The app with its Electron, unpacked: electron-builder's output. */
export const UNPACKED = join(WORK, 'out', 'linux-unpacked');
/** Finished packages. */
export const PACKAGES = inRoot('dist', 'packages');

/**
 * The parts of package.json that name the product.
 * @typedef {object} Product
 * @property {string} name of the package and the command
 * @property {string} productName for people, and of the folder below /opt
 * @property {string} version
 * @property {string} description
 * @property {string} license SPDX
 * @property {string} author "Name <mail>"
 * @property {string} [homepage]
 */

/** @type {Product} */
export const PRODUCT = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));

/** Where deb and rpm put the app; electron-builder's choice for every Electron app. */
export const INSTALLED = `/opt/${PRODUCT.productName}`;
/** Inside the app's folder: what is not in the archive app.asar but in plain files. */
export const PLAIN = 'resources/app.asar.unpacked';

/** Architectures as Node, Debian and RPM call them. @type {Record<string, { deb: string, rpm: string }>} */
const ARCHITECTURES = {
  x64: { deb: 'amd64', rpm: 'x86_64' },
  arm64: { deb: 'arm64', rpm: 'aarch64' },
};

export const ARCH = ARCHITECTURES[process.arch] ?? { deb: process.arch, rpm: process.arch };

/** @typedef {'deb' | 'rpm' | 'tar.gz'} PackageKind */

/** @type {Record<PackageKind, string>} */
export const FILE_NAMES = {
  deb: `${PRODUCT.name}_${PRODUCT.version}_${ARCH.deb}.deb`,
  rpm: `${PRODUCT.name}-${PRODUCT.version}.${ARCH.rpm}.rpm`,
  'tar.gz': `${PRODUCT.name}-${PRODUCT.version}-linux-${process.arch}.tar.gz`,
};

/** @param {PackageKind} kind */
export const packagePath = (kind) => join(PACKAGES, FILE_NAMES[kind]);

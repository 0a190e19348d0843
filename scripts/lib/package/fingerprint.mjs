import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { inRoot } from '../paths.mjs';
import { PROJECT, packagePath, SYSTEM, WORK } from './layout.mjs';
import { filesBelow } from './stage.mjs';

/** @typedef {import('./layout.mjs').PackageKind} PackageKind */
/** @typedef {import('../../electron-runtime.mjs').ElectronRuntime} ElectronRuntime */

/** What packages are made of besides the staged app: the recipe. */
const RECIPE = ['scripts/lib/package', 'assets/linux', 'assets/icons'];

/**
 * Stands for everything that goes into a package: equal fingerprints, equal contents.
 * @param {ElectronRuntime} runtime
 * @param {Date} date
 * @param {readonly string[]} carried files of the build system that are packed as well
 */
export function fingerprint(runtime, date, carried) {
  const hash = createHash('sha256');
  hash.update(`${runtime.version}\0${runtime.folder}\0${statOf(runtime.executable)}\0${+date}\0`);
  for (const folder of [PROJECT, SYSTEM, ...RECIPE.map((path) => inRoot(path))]) {
    for (const file of filesBelow(folder)) {
      const path = join(folder, file);
      const stats = lstatSync(path);
      hash.update(`${file}\0${stats.mode & 0o111 ? 'x' : '-'}\0`);
      hash.update(stats.isSymbolicLink() ? readlinkSync(path) : readFileSync(path));
    }
  }
  for (const file of [inRoot('scripts/package-fpm.mjs'), ...carried]) {
    hash.update(`${file}\0`);
    hash.update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** Size and time: 200 MB need not be read again. @param {string} path */
const statOf = (path) => {
  const { size, mtimeMs } = lstatSync(path);
  return `${size}:${mtimeMs}`;
};

/** @param {string} kind */
const recordPath = (kind) => join(WORK, `made-${kind}.json`);

/** Whether the package of that kind is there and was made of the same. @param {PackageKind} kind @param {string} print */
export function isMade(kind, print) {
  const stats = existsSync(packagePath(kind)) ? lstatSync(packagePath(kind)) : null;
  if (stats === null || !existsSync(recordPath(kind))) return false;
  try {
    const made = JSON.parse(readFileSync(recordPath(kind), 'utf8'));
    return made.print === print && made.size === stats.size;
  } catch {
    return false; // Written by half: make it again.
  }
}

/** @param {PackageKind} kind @param {string} print */
export function rememberMade(kind, print) {
  mkdirSync(WORK, { recursive: true });
  const { size } = lstatSync(packagePath(kind));
  writeFileSync(recordPath(kind), JSON.stringify({ print, size }));
}

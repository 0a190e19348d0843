import { closeSync, lstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { capture, which } from '../run.mjs';
import { SetupError } from '../say.mjs';
import { filesBelow } from './stage.mjs';

/**
 * How new the system's C and C++ libraries must be. What is compiled here takes over the versions of this very
 * system, so they are read from the finished files, never assumed.
 * @typedef {object} NeededVersions
 * @property {string} glibc such as "2.34"
 * @property {string} gcc whose libstdc++ is new enough, such as "11"
 */

/** Versions of symbols that have no number in their name. @type {Readonly<Record<string, string>>} */
const NAMED_GLIBC = { GLIBC_ABI_DT_RELR: '2.36' };

/** The first GCC with each version of libstdc++'s symbols (GCC's manual, "ABI Policy and Guidelines"). */
const GCC_OF_GLIBCXX = Object.entries({
  '3.4.21': '5',
  '3.4.22': '6',
  '3.4.23': '7',
  '3.4.25': '8',
  '3.4.28': '9',
  '3.4.29': '11',
  '3.4.30': '12',
  '3.4.32': '13',
  '3.4.33': '14',
  '3.4.34': '15',
});

/** What all executables and libraries need together. @param {...string} paths of files, and of folders with more */
export function neededVersions(...paths) {
  const files = paths.flatMap((path) =>
    lstatSync(path).isDirectory() ? filesBelow(path).map((file) => join(path, file)) : [path],
  );
  return newest(files.filter(isElf).flatMap(symbolVersions));
}

/** @param {readonly string[]} versions such as "GLIBC_2.34" @returns {NeededVersions} */
export function newest(versions) {
  const glibc = versions.filter((name) => name.startsWith('GLIBC_')).map(glibcWith);
  const glibcxx = versions
    .filter((name) => /^GLIBCXX_\d/.test(name))
    .map((name) => name.slice('GLIBCXX_'.length));
  return { glibc: highest(glibc), gcc: gccWith(highest(glibcxx)) };
}

/** @param {string} symbol such as "GLIBC_2.34" */
function glibcWith(symbol) {
  const version = NAMED_GLIBC[symbol] ?? symbol.slice('GLIBC_'.length);
  if (!/^\d+(\.\d+)+$/.test(version)) throw new Error(`Bug: which glibc has ${symbol}?`);
  return version;
}

/** @param {string} glibcxx */
function gccWith(glibcxx) {
  const found = GCC_OF_GLIBCXX.find(([version]) => compareVersions(version, glibcxx) >= 0);
  if (found === undefined) throw new Error(`Bug: which GCC has GLIBCXX_${glibcxx}?`);
  return found[1];
}

/** @param {readonly string[]} versions */
const highest = (versions) => [...versions].sort(compareVersions).at(-1) ?? '0';

/** Number by number: 2.4 is older than 2.34. @param {string} a @param {string} b */
function compareVersions(a, b) {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Without those that the loader only warns about. @param {string} file */
function symbolVersions(file) {
  const readelf = which('readelf');
  if (readelf === null)
    throw new SetupError('readelf is not installed.', 'apt-get install binutils');
  const env = { ...process.env, LC_ALL: 'C' };
  const done = capture(readelf, ['--version-info', '--wide', file], { env });
  if (done.status !== 0) throw new Error(`readelf ${file}: ${done.stderr}`);
  const needs = done.stdout.split("needs section '.gnu.version_r'")[1] ?? '';
  const entries = needs.matchAll(/ Name: (\S+) +Flags: (.*?) +Version: \d+/g);
  return [...entries].filter(([, , flags]) => flags !== 'WEAK').map(([, name]) => String(name));
}

/** @param {string} path */
function isElf(path) {
  if (!lstatSync(path).isFile()) return false;
  const fd = openSync(path, 'r');
  try {
    const magic = Buffer.alloc(4);
    return readSync(fd, magic) === 4 && magic.toString('latin1') === '\x7fELF';
  } finally {
    closeSync(fd);
  }
}

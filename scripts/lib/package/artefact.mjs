import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { FUSES } from './builder.mjs';
import { PLAIN, PRODUCT, PROJECT, UNPACKED } from './layout.mjs';
import { filesBelow } from './stage.mjs';

/** Marks the place of the fuses in the executable; @electron/fuses writes there, and we read by ourselves. */
const SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
/** In the order of their bytes, fuse wire version 1 (Electron's build/fuses/fuses.json5). */
const FUSE_ORDER = [
  'runAsNode',
  'enableCookieEncryption',
  'enableNodeOptionsEnvironmentVariable',
  'enableNodeCliInspectArguments',
  'enableEmbeddedAsarIntegrityValidation',
  'onlyLoadAppFromAsar',
  'loadBrowserProcessSpecificV8Snapshot',
  'grantFileProtocolExtraPrivileges',
];

/** The fuses of an Electron executable. @param {string} executable @returns {Record<string, boolean>} */
export function readFuses(executable) {
  const bytes = readFileSync(executable);
  const at = bytes.indexOf(SENTINEL);
  if (at < 0) throw new Error(`${executable} has no fuses`);
  const wire = bytes.subarray(at + SENTINEL.length);
  const [version, count = 0] = wire;
  if (version !== 1) throw new Error(`${executable} has fuses of an unknown version ${version}`);
  const states = wire.toString('latin1', 2, 2 + Math.min(count, FUSE_ORDER.length));
  return Object.fromEntries([...states].map((state, index) => [FUSE_ORDER[index], state === '1']));
}

/** @typedef {{ files?: Record<string, AsarEntry>, size?: number, unpacked?: boolean }} AsarEntry */

/** What an archive holds: path → whether it lies beside it in plain files. @param {string} path */
export function readArchive(path) {
  const fd = openSync(path, 'r');
  try {
    // Two pickles: the size of the header, then the header as text (github.com/electron/asar, README).
    const sizes = Buffer.alloc(16);
    readSync(fd, sizes, 0, 16, 0);
    const text = Buffer.alloc(sizes.readUInt32LE(12));
    readSync(fd, text, 0, text.length, 16);
    return Object.fromEntries(listed(JSON.parse(text.toString('utf8')), ''));
  } finally {
    closeSync(fd);
  }
}

/** @param {AsarEntry} entry @param {string} path @returns {[string, boolean][]} */
const listed = (entry, path) =>
  entry.files === undefined
    ? [[path.slice(1), entry.unpacked === true]]
    : Object.entries(entry.files).flatMap(([name, inner]) => listed(inner, `${path}/${name}`));

/** Source maps, sources, tests, and what only a build needs. */
const UNWANTED =
  /\.(map|d\.ts|ts|mts|cc|c|h|hh|gyp|gypi|o|a|md|tsbuildinfo)$|(^|\/)(test|tests|docs?|deps|\.build|\.cache)\//;
const EXPECTED = [/\.bpf\.o$/, /^node_modules\/[^/]+\/LICENSE\.md$/];

/** What is wrong with UNPACKED, one sentence each. */
export function artefactProblems() {
  const problems = [];
  const fuses = readFuses(join(UNPACKED, PRODUCT.name));
  for (const [fuse, wanted] of Object.entries(FUSES)) {
    if (fuses[fuse] !== wanted) problems.push(`the fuse ${fuse} is ${fuses[fuse]}, not ${wanted}`);
  }
  const archive = readArchive(join(UNPACKED, 'resources/app.asar'));
  const plain = filesBelow(join(UNPACKED, PLAIN));
  for (const file of new Set([...Object.keys(archive), ...plain])) {
    const expected = EXPECTED.some((pattern) => pattern.test(file));
    if (UNWANTED.test(file) && !expected) problems.push(`${file} is not for users`);
  }
  for (const [file, isPlain] of Object.entries(archive)) {
    if (isPlain && !plain.includes(file)) problems.push(`${file} is not beside the archive`);
  }
  for (const file of filesBelow(PROJECT).filter((path) => path !== 'package-lock.json')) {
    if (!(file in archive) && !plain.includes(file)) problems.push(`${file} was left out`);
  }
  for (const file of plain.filter((path) => /\.(js|cjs)$/.test(path))) {
    const text = readFileSync(join(UNPACKED, PLAIN, file), 'utf8');
    if (/\n(\/\/|\/\*)# sourceMappingURL=/.test(text))
      problems.push(`${file} points to a source map`);
  }
  return problems;
}

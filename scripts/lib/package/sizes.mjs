import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PLAIN, PRODUCT, PROJECT, packagePath, SYSTEM, UNPACKED } from './layout.mjs';
import { carriedLibbpf } from './libbpf.mjs';
import { neededVersions } from './library-versions.mjs';
import { filesBelow } from './stage.mjs';

/** @typedef {import('./layout.mjs').PackageKind} PackageKind */

const MB = 1e6;

/** What the packages weigh, and what the weight is. @param {readonly PackageKind[]} kinds */
export function sizeTable(kinds) {
  const rows = [
    ...kinds.map((kind) => /** @type {const} */ ([kind, statSync(packagePath(kind)).size])),
    ...(existsSync(UNPACKED) ? installedRows() : []),
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(
    ([name, bytes]) => `${name.padEnd(width)}  ${(bytes / MB).toFixed(1).padStart(7)} MB`,
  );
  const notes = existsSync(UNPACKED) ? kinds.map(needs) : [];
  return `\n${[...lines, ...notes].join('\n')}\n`;
}

/** What is made on a newer system does not run on an older one, and here nobody would notice. @param {PackageKind} kind */
function needs(kind) {
  const beside = kind === 'tar.gz' ? carriedLibbpf().library : SYSTEM;
  const { glibc, gcc } = neededVersions(UNPACKED, beside);
  return `${kind} needs glibc ${glibc} and the libstdc++ of GCC ${gcc}, or newer`;
}

/** @returns {(readonly [string, number])[]} */
function installedRows() {
  const ours = sizeOf(PROJECT);
  const all = sizeOf(UNPACKED);
  const part = (/** @type {string} */ folder) => sizeOf(join(UNPACKED, PLAIN, folder));
  const executable = statSync(join(UNPACKED, PRODUCT.name)).size;
  const licences = statSync(join(UNPACKED, 'LICENSES.chromium.html')).size;
  return [
    ['installed', all + sizeOf(SYSTEM)],
    ["  Electron's executable", executable],
    ["  Electron's other files", all - executable - licences - ours],
    ["  Chromium's licences", licences],
    ['  Emberscope', ours],
    ['    native modules', part('node_modules')],
    ['    helper and BPF objects', part('dist/helper') + part('dist/bpf')],
    ['    command line', part('dist/cli')],
    ['    window, engine', statSync(join(UNPACKED, 'resources/app.asar')).size],
  ];
}

/** @param {string} folder */
const sizeOf = (folder) =>
  filesBelow(folder).reduce(
    (sum, file) => sum + (statSync(join(folder, file), { throwIfNoEntry: false })?.size ?? 0),
    0,
  );

#!/usr/bin/env node

// Stands in for fpm, which electron-builder would download: makes deb and rpm with dpkg-deb and rpmbuild.
// Not for people; see scripts/package.mjs.

import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { packDeb } from './lib/package/deb.mjs';
import { parseFpmArguments } from './lib/package/fpm-arguments.mjs';
import { WORK } from './lib/package/layout.mjs';
import { packRpm } from './lib/package/rpm.mjs';
import { filesBelow } from './lib/package/stage.mjs';
import { inRoot } from './lib/paths.mjs';

// electron-builder knows one description for packages and for the desktop entry, where it is one line.
const description = readFileSync(inRoot('assets/linux/description.txt'), 'utf8').trim();
const request = { ...parseFpmArguments(process.argv.slice(2)), description };
// Not in /tmp, which is often memory: this takes half a gigabyte.
mkdirSync(WORK, { recursive: true });
const work = mkdtempSync(join(WORK, 'pack-'));
try {
  const tree = join(work, 'tree');
  mkdirSync(tree, { mode: 0o755 });
  for (const { from, to } of request.files) {
    const target = join(tree, to);
    mkdirSync(dirname(target), { recursive: true });
    cpSync(from, target, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  }
  setModes(tree);
  if (request.kind === 'deb') packDeb(request, tree);
  else packRpm(request, tree, work);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** Whatever the build's umask was. @param {string} tree */
function setModes(tree) {
  for (const file of filesBelow(tree)) {
    for (
      let folder = dirname(join(tree, file));
      folder.length >= tree.length;
      folder = dirname(folder)
    ) {
      if ((statSync(folder).mode & 0o777) !== 0o755) chmodSync(folder, 0o755);
    }
    const stats = lstatSync(join(tree, file));
    if (stats.isFile()) chmodSync(join(tree, file), stats.mode & 0o111 ? 0o755 : 0o644);
  }
}

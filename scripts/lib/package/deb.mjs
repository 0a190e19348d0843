import { createHash } from 'node:crypto';
import { cpSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from '../run.mjs';
import { filesBelow } from './stage.mjs';

/** @typedef {import('./fpm-arguments.mjs').FpmRequest} FpmRequest */

/** 16 s for 91 MB; the default level takes over a minute of one CPU for 8 MB less. */
const COMPRESSION = ['-Zxz', '-z1', '--threads-max=0'];

/**
 * Packs a tree with dpkg-deb.
 * @param {FpmRequest} request
 * @param {string} tree
 */
export function packDeb(request, tree) {
  const files = filesBelow(tree);
  const control = join(tree, 'DEBIAN');
  mkdirSync(control, { mode: 0o755 });
  writeFileSync(join(control, 'control'), controlFile(request, installedKiB(tree, files)));
  writeFileSync(join(control, 'md5sums'), md5sums(tree, files));
  for (const [script, path] of [
    ['postinst', request.afterInstall],
    ['postrm', request.afterRemove],
  ]) {
    cpSync(String(path), join(control, String(script)), { mode: 0 });
    const done = capture('chmod', ['0755', join(control, String(script))]);
    if (done.status !== 0) throw new Error(done.stderr);
  }
  const done = capture('dpkg-deb', [
    '--root-owner-group',
    ...COMPRESSION,
    '--build',
    tree,
    request.output,
  ]);
  if (done.status !== 0) throw new Error(`dpkg-deb: ${done.stderr}`);
}

/** @param {FpmRequest} request @param {number} sizeKiB */
function controlFile(request, sizeKiB) {
  const description = request.description.split('\n').map((line) => ` ${line.trim() || '.'}`);
  const fields = {
    Package: request.name,
    Version: request.version,
    Architecture: request.architecture,
    Maintainer: request.maintainer,
    'Installed-Size': String(sizeKiB),
    Depends: request.depends.join(', '),
    Recommends: request.recommends.join(', '),
    Section: request.category,
    Priority: 'optional',
    Homepage: request.url,
    Description: [request.summary, ...description].join('\n'),
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}

/** Policy 5.6.20: files in whole KiB, everything else 1. @param {string} tree @param {readonly string[]} files */
const installedKiB = (tree, files) =>
  files
    .map((file) => lstatSync(join(tree, file)))
    .reduce((sum, stats) => sum + (stats.isFile() ? Math.ceil(stats.size / 1024) : 1), 0);

/** @param {string} tree @param {readonly string[]} files */
const md5sums = (tree, files) =>
  files
    .filter((file) => lstatSync(join(tree, file)).isFile())
    .map((file) => {
      const sum = createHash('md5').update(readFileSync(join(tree, file)));
      return `${sum.digest('hex')}  ${file}\n`;
    })
    .join('');

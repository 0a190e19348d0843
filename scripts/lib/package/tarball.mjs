import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inRoot } from '../paths.mjs';
import { FILE_NAMES, PACKAGES, PRODUCT, packagePath, SYSTEM, UNPACKED, WORK } from './layout.mjs';
import { addLibbpf } from './libbpf.mjs';
import { neededVersions } from './library-versions.mjs';
import { ownLicenceTexts, withTextsAt } from './licence-texts.mjs';

/**
 * Packs the app for systems without a package of their own: the same app, with libbpf beside it, manual page
 * and completions. Not by electron-builder, which would download 7-Zip for it.
 * @param {Date} date of every file, so that equal contents are equal archives
 */
export function buildTarball(date) {
  const top = FILE_NAMES['tar.gz'].replace(/\.tar\.gz$/, '');
  const tree = join(WORK, 'tar', top);
  rmSync(join(WORK, 'tar'), { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  const keep = { recursive: true, verbatimSymlinks: true, preserveTimestamps: true };
  cpSync(UNPACKED, tree, keep);
  for (const part of ['man', 'bash-completion', 'zsh', 'fish']) {
    cpSync(join(SYSTEM, 'usr/share', part), join(tree, 'share', part), keep);
  }
  addLicences(tree);
  const profile = readFileSync(inRoot('assets/linux/apparmor-profile'), 'utf8')
    .replaceAll('${sanitizedProductName}', PRODUCT.productName)
    .replaceAll('${executable}', PRODUCT.name);
  writeFileSync(join(tree, 'resources/apparmor-profile'), profile);
  addLibbpf(tree);
  writeFileSync(join(tree, 'README.md'), guide(tree));
  pack(join(WORK, 'tar'), top, date);
  rmSync(join(WORK, 'tar'), { recursive: true, force: true });
}

/** @param {string} tree */
function addLicences(tree) {
  const nameOf = (/** @type {string} */ licence) =>
    licence === PRODUCT.license ? 'LICENSE' : `LICENSE.${licence}.txt`;
  for (const [licence, text] of Object.entries(ownLicenceTexts())) {
    cpSync(text, join(tree, nameOf(licence)));
  }
  const copyright = readFileSync(join(SYSTEM, 'usr/share/doc', PRODUCT.name, 'copyright'), 'utf8');
  writeFileSync(join(tree, 'COPYRIGHT'), withTextsAt(copyright, nameOf));
}

/** What to do with it, and how new a system it needs. @param {string} tree */
function guide(tree) {
  const { glibc, gcc } = neededVersions(tree);
  return readFileSync(inRoot('assets/linux/README.tar.md'), 'utf8')
    .replaceAll('@VERSION@', PRODUCT.version)
    .replaceAll('@GLIBC@', glibc)
    .replaceAll('@GCC@', gcc);
}

/** @param {string} folder @param {string} top @param {Date} date */
function pack(folder, top, date) {
  mkdirSync(PACKAGES, { recursive: true });
  const owner = ['--owner=0', '--group=0', '--numeric-owner', '--mode=u+rw,go+r-w'];
  const order = ['--sort=name', `--mtime=@${Math.floor(date.getTime() / 1000)}`];
  const done = spawnSync(
    'tar',
    [
      '-C',
      folder,
      '--use-compress-program=gzip -6n',
      ...owner,
      ...order,
      '-cf',
      packagePath('tar.gz'),
      top,
    ],
    { encoding: 'utf8' },
  );
  if (done.status !== 0) throw new Error(`tar: ${done.stderr}`);
}

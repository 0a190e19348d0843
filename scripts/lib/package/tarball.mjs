import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { inRoot } from '../paths.mjs';
import { capture, which } from '../run.mjs';
import { SetupError } from '../say.mjs';
import {
  FILE_NAMES,
  PACKAGES,
  PLAIN,
  PRODUCT,
  packagePath,
  SYSTEM,
  UNPACKED,
  WORK,
} from './layout.mjs';

const LIBBPF = 'libbpf.so.1';

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
  cpSync(join(SYSTEM, 'usr/share/doc', PRODUCT.name, 'copyright'), join(tree, 'COPYRIGHT'));
  const profile = readFileSync(inRoot('assets/linux/apparmor-profile'), 'utf8')
    .replaceAll('${sanitizedProductName}', PRODUCT.productName)
    .replaceAll('${executable}', PRODUCT.name);
  writeFileSync(join(tree, 'resources/apparmor-profile'), profile);
  const guide = readFileSync(inRoot('assets/linux/README.tar.md'), 'utf8');
  writeFileSync(join(tree, 'README.md'), guide.replaceAll('@VERSION@', PRODUCT.version));
  addLibbpf(tree);
  pack(join(WORK, 'tar'), top, date);
  rmSync(join(WORK, 'tar'), { recursive: true, force: true });
}

/** @param {string} tree */
function addLibbpf(tree) {
  const library = findLibbpf();
  const folder = join(tree, PLAIN, 'dist/lib');
  mkdirSync(folder, { recursive: true });
  cpSync(library, join(folder, LIBBPF));
  cpSync(licenceOf(library), join(folder, `${LIBBPF}.copyright`));
}

/** The build system's own. */
function findLibbpf() {
  const known = capture(which('ldconfig') ?? 'ldconfig', ['-p']).stdout;
  const path = new RegExp(`\\t${LIBBPF} .*=> (/.*)`).exec(known)?.[1];
  if (path === undefined)
    throw new SetupError(`${LIBBPF} is not installed.`, 'apt-get install libbpf1');
  return realpathSync(path);
}

/** The licence text that its package brought along. @param {string} library */
function licenceOf(library) {
  const owner = capture('dpkg', ['-S', library]).stdout.split(':')[0] ?? '';
  const folders = [`/usr/share/doc/${owner}`, '/usr/share/licenses/libbpf'];
  for (const folder of folders.filter((path) => owner !== '' || !path.endsWith('/'))) {
    const name = filesOf(folder).find((file) => /^(copyright|license)/i.test(file));
    if (name !== undefined) return join(folder, name);
  }
  throw new SetupError(
    `The licence of ${library} is not on this system.`,
    'apt-get install --reinstall libbpf1',
  );
}

/** @param {string} folder */
function filesOf(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return []; // Not this distribution's place.
  }
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

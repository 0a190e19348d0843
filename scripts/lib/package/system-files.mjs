import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LAUNCHERS_FOLDER } from '../launchers.mjs';
import { inRoot } from '../paths.mjs';
import { writeDocs } from './docs.mjs';
import { INSTALLED, PRODUCT, SYSTEM } from './layout.mjs';
import { copyrightFile } from './licences.mjs';
import { homepage } from './stage.mjs';

const { name, version } = PRODUCT;
const MIME_ICON = `application-vnd.${name}`;

/**
 * Makes the files of deb and rpm that lie outside the app's folder. The desktop entry and the app's icons
 * are electron-builder's.
 * @param {Date} date of the release
 */
export async function writeSystemFiles(date) {
  rmSync(SYSTEM, { recursive: true, force: true });
  const day = date.toISOString().slice(0, 10);
  const usr = join(SYSTEM, 'usr');
  await writeDocs(usr, day);
  gzip(join(usr, 'share/man/man1', `${name}.1`));
  write('usr/share/mime/packages', `${name}.xml`, asset('emberscope.mime.xml'));
  write(
    'usr/share/metainfo',
    `${name}.metainfo.xml`,
    asset('emberscope.metainfo.xml')
      .replace('@HOMEPAGE@', homepage())
      .replace('@VERSION@', version)
      .replace('@DATE@', day),
  );
  for (const file of readdirSync(inRoot('assets/icons/session'))) {
    const [size = ''] = file.split('.');
    const folder = join(usr, 'share/icons/hicolor', size, 'mimetypes');
    mkdirSync(folder, { recursive: true });
    cpSync(inRoot('assets/icons/session', file), join(folder, `${MIME_ICON}.png`));
  }
  write(`usr/share/doc/${name}`, 'copyright', copyrightFile());
  write(`usr/share/doc/${name}`, 'changelog', debianChangelog(date));
  gzip(join(usr, 'share/doc', name, 'changelog'));
  write('usr/share/lintian/overrides', name, asset('lintian-overrides'));
  mkdirSync(join(usr, 'bin'), { recursive: true });
  symlinkSync(`${INSTALLED}/bin/${name}`, join(usr, 'bin', name));
  copyPolkit();
}

/** @param {string} file */
const asset = (file) => readFileSync(inRoot('assets/linux', file), 'utf8');

/** @param {string} folder @param {string} file @param {string} text */
function write(folder, file, text) {
  mkdirSync(join(SYSTEM, folder), { recursive: true });
  writeFileSync(join(SYSTEM, folder, file), text);
}

/** Without name and time inside, so that equal contents are equal files. @param {string} path */
function gzip(path) {
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
  rmSync(path);
}

/**
 * What polkit asks about, and the programs it may start: assets/polkit/README.md. The launcher for a group
 * stays in the app's folder until `emberscope install-helper --group` takes it.
 */
function copyPolkit() {
  const built = inRoot('dist', LAUNCHERS_FOLDER);
  place(join(built, 'org.emberscope.policy'), 'usr/share/polkit-1/actions', 0o644);
  for (const scope of ['own', 'system']) {
    const launcher = join(built, 'package', `emberscope-helper-${scope}`);
    place(launcher, `usr/libexec/${name}`, 0o755);
  }
}

/** @param {string} from @param {string} folder @param {number} mode */
function place(from, folder, mode) {
  const to = join(SYSTEM, folder, basename(from));
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
  chmodSync(to, mode);
}

/** Debian's own form of a changelog; what changed for users is in ours. @param {Date} date */
function debianChangelog(date) {
  const day = date.toUTCString().replace('GMT', '+0000');
  return `${name} (${version}) unstable; urgency=medium

  * Version ${version}: see CHANGELOG.md of the project.

 -- ${PRODUCT.author}  ${day}
`;
}

import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { capture } from '../run.mjs';
import { ARCH } from './layout.mjs';
import { ownLicenceTexts, withTextsAt } from './licence-texts.mjs';
import { filesBelow } from './stage.mjs';

/** @typedef {import('./fpm-arguments.mjs').FpmRequest} FpmRequest */

/**
 * Packs a tree with rpmbuild, which finds out by itself which libraries the executables need.
 * @param {FpmRequest} request
 * @param {string} tree
 * @param {string} work a folder for what rpmbuild makes on its way
 */
export function packRpm(request, tree, work) {
  useRpmPlaces(tree, request.name);
  const spec = join(work, `${request.name}.spec`);
  writeFileSync(spec, specFile(request, tree));
  const done = capture('rpmbuild', [
    ...['-bb', '--quiet', '--target', ARCH.rpm],
    ...['--define', `_topdir ${work}`, '--define', `_rpmdir ${work}/rpms`],
    ...['--define', '_build_id_links none', '--define', 'debug_package %{nil}'],
    // Debian's rpmbuild knows nothing of Fedora's post-processing, and needs none of it.
    ...['--define', '__os_install_post %{nil}', '--define', '_binary_payload w9T0.zstdio'],
    ...['--define', 'use_source_date_epoch_as_buildtime 1'],
    ...['--define', 'clamp_mtime_to_source_date_epoch 1', '--define', '_buildhost localhost'],
    spec,
  ]);
  if (done.status !== 0) throw new Error(`rpmbuild: ${done.stderr}`);
  const [built] = filesBelow(join(work, 'rpms'));
  if (built === undefined) throw new Error(`rpmbuild made nothing: ${done.stderr}`);
  // The output may lie on another filesystem, where nothing can be moved to.
  copyFileSync(join(work, 'rpms', built), request.output);
}

/** What has another place outside Debian, or none. @param {string} tree @param {string} name of the package */
function useRpmPlaces(tree, name) {
  const share = join(tree, 'usr/share');
  rmSync(join(share, 'lintian'), { recursive: true, force: true });
  renameSync(join(share, 'zsh/vendor-completions'), join(share, 'zsh/site-functions'));
  const licences = `/usr/share/licenses/${name}`;
  mkdirSync(join(tree, licences), { recursive: true });
  for (const [licence, text] of Object.entries(ownLicenceTexts())) {
    writeFileSync(join(tree, licences, licence), readFileSync(text));
  }
  const copyright = join(share, 'doc', name, 'copyright');
  const text = withTextsAt(readFileSync(copyright, 'utf8'), (licence) => `${licences}/${licence}`);
  writeFileSync(copyright, text);
}

/** @param {FpmRequest} request @param {string} tree */
function specFile(request, tree) {
  const own = `/opt/${readdirSync(join(tree, 'opt'))[0]}`;
  return `${[
    `Name: ${request.name}`,
    `Version: ${request.version}`,
    'Release: 1',
    `Summary: ${request.summary}`,
    `License: ${request.license}`,
    `URL: ${request.url}`,
    `Group: ${request.category}`,
    `Vendor: ${request.maintainer}`,
    `Packager: ${request.maintainer}`,
    ...request.depends.map((name) => `Requires: ${name}`),
    ...request.recommends.map((name) => `Recommends: ${name}`),
    // Libraries inside the app's folder are nobody else's, and need nothing from outside under their name.
    `%global __provides_exclude_from ^${own}/.*$`,
    '%global __requires_exclude ^(libffmpeg\\\\.so|libEGL\\\\.so|libGLESv2\\\\.so|/bin/.*).*$',
    '%description',
    request.description.replaceAll(/^\.$/gm, ''),
    '%install',
    `cp -a '${tree}/.' '%{buildroot}/'`,
    '%post',
    script(request.afterInstall),
    '%postun',
    script(request.afterRemove),
    '%files',
    '%defattr(-,root,root,-)',
    ...entries(tree, request.name),
  ].join('\n')}\n`;
}

/** A maintainer script without its first line: rpm has its own. @param {string} path */
const script = (path) =>
  readFileSync(path, 'utf8')
    .replace(/^#!.*\n/, '')
    .replaceAll('%', '%%');

/**
 * Files, and the folders that are ours: below /opt, and those that bear the package's name. Others, such as
 * /usr/share, are not ours to own.
 * @param {string} tree
 * @param {string} name of the package
 */
function entries(tree, name) {
  const files = filesBelow(tree);
  const folders = new Set();
  for (const file of files) {
    for (let folder = dirname(file); folder !== '.'; folder = dirname(folder)) {
      if (folder.startsWith('opt/') || basename(folder) === name) folders.add(folder);
    }
  }
  return [
    ...[...folders].sort().map((folder) => `%dir ${quoted(`/${folder}`)}`),
    ...files.map((file) => `${fileMark(tree, file)}${quoted(`/${file}`)}`),
  ];
}

/** @param {string} tree @param {string} file */
function fileMark(tree, file) {
  if (/\/man\//.test(file) || /\/doc\//.test(file)) return '%doc ';
  if (/\/licenses\//.test(file)) return '%license ';
  const mode = lstatSync(join(tree, file)).mode & 0o7777;
  return mode & 0o7000 ? `%attr(${mode.toString(8)},root,root) ` : '';
}

/** @param {string} path */
const quoted = (path) => `"${path}"`;

import { cpSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { capture, which } from '../run.mjs';
import { SetupError } from '../say.mjs';
import { PLAIN } from './layout.mjs';
import { commonText, textsNamedIn } from './licence-texts.mjs';

const LIBBPF = 'libbpf.so.1';

/** Puts the build system's libbpf with its licence into the app, for systems without one. @param {string} tree */
export function addLibbpf(tree) {
  const { library, licence, texts } = carriedLibbpf();
  const folder = join(tree, PLAIN, 'dist/lib');
  mkdirSync(folder, { recursive: true });
  cpSync(library, join(folder, LIBBPF));
  cpSync(licence, join(folder, `${LIBBPF}.copyright`));
  for (const text of texts) cpSync(text, join(folder, `${LIBBPF}.${basename(text)}`));
}

/** The files of the build system that the tar.gz carries; `texts`: licences that `licence` refers to. */
export function carriedLibbpf() {
  const known = capture(which('ldconfig') ?? 'ldconfig', ['-p']).stdout;
  const path = new RegExp(`\\t${LIBBPF} .*=> (/.*)`).exec(known)?.[1];
  if (path === undefined)
    throw new SetupError(`${LIBBPF} is not installed.`, 'apt-get install libbpf1');
  const library = realpathSync(path);
  const licence = licenceOf(library);
  const texts = [...textsNamedIn(readFileSync(licence, 'utf8'))].map(commonText);
  return { library, licence, texts };
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

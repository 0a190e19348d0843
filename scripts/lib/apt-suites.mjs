import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from './paths.mjs';
import { capture } from './run.mjs';
import { SetupError, step } from './say.mjs';

/** Packages of other releases than this machine's, by apt lists of our own: the system's stay as they are. */
const FOLDER = join(CACHE, 'apt');

/** Keys of all Debian releases: package debian-archive-keyring. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * Options of apt-get and apt-cache that make them see one suite alone; its lists are fetched when they
 * are not here yet. No suite: the system's own lists, no options.
 * @param {string} suite e.g. "trixie"; empty: the system's own
 * @returns {string[]}
 */
export function aptOptions(suite) {
  // Not as the _apt user, who cannot enter every checkout; signatures are checked all the same.
  const own = ['-q', '-o', 'APT::Sandbox::User=root'];
  if (suite === '') return own;
  const folder = join(FOLDER, suite);
  const list = join(folder, 'sources.list');
  const settings = {
    'Dir::Etc::SourceList': list,
    'Dir::Etc::SourceParts': '/nonexistent',
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::Cache': join(folder, 'cache'),
  };
  mkdirSync(settings['Dir::State::Lists'], { recursive: true });
  mkdirSync(settings['Dir::Cache'], { recursive: true });
  writeFileSync(list, `deb [signed-by=${KEYRING}] ${mirror()} ${suite} main\n`);
  const pairs = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  return [...own, ...pairs];
}

/**
 * Fetches the package lists that the options stand for.
 * @param {readonly string[]} options as aptOptions() made them
 */
export function updateLists(options) {
  capture('apt-get', [...options, 'update', '-qq']);
}

/** Where this machine gets Debian's packages from. */
function mirror() {
  const { stdout } = capture('apt-get', [
    'indextargets',
    '--format',
    '$(SITE)',
    'Created-By: Packages',
  ]);
  const site = stdout.split('\n').find((line) => /\/debian\/?$/.test(line));
  if (site !== undefined) return site;
  throw new SetupError(
    'No Debian archive is among this machine’s package sources.',
    'Name kernels as .deb files instead.',
  );
}

/**
 * The folder that packages of a suite are unpacked to, without their installation scripts; made if it is
 * not here already.
 * @param {string} folder below .cache
 * @param {string} suite e.g. "trixie"
 * @param {readonly string[]} packages
 * @returns {Promise<string>}
 */
export async function unpackFromSuite(folder, suite, packages) {
  const target = join(CACHE, folder);
  if (existsSync(target)) return target;
  return step(`downloading ${packages.join(' ')} of ${suite}`, () => {
    const scratch = `${target}.partial`;
    rmSync(scratch, { recursive: true, force: true });
    const root = join(scratch, 'root');
    mkdirSync(root, { recursive: true });
    try {
      for (const deb of download(packages, suite, scratch)) {
        mustRun('dpkg-deb', ['--extract', deb, root], scratch);
      }
      renameSync(root, target);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    return target;
  });
}

/** Paths of the packages' files. @param {readonly string[]} packages @param {string} suite @param {string} folder */
function download(packages, suite, folder) {
  const options = aptOptions(suite);
  updateLists(options);
  mustRun('apt-get', [...options, 'download', ...packages], folder);
  return readdirSync(folder)
    .filter((entry) => entry.endsWith('.deb'))
    .map((entry) => join(folder, entry));
}

/** @param {string} command @param {readonly string[]} args @param {string} cwd */
function mustRun(command, args, cwd) {
  const done = capture(command, args, { cwd, env: { ...process.env, LC_ALL: 'C' } });
  if (done.status === 0) return;
  const said = `${done.stdout}${done.stderr}`.trim().split('\n').slice(-4).join('\n');
  throw new SetupError(`${command} failed.`, said);
}

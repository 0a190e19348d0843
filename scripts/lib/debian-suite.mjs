import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE } from './paths.mjs';
import { capture } from './run.mjs';
import { SetupError, step } from './say.mjs';

/**
 * Packages of another suite of the distribution's archive, unpacked to a folder of their own. Nothing is
 * installed and the system's package lists stay as they are: apt gets lists, sources and cache below
 * .cache, and checks signatures with the keys the system has.
 */

const FOLDER = join(CACHE, 'suites');

/**
 * The folder that a suite's packages are unpacked to; made if it is not here already.
 * @param {string} name of the folder
 * @param {string} suite e.g. "trixie"
 * @param {readonly string[]} packages
 * @returns {Promise<string>}
 */
export async function unpackFromSuite(name, suite, packages) {
  const target = join(FOLDER, name);
  if (hasEntries(target)) return target;
  return step(`downloading ${packages.join(' ')} of ${suite}`, () => {
    const scratch = `${target}.partial`;
    rmSync(scratch, { recursive: true, force: true });
    const root = join(scratch, 'root');
    mkdirSync(root, { recursive: true });
    try {
      for (const deb of new SuiteArchive(suite, scratch).download(packages, scratch)) {
        mustRun('dpkg-deb', ['--extract', deb, root]);
      }
      renameSync(root, target);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    return target;
  });
}

/** @param {string} folder */
function hasEntries(folder) {
  try {
    return readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}

/** A suite as apt sees it; lists and cache are in a folder of their own, the caller's to remove. */
export class SuiteArchive {
  /** @type {readonly string[]} */
  #options;

  /** @param {string} suite @param {string} folder */
  constructor(suite, folder) {
    const place = join(folder, 'apt');
    mkdirSync(join(place, 'lists/partial'), { recursive: true });
    mkdirSync(join(place, 'cache/archives/partial'), { recursive: true });
    const sources = join(place, 'sources.list');
    writeFileSync(sources, `deb [signed-by=${KEYRING}] ${archiveOfSystem()} ${suite} main\n`);
    this.#options = [
      ...['-q', '-o', `Dir::Etc::SourceList=${sources}`, '-o', 'Dir::Etc::SourceParts=-'],
      ...['-o', `Dir::State::Lists=${place}/lists`, '-o', `Dir::Cache=${place}/cache`],
      // Not as the _apt user, who cannot enter every checkout; signatures are checked all the same.
      ...['-o', 'APT::Sandbox::User=root', '-o', 'Acquire::Languages=none'],
      ...['-o', 'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false'],
      ...['-o', 'Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false'],
    ];
    mustRun('apt-get', [...this.#options, 'update']);
  }

  /**
   * Paths of the packages' files in `folder`.
   * @param {readonly string[]} packages
   * @param {string} folder
   */
  download(packages, folder) {
    mustRun('apt-get', [...this.#options, 'download', ...packages], folder);
    return readdirSync(folder)
      .filter((entry) => entry.endsWith('.deb'))
      .map((entry) => join(folder, entry));
  }

  /** What apt-cache says of a package's dependencies. @param {string} name */
  dependsOf(name) {
    return mustRun('apt-cache', [...this.#options, 'depends', '--important', name]);
  }
}

/** Address of the archive that the system's own packages come from. */
function archiveOfSystem() {
  const format = ['--format', '$(ORIGIN) $(REPO_URI)'];
  const { stdout } = capture('apt-get', ['indextargets', ...format, 'Created-By: Packages']);
  const found = /^Debian (\S+)$/m.exec(stdout)?.[1];
  if (found !== undefined) return found;
  throw new SetupError(
    "apt knows no archive of Debian's here.",
    'Run: apt-get update. What comes from other suites of Debian is left out on other distributions.',
  );
}

/** Only Debian's own keys are believed, whichever others the system trusts. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {string} [cwd]
 */
function mustRun(command, args, cwd) {
  const env = { ...process.env, LC_ALL: 'C' };
  const { status, stdout, stderr } = capture(command, args, { env, ...(cwd && { cwd }) });
  if (status === 0) return stdout;
  const said = `${stdout}${stderr}`.trim().split('\n').slice(-4).join('\n');
  throw new SetupError(`${command} failed.`, said);
}

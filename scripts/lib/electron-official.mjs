import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, inRoot } from './paths.mjs';
import { run } from './run.mjs';
import { say, step } from './say.mjs';

const FAILURE = join(CACHE, 'electron', 'official-failed.json');
/** A refused download is not tried again before this, ms. */
const REMEMBER_MS = 24 * 3600 * 1000;
/** Time to hear from the download server at all, ms. */
const PROBE_MS = 8000;
/** Time for the whole download (about 110 MB), ms. */
const DOWNLOAD_MS = 10 * 60 * 1000;

/**
 * Downloads the official binary with Electron's own script.
 * @returns {Promise<string | null>} null: it is there now; else why not
 */
export async function downloadOfficial() {
  const earlier = rememberedFailure();
  if (earlier !== null) return earlier;
  const refusal = await attempt();
  if (refusal === null) {
    rmSync(FAILURE, { force: true });
    return null;
  }
  mkdirSync(join(CACHE, 'electron'), { recursive: true });
  writeFileSync(FAILURE, JSON.stringify({ at: Date.now(), refusal }));
  say(
    `! the official Electron cannot be downloaded (${refusal}); next try in a day, or after: rm ${FAILURE}`,
  );
  return refusal;
}

/** @returns {string | null} */
function rememberedFailure() {
  try {
    const { at, refusal } = JSON.parse(readFileSync(FAILURE, 'utf8'));
    const age = Date.now() - at;
    return age >= 0 && age < REMEMBER_MS ? String(refusal) : null;
  } catch {
    return null; // No record, or one cut short: try.
  }
}

/** @returns {Promise<string | null>} */
async function attempt() {
  const { version } = JSON.parse(
    readFileSync(inRoot('node_modules/electron/package.json'), 'utf8'),
  );
  const unreachable = await probe(version);
  if (unreachable !== null) return unreachable;
  const status = await step(`downloading Electron ${version} (about 110 MB)`, () =>
    run(process.execPath, [inRoot('node_modules/electron/install.js')], {
      signal: AbortSignal.timeout(DOWNLOAD_MS),
    }).catch((error) => String(error)),
  );
  return status === 0 ? null : `install.js ended with ${status}`;
}

/**
 * Asks the server for a small file first: behind a firewall a download would hang for minutes.
 * @param {string} version
 * @returns {Promise<string | null>}
 */
async function probe(version) {
  // A mirror or a proxy is Electron's own script's business.
  const custom = ['ELECTRON_MIRROR', 'npm_config_electron_mirror', 'ELECTRON_GET_USE_PROXY'];
  if (custom.some((name) => process.env[name] !== undefined)) return null;
  const url = `https://github.com/electron/electron/releases/download/v${version}/SHASUMS256.txt`;
  try {
    const answer = await fetch(url, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(PROBE_MS),
    });
    return answer.status < 400 ? null : `github.com answered ${answer.status}`;
  } catch (error) {
    const cause = /** @type {{ cause?: { code?: string } }} */ (error).cause?.code;
    return `github.com not reachable: ${cause ?? /** @type {Error} */ (error).name}`;
  }
}

#!/usr/bin/env node
// The command line from a checkout: npm run -s emberscope -- ARGS
//
// Makes sure the build is fresh, then becomes the CLI: same process, so its exit code, its terminal and
// its signals are ours.

import { pathToFileURL } from 'node:url';
import { inRoot } from './lib/paths.mjs';
import { runMain } from './lib/say.mjs';
import { setup } from './setup.mjs';

/** Ctrl-C arrives twice, from the terminal and handed on by npm, within this time, ms. */
const SAME_KEY_PRESS_MS = 400;

await runMain(async () => {
  await setup(['build']);
  return 0;
});
if (process.exitCode === 0) await becomeCli();

async function becomeCli() {
  // Lets `emberscope open` start the window, see main/cli.
  process.env['EMBERSCOPE_APP_COMMAND'] ??= JSON.stringify([
    process.execPath,
    inRoot('scripts/start.mjs'),
  ]);
  countKeyPressesOnce();
  const entry = inRoot('dist/cli/main.js');
  process.argv.splice(1, 1, entry);
  process.exitCode = undefined;
  await import(pathToFileURL(entry).href);
}

/** The CLI takes a second Ctrl-C as "abort": one key press must count once. */
function countKeyPressesOnce() {
  const emit = process.emit;
  let last = Number.NEGATIVE_INFINITY;
  /** @param {string} event @param {unknown[]} args */
  const emitOnce = (event, ...args) => {
    if (event === 'SIGINT') {
      const now = performance.now();
      const repeated = now - last < SAME_KEY_PRESS_MS;
      last = now;
      if (repeated) return true;
    }
    return Reflect.apply(emit, process, [event, ...args]);
  };
  process.emit = /** @type {typeof process.emit} */ (emitOnce);
}

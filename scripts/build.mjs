#!/usr/bin/env node
// Builds everything below dist/. Only what changed is built again: each target remembers its inputs.
//
//   node scripts/build.mjs [--only=cli,helper,engine,app,renderer,bpf,demo] [--force]

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isFresh, remember } from './lib/build-record.mjs';
import { TARGETS } from './lib/build-targets.mjs';
import { inRoot } from './lib/paths.mjs';
import { runMain, SetupError, say, seconds } from './lib/say.mjs';

/** @typedef {keyof typeof TARGETS} TargetName */

/**
 * Builds the targets whose inputs changed. Returns the names of those that were built.
 * @param {{ only?: readonly string[], force?: boolean }} [options]
 */
export async function build({ only, force = false } = {}) {
  const names = only ?? Object.keys(TARGETS);
  const stale = names.filter((name) => force || !isFresh(name));
  if (stale.length === 0) return stale;
  if (!existsSync(inRoot('node_modules/esbuild'))) {
    throw new SetupError('The npm packages are not installed.', 'Run: npm run setup');
  }
  for (const name of stale) {
    const target = TARGETS[/** @type {TargetName} */ (name)];
    const start = performance.now();
    const record = await target();
    remember(name, record);
    say(`✓ built ${name} (${seconds(performance.now() - start)})`);
  }
  return stale;
}

/** Whether any target has to be built. */
export const isBuildFresh = () => Object.keys(TARGETS).every(isFresh);

/** @param {readonly string[]} args */
async function main(args) {
  const only = args
    .find((arg) => arg.startsWith('--only='))
    ?.slice('--only='.length)
    .split(',');
  const unknown = [
    ...args.filter((arg) => arg !== '--force' && !arg.startsWith('--only=')),
    ...(only ?? []).filter((name) => !(name in TARGETS)),
  ];
  if (unknown.length > 0) {
    throw new SetupError(
      `Unknown: ${unknown.join(' ')}`,
      `Usage: node scripts/build.mjs [--only=${Object.keys(TARGETS).join(',')}] [--force]`,
    );
  }
  const built = await build({ ...(only ? { only } : {}), force: args.includes('--force') });
  if (built.length === 0) say('✓ nothing to build');
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(() => main(process.argv.slice(2)));
}

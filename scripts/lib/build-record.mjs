import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { inRoot } from './paths.mjs';

/**
 * What a target was built from and what came out: paths relative to the checkout.
 * @typedef {{ inputs: readonly string[], outputs: readonly string[] }} BuildRecord
 */

/** @param {string} name */
const recordPath = (name) => inRoot('dist', '.build', `${name}.json`);

/** Size and modification time of a file, or '' when it is not there. @param {string} path */
function stamp(path) {
  const stats = statSync(inRoot(path), { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.size}:${stats.mtimeMs}`;
}

/** The build scripts themselves: a change there rebuilds everything. */
const RECIPE = ['scripts/build.mjs', 'scripts/lib/build-targets.mjs', 'package.json'];
const recipe = () =>
  createHash('sha256')
    .update(RECIPE.map((path) => readFileSync(inRoot(path), 'utf8')).join('\0'))
    .digest('hex');

/**
 * True if every input is as it was and every output is there.
 * @param {string} name
 */
export function isFresh(name) {
  if (!existsSync(recordPath(name))) return false;
  /** @type {{ recipe: string, inputs: Record<string, string>, outputs: string[] }} */
  let record;
  try {
    record = JSON.parse(readFileSync(recordPath(name), 'utf8'));
  } catch {
    return false; // Written by half: build again.
  }
  return (
    record.recipe === recipe() &&
    record.outputs.every((path) => existsSync(inRoot(path))) &&
    Object.entries(record.inputs).every(([path, was]) => stamp(path) === was)
  );
}

/**
 * @param {string} name
 * @param {BuildRecord} record
 */
export function remember(name, { inputs, outputs }) {
  mkdirSync(inRoot('dist', '.build'), { recursive: true });
  const stamped = Object.fromEntries(inputs.map((path) => [path, stamp(path)]));
  writeFileSync(
    recordPath(name),
    JSON.stringify({ recipe: recipe(), inputs: stamped, outputs }, null, 1),
  );
}

import { inRoot, ROOT } from './paths.mjs';
import { capture } from './run.mjs';

/** A check that passes or fails as a whole. @typedef {{ name: string, command: readonly string[] }} Check */

/** @param {string} name */
const bin = (name) => inRoot('node_modules', '.bin', name);

/** Everything that can be said about the source without running it. @type {readonly Check[]} */
export const STATIC_CHECKS = [
  { name: 'format', command: [bin('biome'), 'check', '.'] },
  ...['main/shared', 'main', 'renderer', 'test', 'scripts'].map((folder) => ({
    name: `types ${folder}`,
    command: [bin('tsc'), '-p', folder],
  })),
  { name: 'lint', command: [bin('eslint'), '--max-warnings', '0', '.'] },
  { name: 'layers', command: [process.execPath, inRoot('scripts/check-layers.mjs')] },
  { name: 'dead code', command: [bin('knip')] },
];

/**
 * Runs one check. Its output is for the case that it fails.
 * @param {Check} check
 */
export function runCheck({ command: [command = '', ...args] }) {
  const start = performance.now();
  const done = capture(command, args, { cwd: ROOT });
  return {
    passed: done.status === 0,
    output: `${done.stdout}${done.stderr}`.trim(),
    ms: performance.now() - start,
  };
}

#!/usr/bin/env node
// The import rule (.dependency-cruiser.cjs), and proof that every source file was looked at: a rule
// that sees no module passes silently.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { inRoot, ROOT } from './lib/paths.mjs';
import { capture } from './lib/run.mjs';
import { runMain, say } from './lib/say.mjs';

/** @typedef {{ source: string }} Module */
/** @typedef {{ rule: { name: string, severity: string }, from: string, to: string }} Violation */

const FOLDERS = ['main', 'renderer'];

await runMain(async () => {
  const cli = inRoot('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const config = ['--config', '.dependency-cruiser.cjs', '--output-type', 'json'];
  const done = capture(process.execPath, [cli, ...config, ...FOLDERS], { cwd: ROOT });
  if (!done.stdout.startsWith('{')) {
    say(`✗ dependency-cruiser did not run:\n${done.stderr}${done.stdout}`);
    return 1;
  }
  /** @type {{ modules: Module[], summary: { violations: Violation[] } }} */
  const { modules, summary } = JSON.parse(done.stdout);
  const seen = new Set(modules.map(({ source }) => source));
  const files = FOLDERS.flatMap(sourcesBelow);
  const unseen = files.filter((file) => !seen.has(file));
  for (const { rule, from, to } of summary.violations) say(`✗ ${rule.name}: ${from} → ${to}`);
  for (const file of unseen) say(`✗ not looked at: ${file}`);
  say(`${summary.violations.length} violations in ${files.length - unseen.length} modules`);
  return files.length > 0 && unseen.length === 0 && summary.violations.length === 0 ? 0 : 1;
});

/** @param {string} folder */
function sourcesBelow(folder) {
  return readdirSync(inRoot(folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1));
}

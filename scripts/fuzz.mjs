#!/usr/bin/env node
// Feeds damaged inputs to every parser of what others write; inputs that break one are kept.
//
//   node scripts/fuzz.mjs [--runs 1000000] [--seed 1] [--target elf,eh-frame,...]
//
// The same seed makes the same inputs. Runs are shared out evenly over the targets.

import { inRoot } from './lib/paths.mjs';
import { run } from './lib/run.mjs';
import { runMain } from './lib/say.mjs';
import { setup } from './setup.mjs';

await runMain(async () => {
  await setup(['build', 'test']);
  // Not before the set-up: it may be what installs esbuild.
  const { build } = await import('esbuild');
  const outdir = inRoot('dist/fuzz');
  await build({
    entryPoints: [inRoot('test/fuzz/main.ts'), inRoot('test/fuzz/worker.ts')],
    outdir,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
  const paths = [
    `--fixtures=${inRoot('test/fixtures/fuzz')}`,
    `--failures=${inRoot('.cache/fuzz')}`,
  ];
  return run(
    process.execPath,
    ['--expose-gc', `${outdir}/main.js`, ...paths, ...process.argv.slice(2)],
    { stdio: 'inherit' },
  );
});

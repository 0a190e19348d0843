#!/usr/bin/env node
// npm run bench: the performance tables. Measures, prints, judges nothing.
//
//   node scripts/bench.mjs [recording] [store]      no name: all of them

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build as bundle } from 'esbuild';
import { build } from './build.mjs';
import { inRoot } from './lib/paths.mjs';
import { capture, run, which } from './lib/run.mjs';
import { runMain, SetupError } from './lib/say.mjs';

const NAMES = ['recording', 'store'];

await runMain(async () => {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !NAMES.includes(name));
  if (unknown.length > 0) {
    throw new SetupError(
      `Unknown: ${unknown.join(' ')}`,
      `Usage: npm run bench -- [${NAMES.join('] [')}]`,
    );
  }
  const names = asked.length > 0 ? asked : NAMES;
  if (names.includes('recording')) {
    if (process.getuid?.() !== 0) {
      throw new SetupError('Recording the whole machine needs root.', 'Run: sudo npm run bench');
    }
    if (which('perf') === null) {
      throw new SetupError(
        'perf, the reference, is not installed.',
        'Run: npm run setup -- --tests',
      );
    }
  }
  await build();
  const folder = mkdtempSync(join(tmpdir(), 'emberscope-bench-'));
  try {
    const target = join(folder, 'deep_spin');
    const flags = ['-O2', '-fno-omit-frame-pointer', '-fno-optimize-sibling-calls', '-pthread'];
    const compiled = capture('cc', [
      ...flags,
      inRoot('test/fixtures/bench/deep_spin.c'),
      '-o',
      target,
    ]);
    if (compiled.status !== 0) throw new SetupError('cc failed.', compiled.stderr);
    const program = inRoot('dist/bench/main.js');
    await bundle({
      entryPoints: [inRoot('test/bench/main.ts')],
      outfile: program,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
      logLevel: 'warning',
    });
    const args = [
      program,
      `--folder=${folder}`,
      `--target=${target}`,
      `--cli=${inRoot('dist/cli/main.js')}`,
    ];
    return await run(process.execPath, [...args, ...names], { stdio: 'inherit' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

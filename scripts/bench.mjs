#!/usr/bin/env node
// npm run bench: the performance tables. Measures, prints, judges nothing.
//
//   node scripts/bench.mjs [recording] [stacks] [store] [tables] [sched] [calls] [functions] [long]
//
// No name: all but the last two: they boot a kernel in an emulator, and record for ten minutes.

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inRoot } from './lib/paths.mjs';
import { capture, run } from './lib/run.mjs';
import { runMain, SetupError } from './lib/say.mjs';
import { ensureTracefs } from './lib/tracefs.mjs';
import { setup } from './setup.mjs';

const NAMES = ['recording', 'stacks', 'store', 'tables', 'sched', 'calls'];
const ON_REQUEST = ['functions', 'long'];

/** A program whose lost throughput is measured. @param {string} name @param {string} path */
function compileTarget(name, path) {
  const flags = ['-O2', '-fno-omit-frame-pointer', '-fno-optimize-sibling-calls', '-pthread'];
  const source = inRoot(`test/fixtures/bench/${name}.c`);
  const { status, stderr } = capture('cc', [...flags, source, '-o', path]);
  if (status !== 0) throw new SetupError('The bench target does not compile.', stderr);
}

/** The bench itself, one bundle. */
async function bundleProgram() {
  // Not before the set-up: it may be what installs esbuild.
  const { build } = await import('esbuild');
  const outfile = inRoot('dist/bench/main.js');
  await build({
    entryPoints: [inRoot('test/bench/main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
  return outfile;
}

await runMain(async () => {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => ![...NAMES, ...ON_REQUEST].includes(name));
  if (unknown.length > 0) {
    throw new SetupError(
      `Unknown: ${unknown.join(' ')}`,
      `npm run bench -- [${[...NAMES, ...ON_REQUEST].join('] [')}]`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new SetupError(
      'Recording the machine and starting the app as another user need root.',
      'Run: sudo npm run bench',
    );
  }
  // perf is the reference, Xvfb the display of the window that is timed.
  await setup(['build', 'desktop', 'test', 'bench']);
  ensureTracefs();
  const folder = mkdtempSync(join(tmpdir(), 'emberscope-bench-'));
  try {
    // The window that opens a file in it runs as a plain user.
    chmodSync(folder, 0o755);
    const target = join(folder, 'deep_spin');
    compileTarget('deep_spin', target);
    for (const name of ['ping_pong', 'calls']) compileTarget(name, join(folder, name));
    const program = await bundleProgram();
    const paths = [
      `--folder=${folder}`,
      `--target=${target}`,
      `--cli=${inRoot('dist/cli/main.js')}`,
      `--fixtures=${inRoot('test/fixtures/workloads')}`,
    ];
    const display = ['--auto-servernum', '--server-args=-screen 0 2600x1500x24 -nolisten tcp'];
    const names = asked.length > 0 ? asked : NAMES;
    const command = [...display, process.execPath, program, ...paths, ...names];
    return await run('xvfb-run', command, { stdio: 'inherit' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

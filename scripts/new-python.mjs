#!/usr/bin/env node
// Has a Python with -X perf, for the tests of it; prints how to start it as JSON on standard output.
//
//   node scripts/new-python.mjs

import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unpackFromSuite } from './lib/apt-suites.mjs';
import { CACHE } from './lib/paths.mjs';
import { capture, which } from './lib/run.mjs';
import { runMain, SetupError, say } from './lib/say.mjs';

/** What -X perf needs, with a C library of its own: the system's is older. */
const PACKAGES = ['python3.13-minimal', 'libpython3.13-minimal', 'libc6', 'libexpat1', 'zlib1g'];
const SUITE = 'trixie';
const NAME = 'python3.13';
const FOLDER = `suites/${NAME}`;
const ROOT = join(CACHE, FOLDER);

/**
 * How to start a Python that has -X perf (3.12 and newer): the system's, else one that lies in a root
 * folder of its own. null: there is none.
 * @returns {readonly string[] | null}
 */
export function newPython() {
  for (const name of ['python3.13', 'python3.12', 'python3']) {
    const program = which(name);
    if (program !== null && hasPerfTrampolines([program])) return [program];
  }
  const inside = ['chroot', ROOT, `/usr/bin/${NAME}`];
  return existsSync(ROOT) && hasPerfTrampolines(inside) ? inside : null;
}

/** @param {readonly string[]} command */
function hasPerfTrampolines([program = '', ...args]) {
  const check = 'import sys; sys.exit(sys.version_info < (3, 12))';
  return capture(program, [...args, '-X', 'perf', '-c', check]).status === 0;
}

/** Downloads one where there is none. Without the network the test that needs it is skipped and counted. */
export async function ensureNewPython() {
  if (newPython() !== null || process.getuid?.() !== 0) return;
  try {
    const root = await unpackFromSuite(FOLDER, SUITE, PACKAGES);
    // As every Debian since 12 has it: the C library's loader is expected in /lib64.
    for (const folder of ['lib', 'lib64', 'bin']) link(`usr/${folder}`, join(root, folder));
    mkdirSync(join(root, 'tmp'), { recursive: true });
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(`! No Python with -X perf: ${error.message} ${error.fix}`);
  }
}

/** @param {string} to @param {string} at */
function link(to, at) {
  if (!existsSync(at)) symlinkSync(to, at);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runMain(async () => {
    await ensureNewPython();
    process.stdout.write(`${JSON.stringify(newPython())}\n`);
    return 0;
  });
}

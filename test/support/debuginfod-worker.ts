import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
/** Inside the checkout, so that bundles find node_modules; ignored by git. */
const OUTPUT = join(ROOT, '.cache');

/**
 * Bundles the worker that asks debuginfod as the product does, into a folder that goes after the tests.
 * `library` takes the place of the client library's name.
 */
export async function bundledWorker(library = 'libdebuginfod.so.1'): Promise<URL> {
  mkdirSync(OUTPUT, { recursive: true });
  const folder = mkdtempSync(join(OUTPUT, 'debuginfod-worker-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, 'debuginfod-worker.mjs');
  await build({
    ...{ entryPoints: [join(ROOT, 'main/symbolize/debuginfod-worker.ts')], outfile, bundle: true },
    ...{ platform: 'node', format: 'esm', target: 'node20', packages: 'external' },
    logLevel: 'error',
  });
  const text = readFileSync(outfile, 'utf8').replaceAll('libdebuginfod.so.1', library);
  writeFileSync(outfile, text);
  return pathToFileURL(outfile);
}

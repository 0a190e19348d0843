import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = createRequire(import.meta.url);

/** Bundles a TypeScript program into `folder`, so that plain node can run it; returns its path. */
export async function bundleProgram(source: string, folder: string): Promise<string> {
  const outfile = join(folder, 'program.mjs');
  const sqlite = pathToFileURL(here.resolve('sqlite3')).href;
  await build({
    ...{ entryPoints: [source], outfile, bundle: true, platform: 'node', format: 'esm' },
    ...{ target: 'node20', logLevel: 'silent' },
    plugins: [
      {
        name: 'sqlite3-by-path',
        setup: (bundler) => {
          bundler.onResolve({ filter: /^sqlite3$/ }, () => ({ path: sqlite, external: true }));
        },
      },
    ],
  });
  return outfile;
}

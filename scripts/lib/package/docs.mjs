import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { ROOT } from '../paths.mjs';
import { PRODUCT, WORK } from './layout.mjs';

/** The command line's own description of itself: what the manual page and the completions are made of. */
const ENTRY = `
export { completionScript, SHELLS } from './main/cli/completions.ts';
export { manPage } from './main/cli/man-page.ts';
export { programOf } from './main/cli/program.ts';
`;

/**
 * Writes the manual page and the shells' completions where the system looks for them, below `folder`
 * (/usr or a folder like it).
 * @param {string} folder
 * @param {string} date ISO
 */
export async function writeDocs(folder, date) {
  const bundle = join(WORK, 'docs.mjs');
  await build({
    stdin: { contents: ENTRY, resolveDir: ROOT },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['electron', 'koffi', 'sqlite3'],
    outfile: bundle,
    logLevel: 'silent',
    define: { EMBERSCOPE_VERSION: JSON.stringify(PRODUCT.version) },
    banner: {
      js: "import { createRequire as __r } from 'node:module'; const require = __r(import.meta.url);",
    },
  });
  // The query: a second build in one process must not get the first one's module.
  const { completionScript, manPage, programOf, SHELLS } = await import(
    `${pathToFileURL(bundle).href}?at=${Date.now()}`
  );
  const program = programOf(() => undefined);
  for (const shell of SHELLS) {
    const place = COMPLETION_PLACES[/** @type {keyof typeof COMPLETION_PLACES} */ (shell)];
    write(join(folder, place), completionScript(program, shell));
  }
  write(join(folder, MAN_PLACE), manPage(program, PRODUCT.version, date));
}

const { name } = PRODUCT;
const MAN_PLACE = `share/man/man1/${name}.1`;
const COMPLETION_PLACES = {
  bash: `share/bash-completion/completions/${name}`,
  zsh: `share/zsh/vendor-completions/_${name}`,
  fish: `share/fish/vendor_completions.d/${name}.fish`,
};

/** @param {string} path @param {string} text */
function write(path, text) {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
}

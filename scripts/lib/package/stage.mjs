import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { inRoot } from '../paths.mjs';
import { PRODUCT, PROJECT } from './layout.mjs';

/** What of dist/ is shipped. */
const BUNDLES = [
  'app',
  'preload',
  'renderer',
  'engine',
  'helper',
  'cli',
  'bpf',
  'demo',
  'launcher',
];

/**
 * Native packages and the files of each that run; everything else is bundled. Sources, documentation and
 * other platforms' binaries stay out.
 * @type {Record<string, RegExp>}
 */
const MODULES = {
  sqlite3:
    /^lib\/(sqlite3|sqlite3-binding|trace)\.js$|^build\/Release\/node_sqlite3\.node$|^LICENSE/,
  bindings: /^bindings\.js$|^LICENSE/,
  'file-uri-to-path': /^index\.js$|^LICENSE/,
  koffi:
    /^(index|indirect)\.(cjs|js)$|^src\/koffi\/((index|indirect)\.(cjs|js)|src\/static\.cjs)$|^LICENSE/,
  [`@koromix/koffi-linux-${process.arch}`]: /^index\.js$|^linux_\w+\/koffi\.node$|^LICENSE/,
};
export const SHIPPED_MODULES = Object.keys(MODULES);

/** What the loader needs of a package's own description. */
const KEPT_FIELDS = ['name', 'version', 'license', 'type', 'main', 'exports'];

/** Makes the app's folder from dist/ and node_modules, without source maps and development files. */
export function stageApp() {
  rmSync(PROJECT, { recursive: true, force: true });
  mkdirSync(PROJECT, { recursive: true });
  for (const bundle of BUNDLES) {
    const from = inRoot('dist', bundle);
    for (const file of filesBelow(from)) {
      if (!file.endsWith('.map'))
        copyBundled(join(from, file), join(PROJECT, 'dist', bundle, file));
    }
  }
  for (const [name, pattern] of Object.entries(MODULES)) stageModule(name, pattern);
  const description = {
    ...pick(PRODUCT, ['name', 'productName', 'version', 'description', 'license', 'author']),
    homepage: homepage(),
    type: 'module',
    main: 'dist/app/main.js',
    desktopName: `${PRODUCT.name}.desktop`,
    dependencies: Object.fromEntries(SHIPPED_MODULES.map((name) => [name, '*'])),
  };
  writeJson(join(PROJECT, 'package.json'), description);
  writeJson(join(PROJECT, 'package-lock.json'), { name: PRODUCT.name, lockfileVersion: 3 });
}

/** Packages must name a home page; until the project has one it is a reserved name that leads nowhere. */
export const homepage = () => PRODUCT.homepage ?? `https://${PRODUCT.name}.invalid/`;

/**
 * @param {string} name
 * @param {RegExp} pattern
 */
function stageModule(name, pattern) {
  const from = inRoot('node_modules', name);
  const to = join(PROJECT, 'node_modules', name);
  if (!existsSync(from)) throw new Error(`Bug: node_modules/${name} is not there`);
  for (const file of filesBelow(from).filter((path) => pattern.test(path))) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    cpSync(join(from, file), join(to, file));
  }
  const description = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
  writeJson(join(to, 'package.json'), pick(description, KEPT_FIELDS));
}

/**
 * A bundle must not point to the source map that is left out; and the installed runtime is started by name, not
 * by a first line that asks for another. @param {string} from @param {string} to */
function copyBundled(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  if (!/\.(js|cjs|css)$/.test(from)) {
    cpSync(from, to);
    return;
  }
  const text = readFileSync(from, 'utf8');
  const bare = text
    .replace(/^#!.*\n/, '')
    .replace(/\n(\/\/|\/\*)# sourceMappingURL=[^\n]*\n*$/, '\n');
  writeFileSync(to, bare);
}

/** Relative paths of all files. @param {string} folder */
export const filesBelow = (folder) =>
  readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();

/** @param {object} object @param {readonly string[]} keys */
const pick = (object, keys) =>
  Object.fromEntries(Object.entries(object).filter(([key]) => keys.includes(key)));

/** @param {string} path @param {unknown} value */
const writeJson = (path, value) => writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);

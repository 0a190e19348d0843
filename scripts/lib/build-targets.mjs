import { copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { buildLaunchers } from './launchers.mjs';
import { inRoot, ROOT } from './paths.mjs';
import { capture, which } from './run.mjs';
import { SetupError } from './say.mjs';

/** @typedef {import('./build-record.mjs').BuildRecord} BuildRecord */
/** @typedef {import('esbuild').BuildOptions} BuildOptions */

/** Native modules cannot be bundled; Electron provides itself. */
const EXTERNAL = ['electron', 'koffi', 'sqlite3'];

/** Bundled CommonJS packages call require() for Node's own modules, which ES modules lack. */
const REQUIRE_BANNER =
  "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);";

/** @type {BuildOptions} */
const NODE = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: EXTERNAL,
  banner: { js: REQUIRE_BANNER },
};

/** @type {BuildOptions} */
const PAGE = { bundle: true, platform: 'browser', format: 'esm', target: 'chrome140' };

/**
 * @param {BuildOptions} options
 * @returns {Promise<BuildRecord>}
 */
async function bundle(options) {
  const { build } = await import('esbuild');
  const { version } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));
  const entries = Object.values(options.entryPoints ?? {});
  let result;
  try {
    result = await build({
      ...options,
      absWorkingDir: ROOT,
      metafile: true,
      sourcemap: 'linked',
      logLevel: 'silent',
      define: { EMBERSCOPE_VERSION: JSON.stringify(version) },
    });
  } catch (error) {
    throw new SetupError(`Building ${entries.join(', ')} failed.`, await explain(error));
  }
  return {
    inputs: Object.keys(result.metafile.inputs).filter((path) => !path.startsWith('<')),
    outputs: Object.keys(result.metafile.outputs),
  };
}

/** esbuild's messages with file, line and source. @param {unknown} error */
async function explain(error) {
  const errors = /** @type {{ errors?: import('esbuild').Message[] }} */ (error).errors;
  if (errors === undefined) return String(error);
  const { formatMessages } = await import('esbuild');
  return (await formatMessages(errors, { kind: 'error' })).join('').trim();
}

/** @param {string} folder @param {RegExp} pattern */
const filesIn = (folder, pattern) =>
  readdirSync(inRoot(folder))
    .filter((name) => pattern.test(name))
    .map((name) => `${folder}/${name}`);

/** The page: script, worker, styles with their fonts, and the HTML file. */
async function renderer() {
  const script = await bundle({
    ...PAGE,
    entryPoints: {
      index: 'renderer/index.ts',
      'profile-worker': 'renderer/worker/profile-worker.ts',
    },
    outdir: 'dist/renderer',
  });
  const styles = await bundle({
    bundle: true,
    target: 'chrome140',
    entryPoints: { app: 'renderer/styles/app.css' },
    outdir: 'dist/renderer',
    loader: { '.woff2': 'file', '.svg': 'file' },
    assetNames: 'fonts/[name]',
  });
  copyFileSync(inRoot('renderer/index.html'), inRoot('dist/renderer/index.html'));
  return {
    inputs: [...script.inputs, ...styles.inputs, 'renderer/index.html'],
    outputs: [...script.outputs, ...styles.outputs, 'dist/renderer/index.html'],
  };
}

/** The main process, its sandboxed preload (one CommonJS file by necessity) and the window icon. */
async function app() {
  const main = await bundle({
    ...NODE,
    entryPoints: { main: 'main/app/main.ts' },
    outdir: 'dist/app',
  });
  const preload = await bundle({
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'chrome140',
    external: ['electron'],
    entryPoints: { preload: 'main/preload/preload.ts' },
    outdir: 'dist/preload',
    outExtension: { '.js': '.cjs' },
  });
  copyFileSync(inRoot('assets/icon.png'), inRoot('dist/app/icon.png'));
  return {
    inputs: [...main.inputs, ...preload.inputs, 'assets/icon.png'],
    outputs: [...main.outputs, ...preload.outputs, 'dist/app/icon.png'],
  };
}

/** BPF objects, by their own Makefile. */
function bpf() {
  const made = capture('make', ['-C', 'native-bpf', '--no-print-directory'], { cwd: ROOT });
  if (made.status !== 0) {
    throw new SetupError(
      'Compiling the BPF programs failed.',
      `${made.stdout}${made.stderr}`.trim() || 'Is make installed? Run: npm run setup',
    );
  }
  return {
    // The folder itself changes its time when a file comes or goes.
    inputs: ['native-bpf', ...filesIn('native-bpf', /\.(c|h)$|^Makefile$/)],
    outputs: filesIn('dist/bpf', /\.bpf\.o$/),
  };
}

/** Demo workloads, with frame pointers and without tail calls: their stacks are known. */
function demo() {
  const sources = filesIn('assets/demo', /\.c$/);
  const compiler = which(process.env['CC'] ?? 'cc') ?? which('gcc') ?? which('clang');
  if (compiler === null) throw new SetupError('There is no C compiler.', 'Run: npm run setup');
  mkdirSync(inRoot('dist/demo'), { recursive: true });
  const outputs = sources.map((source) => {
    const output = `dist/demo/${basename(source, '.c')}`;
    const made = capture(compiler, [...DEMO_FLAGS, '-o', output, source, '-lm'], { cwd: ROOT });
    if (made.status !== 0) throw new SetupError(`Compiling ${source} failed.`, made.stderr.trim());
    return output;
  });
  return { inputs: ['assets/demo', ...sources], outputs };
}
const DEMO_FLAGS = [
  '-O1',
  '-g',
  '-fno-omit-frame-pointer',
  '-fno-optimize-sibling-calls',
  '-pthread',
  '-Wall',
  '-Wextra',
];

/** Name of a target → what builds it. @satisfies {Record<string, () => BuildRecord | Promise<BuildRecord>>} */
export const TARGETS = {
  bpf,
  demo,
  launcher: buildLaunchers,
  helper: () =>
    bundle({
      ...NODE,
      entryPoints: {
        main: 'main/helper/main.ts',
        'drain-worker': 'main/helper/drain-worker.ts',
        'unwind-worker': 'main/helper/unwind/unwind-worker.ts',
      },
      outdir: 'dist/helper',
    }),
  engine: () =>
    bundle({ ...NODE, entryPoints: { main: 'main/engine/main.ts' }, outdir: 'dist/engine' }),
  cli: () =>
    bundle({
      ...NODE,
      entryPoints: {
        main: 'main/cli/main.ts',
        'debuginfod-worker': 'main/symbolize/debuginfod-worker.ts',
      },
      outdir: 'dist/cli',
    }),
  renderer,
  app,
};

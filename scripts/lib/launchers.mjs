import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { inRoot, ROOT } from './paths.mjs';
import { capture, which } from './run.mjs';
import { SetupError } from './say.mjs';

const SOURCE = 'main/helper/launcher/emberscope-launcher.c';
const POLICY = 'assets/polkit/org.emberscope.policy';
/** Relative to dist/. */
export const LAUNCHERS_FOLDER = 'launcher';

/**
 * What the launchers start, and the folder with all it loads, which are compiled in: a package's app, and
 * what `emberscope install-helper` copies (main/cli/helper-files.ts).
 * @type {Readonly<Record<'package' | 'copy', { tree: string, runtime: string, helper: string }>>}
 */
const LAYOUTS = {
  package: {
    tree: '/opt/Emberscope',
    runtime: '/opt/Emberscope/emberscope',
    helper: '/opt/Emberscope/resources/app.asar.unpacked/dist/helper/main.js',
  },
  copy: {
    tree: '/usr/lib/emberscope',
    runtime: '/usr/lib/emberscope/runtime/emberscope-runtime',
    helper: '/usr/lib/emberscope/dist/helper/main.js',
  },
};

/** One program per way of getting its power. @type {Readonly<Record<string, readonly string[]>>} */
const VARIANTS = {
  own: ['-DEMBERSCOPE_BY_POLKIT', '-DEMBERSCOPE_SCOPE="own"'],
  system: ['-DEMBERSCOPE_BY_POLKIT', '-DEMBERSCOPE_SCOPE="system"'],
  caps: [],
};

/** Hardened as distributions build what runs as root. */
const FLAGS = [
  ...['-O2', '-Wall', '-Wextra', '-Werror', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong'],
  ...['-fPIE', '-pie', '-Wl,-z,relro,-z,now', '-s'],
];

/** Compiles the launchers of both layouts into dist/launcher, beside the policy that names them. */
export function buildLaunchers() {
  const compiler = which(process.env['CC'] ?? 'cc') ?? which('gcc') ?? which('clang');
  if (compiler === null) throw new SetupError('There is no C compiler.', 'Run: npm run setup');
  const outputs = Object.entries(LAYOUTS).flatMap(([layout, { tree, runtime, helper }]) => {
    const folder = join('dist', LAUNCHERS_FOLDER, layout);
    mkdirSync(inRoot(folder), { recursive: true });
    const paths = [
      ...[`-DEMBERSCOPE_RUNTIME="${runtime}"`, `-DEMBERSCOPE_HELPER="${helper}"`],
      `-DEMBERSCOPE_TREE="${tree}"`,
    ];
    return Object.entries(VARIANTS).map(([variant, defines]) => {
      const output = join(folder, `emberscope-helper-${variant}`);
      const args = [...FLAGS, ...paths, ...defines, '-o', output, SOURCE];
      const made = capture(compiler, args, { cwd: ROOT });
      if (made.status !== 0) throw new SetupError(`Compiling ${SOURCE} failed.`, made.stderr);
      return output;
    });
  });
  const policy = join('dist', LAUNCHERS_FOLDER, 'org.emberscope.policy');
  copyFileSync(inRoot(POLICY), inRoot(policy));
  return { inputs: [SOURCE, POLICY], outputs: [...outputs, policy] };
}

import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inRoot } from '../paths.mjs';
import { capture, which } from '../run.mjs';
import { SetupError } from '../say.mjs';
import { PACKAGES, PLAIN, PRODUCT, PROJECT, SYSTEM, UNPACKED, WORK } from './layout.mjs';
import { neededVersions } from './library-versions.mjs';
import { filesBelow, SHIPPED_MODULES } from './stage.mjs';

/** @typedef {import('electron-builder').Configuration} Configuration */
/** @typedef {import('../../electron-runtime.mjs').ElectronRuntime} ElectronRuntime */

/**
 * What the Electron executable lets itself be asked for. runAsNode stays on: the command line and the helper
 * run on this very runtime. On Linux that gives nothing away: whoever can start our executable can start any
 * other with the same rights, and nothing of ours is set-id or has file capabilities.
 */
export const FUSES = {
  runAsNode: true,
  enableCookieEncryption: false,
  enableNodeOptionsEnvironmentVariable: false,
  enableNodeCliInspectArguments: false,
  enableEmbeddedAsarIntegrityValidation: false,
  onlyLoadAppFromAsar: true,
  loadBrowserProcessSpecificV8Snapshot: false,
  grantFileProtocolExtraPrivileges: false,
};

/**
 * In plain files, not in the archive: what C code or another program opens (native modules, the demo), and
 * the processes that run beside the app.
 */
const PLAIN_FILES = ['package.json', 'node_modules/**', 'dist/{helper,cli,demo,launcher}/**'];

/**
 * Debian renamed some packages for 64-bit time: either name will do. The new one first, for apt takes the first
 * that it can get, and under an old name that may be another package (Ubuntu's libasound2 is provided by OSS too).
 * @param {string} name
 */
const t64 = (name) => `${name}t64 | ${name}`;

/**
 * What the executables are linked with (a test compares), and what is opened by name at run time. rpmbuild finds
 * out the versions of libraries by itself.
 * @param {import('./library-versions.mjs').NeededVersions} needed
 */
const debDepends = ({ glibc, gcc }) => [
  `libc6 (>= ${glibc})`,
  'libbpf1 (>= 1:1.0)',
  'liblzma5',
  `libstdc++6 (>= ${gcc})`,
  ...['libasound2', 'libatk-bridge2.0-0', 'libatk1.0-0', 'libatspi2.0-0', 'libcups2'].map(t64),
  ...['libglib2.0-0', 'libgtk-3-0'].map(t64),
  ...['libcairo2', 'libdbus-1-3', 'libexpat1', 'libgbm1', 'libgcc-s1', 'libnspr4', 'libnss3'],
  ...['libpango-1.0-0', 'libudev1', 'libx11-6', 'libxcb1', 'libxcomposite1', 'libxdamage1'],
  ...['libxext6', 'libxfixes3', 'libxkbcommon0', 'libxrandr2'],
];

/**
 * Recording by dialog; debug files of distributions; links in the browser; that a double click knows session files,
 * whose type and application these two register. Opening sessions needs none.
 */
const DEB_RECOMMENDS = [
  ...['pkexec', 'polkitd', t64('libdebuginfod1'), 'xdg-utils'],
  ...['desktop-file-utils', 'shared-mime-info'],
];

/** rpm finds the libraries by itself; this one is opened by name. */
const RPM_DEPENDS = ['libbpf.so.1()(64bit)'];
const RPM_RECOMMENDS = [
  ...['polkit', 'elfutils-debuginfod-client', 'xdg-utils'],
  ...['desktop-file-utils', 'shared-mime-info'],
];

/** @param {ElectronRuntime} runtime @param {readonly string[]} depends of the deb @returns {Configuration} */
function configuration(runtime, depends) {
  const system = [`${SYSTEM}/usr/=/usr`];
  return {
    appId: PRODUCT.name,
    electronVersion: runtime.version,
    electronDist: runtime.folder,
    // Native modules use Node-API: one build serves Node and Electron.
    npmRebuild: false,
    directories: { output: join(WORK, 'out'), buildResources: join(WORK, 'none') },
    files: ['**/*', '!package-lock.json'],
    asarUnpack: PLAIN_FILES,
    // electron-builder leaves every *.o out of the app.
    extraResources: [{ from: join(PROJECT, 'dist/bpf'), to: 'app.asar.unpacked/dist/bpf' }],
    extraFiles: [{ from: inRoot('assets/linux/emberscope.sh'), to: `bin/${PRODUCT.name}` }],
    electronFuses: FUSES,
    electronLanguages: ['en-US'],
    publish: null,
    linux: {
      executableName: PRODUCT.name,
      // Paths, not addresses: files on network shares come by the folder where the desktop mounts them.
      executableArgs: ['%F'],
      icon: inRoot('assets/icons/app'),
      category: 'Development;Profiling',
      mimeTypes: [`application/vnd.${PRODUCT.name}`],
      synopsis: 'profiler: live eBPF flame graphs in one portable file',
      description: PRODUCT.description,
      maintainer: PRODUCT.author,
      syncDesktopName: true,
      desktop: {
        entry: {
          GenericName: 'Profiler',
          Keywords: 'profiler;performance;flame graph;flamegraph;eBPF;perf;',
          StartupNotify: 'true',
        },
      },
    },
    deb: {
      packageCategory: 'devel',
      depends: [...depends],
      recommends: DEB_RECOMMENDS,
      afterInstall: inRoot('assets/linux/after-install.sh'),
      afterRemove: inRoot('assets/linux/after-remove.sh'),
      appArmorProfile: inRoot('assets/linux/apparmor-profile'),
      fpm: system,
    },
    rpm: {
      packageCategory: 'Development/Tools',
      depends: RPM_DEPENDS,
      afterInstall: inRoot('assets/linux/after-install.sh'),
      afterRemove: inRoot('assets/linux/after-remove.sh'),
      appArmorProfile: inRoot('assets/linux/apparmor-profile'),
      fpm: [...RPM_RECOMMENDS.flatMap((name) => ['--rpm-tag', `Recommends: ${name}`]), ...system],
    },
  };
}

/** Joins the staged app with Electron: UNPACKED. @param {ElectronRuntime} runtime */
export async function buildUnpacked(runtime) {
  rmSync(join(WORK, 'out'), { recursive: true, force: true });
  await runBuilder(runtime, 'dir');
  // Electron's own demo, which our fuses would refuse anyway.
  rmSync(join(UNPACKED, 'resources/default_app.asar'), { force: true });
  chmodSync(join(UNPACKED, 'bin', PRODUCT.name), 0o755);
  stripModules();
}

/** Makes a deb or rpm of UNPACKED and SYSTEM. @param {ElectronRuntime} runtime @param {'deb' | 'rpm'} kind */
export async function buildSystemPackage(runtime, kind) {
  mkdirSync(PACKAGES, { recursive: true });
  await runBuilder(runtime, kind);
}

/** @param {ElectronRuntime} runtime @param {'dir' | 'deb' | 'rpm'} target */
async function runBuilder(runtime, target) {
  // electron-builder's packer for both is a Ruby program that it downloads; ours needs what Debian has.
  process.env['CUSTOM_FPM_PATH'] = inRoot('scripts/package-fpm.mjs');
  const { build, Platform } = await import('electron-builder');
  const depends = target === 'deb' ? debDepends(neededVersions(UNPACKED, SYSTEM)) : [];
  const config = configuration(runtime, depends);
  await build({
    projectDir: PROJECT,
    targets: Platform.LINUX.createTarget(target),
    config:
      target === 'dir'
        ? config
        : { ...config, directories: { ...config.directories, output: PACKAGES } },
    ...(target === 'dir' ? {} : { prepackaged: UNPACKED }),
  });
}

/** Native modules carry debug information of no use to anybody. The demo keeps its own: it is profiled. */
function stripModules() {
  const strip = which('strip');
  if (strip === null) throw new SetupError('strip is not installed.', 'apt-get install binutils');
  for (const name of SHIPPED_MODULES) {
    const folder = join(UNPACKED, PLAIN, 'node_modules', name);
    for (const file of filesBelow(folder).filter((path) => path.endsWith('.node'))) {
      const done = capture(strip, ['--strip-unneeded', join(folder, file)]);
      if (done.status !== 0) throw new Error(done.stderr);
      chmodSync(join(folder, file), 0o644);
    }
  }
}

import { existsSync } from 'node:fs';
import { capture, which } from './run.mjs';

/**
 * Something the system must provide: how it is recognized, and which Debian or Ubuntu package has it.
 * @typedef {object} Requirement
 * @property {string} what for people, e.g. "clang (compiles the BPF programs)"
 * @property {() => boolean} present
 * @property {readonly string[]} packages apt names, first existing one is taken
 * @property {boolean} [optional] without it something is skipped, and says so
 */

/**
 * Why packages are needed: build: to compile; desktop: to open the window; test: to run every test;
 * bench: programs that are recorded for comparison.
 * @typedef {'build' | 'desktop' | 'test' | 'bench'} Role
 */

/** @type {string | null} */
let cachedLibraries = null;

/** Whether the dynamic loader finds a library. @param {string} soname */
function hasLibrary(soname) {
  cachedLibraries ??= capture(which('ldconfig') ?? 'ldconfig', ['-p']).stdout;
  return cachedLibraries.includes(`\t${soname} `);
}

/** After packages were installed the loader's cache is another. */
export const forgetLibraries = () => {
  cachedLibraries = null;
};

/**
 * @param {string} name
 * @param {string} purpose
 * @param {...string} packages
 * @returns {Requirement}
 */
const command = (name, purpose, ...packages) => ({
  what: `${name} (${purpose})`,
  present: () => which(name) !== null,
  packages: packages.length > 0 ? packages : [name],
});

/**
 * Packages renamed for 64-bit time in newer Debian and Ubuntu carry t64 behind their name.
 * @param {string} soname
 * @param {string} name
 * @returns {Requirement}
 */
const library = (soname, name) => ({
  what: `${soname} (the window)`,
  present: () => hasLibrary(soname),
  packages: [`${name}t64`, name],
});

/**
 * @param {string} path
 * @param {string} purpose
 * @param {...string} packages
 * @returns {Requirement}
 */
const file = (path, purpose, ...packages) => ({
  what: `${path} (${purpose})`,
  present: () => existsSync(path),
  packages,
});

const MATE_AGENT = '/usr/libexec/polkit-mate-authentication-agent-1';

/** @type {Record<Role, readonly Requirement[]>} */
export const REQUIREMENTS = {
  build: [
    command('clang', 'compiles the BPF programs'),
    command('llvm-strip', 'strips the BPF programs', 'llvm'),
    command('make', 'builds the BPF programs'),
    command('gcc', 'builds the demo workload'),
    command('g++', 'builds the SQLite module'),
    command('python3', 'builds the SQLite module'),
    file('/usr/include/bpf/bpf_helpers.h', 'libbpf headers', 'libbpf-dev'),
    {
      what: 'libbpf.so.1 (loads the BPF programs)',
      present: () => hasLibrary('libbpf.so.1'),
      packages: ['libbpf1'],
      optional: true,
    },
  ],
  desktop: [
    library('libgtk-3.so.0', 'libgtk-3-0'),
    library('libnss3.so', 'libnss3'),
    library('libgbm.so.1', 'libgbm1'),
    library('libasound.so.2', 'libasound2'),
    library('libXss.so.1', 'libxss1'),
    library('libatk-bridge-2.0.so.0', 'libatk-bridge2.0-0'),
    library('libatspi.so.0', 'libatspi2.0-0'),
    library('libcups.so.2', 'libcups2'),
    library('libdrm.so.2', 'libdrm2'),
    library('libxkbcommon.so.0', 'libxkbcommon0'),
    library('libXcomposite.so.1', 'libxcomposite1'),
    library('libXdamage.so.1', 'libxdamage1'),
    library('libXrandr.so.2', 'libxrandr2'),
    command('setpriv', 'runs the window without root', 'util-linux'),
  ],
  test: [
    command('Xvfb', 'a display for the tests', 'xvfb'),
    command('xvfb-run', 'a display for the tests', 'xvfb'),
    command('xauth', 'a display for the tests'),
    command('objcopy', 'oracle for the symbol tests', 'binutils'),
    command('xz', 'fixtures of the symbol tests', 'xz-utils'),
    command('bpftool', 'proves that nothing stays attached', 'bpftool', 'linux-tools-common'),
    command('qemu-system-x86_64', 'boots other kernels', 'qemu-system-x86'),
    command('busybox', 'first program of those kernels', 'busybox-static', 'busybox'),
    command('dpkg-deb', 'unpacks those kernels', 'dpkg'),
    command('readelf', 'oracle for the unwind tables', 'binutils'),
    command('rpmbuild', 'makes packages', 'rpm'),
    command('dpkg-shlibdeps', 'oracle for the dependencies of packages', 'dpkg-dev'),
    command('lintian', 'checks packages'),
    command('desktop-file-validate', 'checks packages', 'desktop-file-utils'),
    command('appstreamcli', 'checks packages', 'appstream'),
    command('update-mime-database', 'installs packages', 'shared-mime-info'),
    command('xdg-mime', 'asks for the type of a file', 'xdg-utils'),
    command('gio', 'opens a file as a double click does', 'libglib2.0-bin'),
    command('xdotool', 'finds windows'),
    command('dbus-daemon', 'the message bus of polkit', 'dbus-daemon', 'dbus'),
    command('dbus-uuidgen', 'the message bus of polkit', 'dbus-bin', 'dbus'),
    file('/usr/lib/polkit-1/polkitd', 'decides who may record', 'polkitd', 'policykit-1'),
    command('pkexec', 'starts the helper', 'pkexec', 'policykit-1'),
    command('pkcheck', 'asks polkit', 'polkitd', 'policykit-1'),
    file('/usr/lib/python3/dist-packages/dbus/service.py', 'answers polkit', 'python3-dbus'),
    file('/usr/lib/python3/dist-packages/gi/__init__.py', 'answers polkit', 'python3-gi'),
    file(MATE_AGENT, 'the dialog for the password', 'mate-polkit'),
    command('openbox', 'manages windows beside that dialog'),
    command('scrot', 'takes a picture of the screen'),
    command('setcap', 'installs the helper for servers', 'libcap2-bin'),
    command('man', 'shows the manual page', 'man-db'),
    command('zsh', 'loads completions'),
    command('fish', 'loads completions'),
    {
      what: 'libdebuginfod.so.1 (fetches debug information)',
      present: () => hasLibrary('libdebuginfod.so.1'),
      packages: ['libdebuginfod1t64', 'libdebuginfod1'],
    },
    { ...command('javac', 'a Java machine is recorded', 'default-jdk-headless'), optional: true },
    { ...command('perf', 'compared with', 'linux-perf', 'linux-tools-generic'), optional: true },
  ],
  bench: [
    command('perf', 'compared with', 'linux-perf', 'linux-tools-generic'),
    { ...command('bpftrace', 'compared with'), optional: true },
    { ...command('funclatency', 'compared with', 'libbpf-tools'), optional: true },
    command('openssl', 'is recorded'),
    command('sqlite3', 'is recorded'),
    command('rg', 'a Rust program that is recorded', 'ripgrep'),
    file('/usr/bin/python3', 'is recorded', 'python3'),
  ],
};

/** Why an optional requirement that apt does not have matters, and what to do. @param {Requirement} requirement */
export function adviceFor(requirement) {
  if (requirement.packages.includes('libbpf1')) {
    return [
      'libbpf 1.0 or newer is not in this distribution (Ubuntu 22.04 has 0.5): live recording is not',
      'possible; opening sessions is. Upgrade to Ubuntu 24.04 or Debian 12, or install libbpf from source:',
      '  git clone --branch v1.4.7 https://github.com/libbpf/libbpf && make -C libbpf/src',
      '  sudo make -C libbpf/src install && sudo ldconfig',
    ].join('\n  ');
  }
  return `${requirement.what} is not available: the tests that need it are skipped and say so.`;
}

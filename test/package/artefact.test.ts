import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromScripts, INSTALLED, PLAIN, packages, SCRIPTS } from '../support/installed-app.ts';

const text = (command: string, ...args: readonly string[]) =>
  execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
const lines = (output: string) => output.trim().split('\n');

let folder: string;
let app: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'emberscope-deb-'));
  text('dpkg-deb', '--extract', packages().deb, folder);
  app = join(folder, INSTALLED);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Files of the deb, absolute paths. */
const debFiles = () =>
  lines(text('find', folder, '!', '-type', 'd', '-printf', '/%P\n'))
    .filter(Boolean)
    .sort();

describe('the fuses of the packaged executable', () => {
  it('refuse everything but running the command line and the helper', () => {
    const read = (executable: string) =>
      fromScripts(
        `import { readFuses } from '${SCRIPTS}/artefact.mjs';
         console.log(JSON.stringify(readFuses(${JSON.stringify(executable)})));`,
      );
    expect(read(join(app, 'emberscope'))).toEqual({
      runAsNode: true,
      enableCookieEncryption: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      enableEmbeddedAsarIntegrityValidation: false,
      onlyLoadAppFromAsar: true,
      loadBrowserProcessSpecificV8Snapshot: false,
      grantFileProtocolExtraPrivileges: false,
    });
  });
});

describe('the packaged files', () => {
  it('are no source maps, sources, tests or other platforms', () => {
    const inside = fromScripts(
      `import { readArchive } from '${SCRIPTS}/artefact.mjs';
       const archive = readArchive(${JSON.stringify(join(app, 'resources/app.asar'))});
       console.log(JSON.stringify(Object.keys(archive)));`,
    ) as readonly string[];
    expect(inside).toContain('dist/app/main.js');
    const unwanted = /\.(map|ts|c|cc|h|gyp|test\.js)$|\/(test|tests|fuzz|bench|musl_x64)\//;
    expect([...inside, ...debFiles()].filter((path) => unwanted.test(path))).toEqual([]);
  });

  it('point to no source map and to no folder of the build machine', () => {
    const root = join(SCRIPTS, '../../..');
    const found = (pattern: string, ...options: readonly string[]) =>
      lines(text('sh', '-c', `grep -rl "$@" || :`, 'grep', ...options, '-e', pattern, app));
    expect(found('^//# sourceMappingURL=', '--include=*.js', '--include=*.cjs')).toEqual(['']);
    expect(found(`${root}/`, '--fixed-strings', '--include=*.js', '--include=app.asar')).toEqual([
      '',
    ]);
  });

  it('are licensed: every bundled package is named in the copyright file', () => {
    const copyright = text('cat', join(folder, 'usr/share/doc/emberscope/copyright'));
    for (const name of [
      'koffi',
      'sqlite3',
      'commander',
      'zod',
      'd3-scale',
      '@fontsource-variable/inter',
    ]) {
      expect(copyright).toMatch(new RegExp(`[ ,]${name} \\d`));
    }
  });
});

describe('the rpm', () => {
  const query = (...options: readonly string[]) =>
    lines(text('rpm', '-qp', ...options, packages().rpm));

  it('holds the same files as the deb, at the places that rpm systems have for them', () => {
    const isDebians = (path: string) => path.startsWith('/usr/share/lintian/');
    const isRpms = (path: string) => path.startsWith('/usr/share/licenses/');
    const folders = new Set(
      query('--qf', '[%{FILEMODES:perms} %{FILENAMES}\n]')
        .filter((line) => line.startsWith('d'))
        .map((line) => line.slice(11)),
    );
    const files = query('--list').filter((path) => !folders.has(path) && !isRpms(path));
    const expected = debFiles()
      .filter((path) => !isDebians(path))
      .map((path) => path.replace('/zsh/vendor-completions/', '/zsh/site-functions/'));
    expect(files.sort()).toEqual(expected.sort());
  });

  it('owns its folders, as root, and none of the system’s', () => {
    const entries = query(
      '--qf',
      '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]',
    );
    expect(entries.filter((line) => !/^.{10} root:root /.test(line))).toEqual([]);
    const folders = entries.filter((line) => line.startsWith('d')).map((line) => line.slice(21));
    expect(folders.filter((path) => !path.includes('mberscope'))).toEqual([]);
    expect(folders).toEqual(
      expect.arrayContaining([INSTALLED, '/usr/libexec/emberscope', '/usr/share/doc/emberscope']),
    );
    expect(entries.filter((line) => /^[^l](.{4}w|.{7}w|.*s)/.test(line.slice(0, 10)))).toEqual([]);
  });

  it('requires libbpf 1 and what the executables are linked with, and not its own libraries', () => {
    const requires = query('--requires');
    expect(requires).toEqual(
      expect.arrayContaining([
        'libbpf.so.1()(64bit)',
        'libgtk-3.so.0()(64bit)',
        'libstdc++.so.6()(64bit)',
      ]),
    );
    expect(requires.filter((name) => /ffmpeg|GLESv2|EGL|vulkan/.test(name))).toEqual([]);
    expect(query('--provides').filter((name) => name.includes('.so'))).toEqual([]);
    expect(query('--recommends')).toContain('polkit');
    expect(query('--qf', '%{ARCH}')).toEqual([process.arch === 'x64' ? 'x86_64' : 'aarch64']);
  });

  it('has scripts that a plain shell understands', () => {
    const scripts = text('rpm', '-qp', '--scripts', packages().rpm);
    expect(scripts).toMatch(/^postinstall scriptlet \(using \/bin\/sh\)/m);
    for (const part of scripts.split(/^post.*scriptlet.*$/m).slice(1)) {
      execFileSync('sh', ['-n'], { input: part });
      expect(part).toContain('/emberscope');
      expect(part, 'nothing was left to fill in').not.toContain('${');
    }
  });
});

describe('the plain files of the app', () => {
  it('are what other programs and C code open', () => {
    const plain = debFiles().filter((path) => path.startsWith(`${INSTALLED}/${PLAIN}/`));
    for (const name of ['dist/helper/main.js', 'dist/cli/main.js', 'dist/demo/workload']) {
      expect(plain).toContain(`${INSTALLED}/${PLAIN}/${name}`);
    }
    const objects = plain.filter((path) => path.endsWith('.bpf.o')).map((path) => basename(path));
    expect(objects.sort()).toEqual(readdirSync(join(SCRIPTS, '../../../dist/bpf')).sort());
  });
});

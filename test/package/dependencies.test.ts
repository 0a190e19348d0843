import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromScripts, INSTALLED, PLAIN, packages, SCRIPTS } from '../support/installed-app.ts';

const text = (command: string, ...args: readonly string[]) =>
  execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });

let work: string;
let deb: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'emberscope-depends-'));
  deb = join(work, 'deb');
  text('dpkg-deb', '--extract', packages().deb, deb);
});
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

const fieldOfDeb = (name: string) => text('dpkg-deb', '--field', packages().deb, name).trim();

/** What dpkg-shlibdeps says that executables need: package → lowest version, or none. */
function computedDepends(files: readonly string[]): ReadonlyMap<string, string> {
  // It wants a source package around it.
  mkdirSync(join(work, 'debian'), { recursive: true });
  writeFileSync(join(work, 'debian/control'), '');
  const options = ['-O', '--ignore-missing-info', `-l${join(deb, INSTALLED)}`];
  const said = execFileSync('dpkg-shlibdeps', [...options, ...files.map((path) => `-e${path}`)], {
    cwd: work,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const entries = said
    .trim()
    .replace(/^shlibs:\w+=/, '')
    .split(', ');
  return new Map(entries.map((entry) => [name(entry), /\(>= (.+)\)/.exec(entry)?.[1] ?? '']));
}

/** GCC's first release of a series is N.1 in some distributions' words, N in others'. */
const major = (version = '?') => version.split('.')[0] ?? '?';
const name = (entry: string) => entry.trim().split(' ')[0] ?? '';

/** Everything of the deb that the dynamic loader loads. */
function executables(): readonly string[] {
  const found = text('find', deb, '-type', 'f', '!', '-name', '*.bpf.o');
  const isElf =
    'for file; do [ "$(head -c 4 "$file")" = "$(printf "\\177ELF")" ] && echo "$file"; done; :';
  return text('sh', '-c', isElf, 'sh', ...found.trim().split('\n'))
    .trim()
    .split('\n');
}

describe('the dependencies of the deb', () => {
  it('name every package that the executables are linked with', () => {
    const needed = [...computedDepends(executables()).keys()];
    expect(needed).toContain('libgtk-3-0');
    const depends = fieldOfDeb('Depends');
    const named = new Set(depends.split(/,|\|/).map(name));
    expect(needed.filter((wanted) => !named.has(wanted))).toEqual([]);
    expect(depends).toMatch(/libbpf1 \(>= 1:1\.0\)/);
  });

  it('ask for the glibc and libstdc++ that the executables need, no newer and no older', () => {
    const needed = computedDepends(executables());
    const depends = fieldOfDeb('Depends').split(', ');
    expect(depends).toContain(`libc6 (>= ${needed.get('libc6') ?? '?'})`);
    expect(depends).toContain(`libstdc++6 (>= ${major(needed.get('libstdc++6'))})`);
  });

  it('name packages as newer systems call them first, where apt looks first', () => {
    const renamed = `${fieldOfDeb('Depends')}, ${fieldOfDeb('Recommends')}`.match(
      /[^, ]+ \| [^, ]+/g,
    );
    expect(renamed).toContain('libasound2t64 | libasound2');
    for (const pair of renamed ?? []) expect(pair).toMatch(/^(.+)t64 \| \1$/);
  });

  it('let a user open sessions without polkit', () => {
    expect(fieldOfDeb('Depends')).not.toMatch(/polkit|pkexec/);
    expect(fieldOfDeb('Recommends')).toMatch(/pkexec, polkitd/);
  });
});

describe('what is recommended beside a package', () => {
  const registers = ['desktop-file-utils', 'shared-mime-info'];

  it('registers the type of session files and what opens them', () => {
    const deb = fieldOfDeb('Recommends').split(', ');
    const rpm = text('rpm', '-qp', '--recommends', packages().rpm).trim().split('\n');
    expect(deb).toEqual(expect.arrayContaining(registers));
    expect(rpm).toEqual(expect.arrayContaining([...registers, 'elfutils-debuginfod-client']));
  });
});

describe('the newest symbols', () => {
  it('decide which glibc and GCC a package needs', () => {
    const newest = (...versions: readonly string[]) =>
      fromScripts(
        `import { newest } from '${SCRIPTS}/library-versions.mjs';
         try { console.log(JSON.stringify(newest(${JSON.stringify(versions)}))); }
         catch (error) { console.log(JSON.stringify(error.message)); }`,
      );
    const ordinary = ['GLIBC_2.4', 'GLIBC_2.34', 'GLIBC_2.2.5', 'GLIBCXX_3.4', 'GLIBCXX_3.4.29'];
    expect(newest(...ordinary, 'GCC_3.0', 'CXXABI_1.3.9')).toEqual({ glibc: '2.34', gcc: '11' });
    const packed = newest(...ordinary, 'GLIBC_ABI_DT_RELR', 'GLIBCXX_3.4.31');
    expect(packed).toEqual({ glibc: '2.36', gcc: '13' });
    expect(newest(...ordinary, 'GLIBC_ABI_NEW')).toContain('which glibc has GLIBC_ABI_NEW?');
  });
});

describe('the tar.gz', () => {
  let tree: string;
  beforeAll(() => {
    tree = join(work, 'tar');
    mkdirSync(tree);
    text('tar', '-xzf', packages()['tar.gz'], '-C', tree, '--strip-components=1');
  });

  it('says how new a system it needs, and what its libbpf needs', () => {
    const guide = text('cat', join(tree, 'README.md'));
    const library = join(tree, PLAIN, 'dist/lib/libbpf.so.1');
    const needed = computedDepends([...executables(), library]);
    expect(guide).toContain(`glibc ${needed.get('libc6') ?? '?'} or newer`);
    expect(guide).toContain(`GCC ${major(needed.get('libstdc++6'))} or newer`);
    expect(guide).not.toMatch(/@[A-Z]+@/);
    const linked = [...text('readelf', '-d', library).matchAll(/NEEDED.*\[(.+)\]/g)];
    const others = linked.map(([, soname]) => soname).filter((soname) => soname !== 'libc.so.6');
    expect(others.length).toBeGreaterThan(0);
    for (const soname of others) expect(guide).toContain(soname);
  });
});

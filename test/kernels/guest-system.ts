import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { Initramfs } from './initramfs.ts';
import type { GuestBenchPlan, GuestPlan } from './plan.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const here = createRequire(import.meta.url);
/** Where the product is in the guest. */
const APP = '/app';

/** Runs first: mounts what the product reads, hands over, and powers off whatever happens. */
const INIT = `#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t tmpfs tmpfs /tmp
/bin/busybox mount -t cgroup2 cgroup2 /sys/fs/cgroup
/bin/busybox mount -t bpf bpf /sys/fs/bpf
/bin/busybox mount -t tracefs tracefs /sys/kernel/tracing
/bin/busybox mount -t debugfs debugfs /sys/kernel/debug
/bin/busybox mount -t tracefs tracefs /sys/kernel/debug/tracing
export PATH=/bin HOME=/tmp
${process.execPath} ${APP}/guest/main.mjs ${APP}/guest/plan.json
/bin/busybox poweroff -f
`;

/** Compiles a workload as distributions compile releases. */
export function compileWorkload(source: string, output: string): void {
  const flags = ['-O2', '-g1', '-fomit-frame-pointer', '-fno-optimize-sibling-calls', '-pthread'];
  const path = join(ROOT, 'test/fixtures/workloads', source);
  execFileSync(source.endsWith('.c') ? 'gcc' : 'g++', [...flags, '-o', output, path], {
    stdio: 'pipe',
  });
}

/**
 * Writes an initramfs with the built product, this machine's Node and libraries, and `files` (paths on
 * this machine; in the guest they are in /work). `scratch` is a folder for in-between files.
 */
export async function writeGuestSystem(
  output: string,
  options: {
    readonly plan: Omit<GuestPlan, 'cli'> | GuestBenchPlan;
    /** What runs in the guest: a module of this folder. */
    readonly program?: 'guest' | 'guest-bench';
    readonly files: readonly string[];
    /** Programs of this machine that lie at the same path in the guest. */
    readonly tools?: readonly string[];
    readonly scratch: string;
  },
): Promise<number> {
  const guest = join(options.scratch, 'guest.mjs');
  await build({
    entryPoints: [join(ROOT, `test/kernels/${options.program ?? 'guest'}.ts`)],
    ...{ outfile: guest, bundle: true },
    ...{ platform: 'node', format: 'esm', target: 'node20', external: ['sqlite3', 'koffi'] },
    ...{ absWorkingDir: ROOT, logLevel: 'error' },
  });
  const plan = { cli: `${APP}/dist/cli/main.js`, ...options.plan };
  const system = new Initramfs();
  for (const path of ['/proc', '/sys', '/dev', '/tmp', '/etc', '/root']) system.addFolder(path);
  system
    .addCharacterDevice('/dev/console', 5, 1)
    .addCharacterDevice('/dev/null', 1, 3)
    .addFile('/init', INIT, 0o755)
    .addFile('/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n')
    .copyProgram('/bin/busybox')
    .addLink('/bin/sh', 'busybox')
    .copyProgram(process.execPath)
    .copyProgram(programPath('bpftool'), '/bin/bpftool')
    .copyFile(guest, `${APP}/guest/main.mjs`)
    .addFile(`${APP}/guest/plan.json`, JSON.stringify(plan));
  addProduct(system);
  // The loader's cache is not copied: libraries that are opened by name must lie where it looks.
  for (const library of [
    'libbpf.so.1',
    'libelf.so.1',
    'libz.so.1',
    'libstdc++.so.6',
    'liblzma.so.5',
  ])
    system.copyProgram(libraryPath(library));
  for (const tool of options.tools ?? []) system.copyProgram(tool);
  for (const file of options.files) {
    const path = join('/work', basename(file));
    if (file.endsWith('.ko')) system.copyFile(file, path);
    else system.copyProgram(file, path);
  }
  const bytes = system.toBuffer();
  writeFileSync(output, bytes);
  return bytes.length;
}

/** dist/ as installed, and the two packages that cannot be bundled. */
function addProduct(system: Initramfs): void {
  const notMap = (path: string): boolean => !path.endsWith('.map');
  system.copyFile(join(ROOT, 'package.json'), `${APP}/package.json`);
  for (const part of ['cli', 'helper', 'bpf']) {
    system.copyFolder(join(ROOT, 'dist', part), `${APP}/dist/${part}`, notMap);
  }
  // The same without the better ways to probe kernel functions: EMBERSCOPE_TEST_BPF_DIR.
  for (const [folder, missing] of WITHOUT) {
    const isThere = (path: string): boolean => !missing.test(path);
    system.copyFolder(join(ROOT, 'dist/bpf'), folder, isThere);
  }
  const modules = join(ROOT, 'node_modules');
  const isCode = (path: string): boolean => /\.(?:c?js|json)$/.test(path);
  for (const name of ['koffi', 'sqlite3', 'bindings', 'file-uri-to-path']) {
    const needed = (path: string): boolean =>
      isCode(path) && !/^(?:vendor|doc|deps|node-addon-api)\//.test(path);
    system.copyFolder(join(modules, name), `${APP}/node_modules/${name}`, needed);
  }
  const koffi = '@koromix/koffi-linux-x64';
  system.copyFolder(
    join(modules, koffi),
    `${APP}/node_modules/${koffi}`,
    (path) => !path.startsWith('musl'),
  );
  const sqlite = join(
    dirname(here.resolve('sqlite3/package.json')),
    'build/Release/node_sqlite3.node',
  );
  system.copyProgram(sqlite, `${APP}/node_modules/sqlite3/build/Release/node_sqlite3.node`);
}

/** Compiles the launcher that starts the guest's helper for a user's own processes. */
export function compileOwnLauncher(output: string): void {
  const paths = { RUNTIME: process.execPath, HELPER: `${APP}/dist/helper/main.js`, TREE: APP };
  const defines = Object.entries(paths).map(([name, path]) => `-DEMBERSCOPE_${name}="${path}"`);
  const source = join(ROOT, 'main/helper/launcher/emberscope-launcher.c');
  const scope = ['-DEMBERSCOPE_BY_POLKIT', '-DEMBERSCOPE_SCOPE="own"'];
  execFileSync('cc', ['-O2', ...defines, ...scope, '-o', output, source], { stdio: 'pipe' });
}

/** Environment of a recorder that has to probe kernel functions in one way. */
export const FORCED = {
  kprobe: { EMBERSCOPE_TEST: '1', EMBERSCOPE_TEST_BPF_DIR: `${APP}/bpf-kprobe` },
  'kprobe.multi': { EMBERSCOPE_TEST: '1', EMBERSCOPE_TEST_BPF_DIR: `${APP}/bpf-multi` },
} as const;
const WITHOUT: readonly (readonly [folder: string, objects: RegExp])[] = [
  [FORCED.kprobe.EMBERSCOPE_TEST_BPF_DIR, /^(fentry|kprobe_multi)\./],
  [FORCED['kprobe.multi'].EMBERSCOPE_TEST_BPF_DIR, /^(fentry|kprobe)\./],
];

/** Where a program of this machine is; those of administrators too. */
function programPath(name: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} is not installed`);
  return found;
}

/** Where the loader of this machine finds a library. */
function libraryPath(soname: string): string {
  const list = execFileSync('ldconfig', ['-p'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/sbin:/usr/sbin` },
  });
  const found = new RegExp(
    `\\t${soname.replaceAll(/[.+]/g, '\\$&')} \\(libc6,x86-64.*=> (\\S+)`,
  ).exec(list)?.[1];
  if (found === undefined) throw new Error(`${soname} is not installed`);
  return found;
}

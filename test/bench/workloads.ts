import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compileWorkload } from '../kernels/guest-system.ts';

/** A program whose stacks are recorded; it runs until it is killed. */
export interface Workload {
  readonly name: string;
  readonly command: readonly string[];
}

/** Programs have started and loaded their libraries by then, ms. */
const WARM_UP_MS = 700;

/** Longer than anybody will record, s; the workloads that need a number get this one. */
const FOREVER = '3600';

/** The C++ release build with 60 frames, whose every stack is known. */
export const DEEP = 'C++ -O2, 60 frames';

/** Programs as the distribution ships them, and one that is built here. `folder`: for what is built. */
export function prepareWorkloads(folder: string, fixtures: string): readonly Workload[] {
  const deep = join(folder, 'deep');
  compileWorkload('deep.cpp', deep);
  const fixture = (name: string): string => {
    const path = join(folder, name);
    copyFileSync(join(fixtures, name), path);
    return path;
  };
  const shell = (text: string): readonly string[] => ['sh', '-c', text];
  const source = fixture('compile.cpp');
  return [
    // By its full path: version managers put another Python in front.
    { name: 'python3', command: ['/usr/bin/python3', fixture('loop.py')] },
    { name: 'node', command: [process.execPath, fixture('loop.js')] },
    { name: 'openssl speed', command: ['openssl', 'speed', '-seconds', '2', 'rsa2048', 'sha256'] },
    { name: 'sqlite3', command: shell(`exec sqlite3 :memory: < ${fixture('loop.sql')}`) },
    { name: 'xz', command: shell(`exec xz -T1 -6 -c ${process.execPath} > /dev/null`) },
    {
      name: 'g++ -O2',
      command: shell(`while :; do g++ -O2 -S -o ${join(folder, 'out.s')} ${source}; done`),
    },
    { name: DEEP, command: [deep, FOREVER] },
    {
      name: 'ripgrep (Rust)',
      command: shell(
        `while :; do rg -j1 -uuu --no-mmap -c '[a-z]+(foo|bar)[^x]*qu' /usr/include /usr/bin; done > /dev/null 2>&1`,
      ),
    },
    { name: 'esbuild (Go)', command: goCommand(folder) },
  ];
}

/** The bundler that builds us is a Go program. */
function goCommand(folder: string): readonly string[] {
  const here = createRequire(import.meta.url);
  const binary = resolve(
    here.resolve('esbuild/package.json'),
    '../../@esbuild/linux-x64/bin/esbuild',
  );
  const input = here.resolve('typescript');
  const output = join(folder, 'bundle.js');
  const once = `${binary} --minify --log-level=silent --outfile=${output} ${input}`;
  return ['sh', '-c', `while :; do ${once}; done`];
}

/** Programs of the distribution that the table names, and their versions. */
export function versionsOf(): string {
  const first = (command: string, args: readonly string[]): string =>
    execFileSync(command, args, { encoding: 'utf8' }).split('\n')[0]!.trim();
  return [
    first('/usr/bin/python3', ['--version']),
    `node ${process.version}`,
    first('openssl', ['version']),
    `sqlite ${first('sqlite3', ['--version']).split(' ')[0]!}`,
    first('xz', ['--version']),
    first('g++', ['--version']),
    first('rg', ['--version']),
  ].join('; ');
}

/** Starts a program in a process group of its own, so that nothing of it is left. */
export async function withWorkload<T>(
  { command }: Workload,
  use: (pid: number) => Promise<T>,
): Promise<T> {
  const [program = '', ...args] = command;
  const child: ChildProcess = spawn(program, args, { stdio: 'ignore', detached: true });
  await once(child, 'spawn');
  try {
    await sleep(WARM_UP_MS);
    return await use(child.pid!);
  } finally {
    // One that has ended by itself leaves no group.
    if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL');
  }
}

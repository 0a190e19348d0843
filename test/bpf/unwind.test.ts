import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { bufferSource } from '../../main/elf/byte-source.ts';
import { ElfFile } from '../../main/elf/elf-file.ts';
import type { CaptureSpec } from '../../main/shared/model/capture-spec.ts';
import { hertz, nanoseconds } from '../../main/shared/units.ts';
import { buildHelper, HelperClient, note, startRequest } from '../support/bpf-helper.ts';
import { commandTarget, recorded, specOf } from '../support/capture.ts';
import { readTables } from '../support/read-tables.ts';
import { type UserStack, userStacksOf } from '../support/user-stacks.ts';

const FIXTURES = resolve(import.meta.dirname, '../fixtures/bpf');
const OUTPUT = resolve(import.meta.dirname, '../../.cache/test-unwind');
const program = join(OUTPUT, 'unwind_cases');
/** Calls of descend() in a row: see unwind_cases.c. */
const DEEP_CALLS = 59;
let helper = '';
let folder = '';
const started: ChildProcess[] = [];

beforeAll(async () => {
  helper = await buildHelper();
  mkdirSync(OUTPUT, { recursive: true });
  const library = join(OUTPUT, 'libunwind_library.so');
  const flags = ['-O2', '-fomit-frame-pointer', '-fno-optimize-sibling-calls', '-pthread'];
  const lazy = ['-Wl,-z,lazy', '-Wl,-rpath,$ORIGIN', `-L${OUTPUT}`, '-lunwind_library'];
  const source = (name: string): string => join(FIXTURES, name);
  execFileSync('gcc', [...flags, '-shared', '-fPIC', '-o', library, source('unwind_library.c')]);
  execFileSync('gcc', [...flags, '-o', program, source('unwind_cases.c'), ...lazy]);
});
beforeEach(() => {
  vi.stubEnv('EMBERSCOPE_TEST', '1');
  vi.stubEnv('EMBERSCOPE_TEST_HELPER', helper);
  folder = mkdtempSync(join(tmpdir(), 'ember-unwind-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  for (const child of started.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function run(...argv: string[]): ChildProcess & { readonly pid: number } {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: 'ignore' });
  started.push(child);
  if (child.pid === undefined) throw new Error(`${argv[0]!} did not start`);
  return child as ChildProcess & { readonly pid: number };
}

/** User stacks of everything that was recorded. */
async function stacksOf(spec: CaptureSpec): Promise<readonly UserStack[]> {
  const file = join(folder, 'out.ember');
  const end = await recorded(spec, file);
  expect(end.error).toBeNull();
  return userStacksOf((await readTables(file)).tables);
}

/** Stacks of the test program in one of its modes, recorded from its first instruction. */
async function stacksIn(mode: string, ms: number, change: Partial<CaptureSpec> = {}) {
  const target = commandTarget(program, mode, String(ms));
  const stacks = await stacksOf(specOf(target, { rate: hertz(999), ...change }));
  return stacks.filter(({ frames }) => frames.some(({ image }) => image === program));
}

const weightOf = (stacks: readonly UserStack[]): number =>
  stacks.reduce((sum, { weight }) => sum + weight, 0);

const namesOf = ({ frames }: UserStack): string[] => frames.map(({ name }) => name);

/** A main thread's stack that reaches the first instruction of the program. */
const isWhole = (stack: UserStack): boolean =>
  stack.stop === null && stack.frames[0]?.name === '_start' && namesOf(stack).includes('main');

function shareOf(what: string, stacks: readonly UserStack[], found: readonly UserStack[]): number {
  const share = weightOf(found) / weightOf(stacks);
  note(`${what}: ${(100 * share).toFixed(2)} % of ${weightOf(stacks)} samples`);
  return share;
}

const through = (stacks: readonly UserStack[], pattern: RegExp): UserStack[] =>
  stacks.filter((stack) => pattern.test(namesOf(stack).join(' ')));

describe('user stacks by unwind tables', () => {
  it.each(['precise', 'aggregate'] as const)(
    'are whole and in order 60 calls deep without frame pointers, %s mode',
    async (mode) => {
      const stacks = await stacksIn('deep', 2000, { mode });
      expect(weightOf(stacks)).toBeGreaterThan(1500);
      expect(shareOf(`deep, ${mode}`, stacks, stacks.filter(isWhole))).toBeGreaterThanOrEqual(0.99);
      const deep = new RegExp(`^_start .*main( descend){${DEEP_CALLS}} spin`);
      expect(weightOf(through(stacks, deep)) / weightOf(stacks)).toBeGreaterThan(0.98);
    },
  );

  it.each(['precise', 'aggregate'] as const)(
    'say that they are cut at 127 frames, and are counted as loss: %s mode',
    async (mode) => {
      const file = join(folder, 'abyss.ember');
      const target = commandTarget(program, 'abyss', '1000');
      const { error } = await recorded(specOf(target, { rate: hertz(499), mode }), file);
      expect(error).toBeNull();
      const { tables, info } = await readTables(file);
      const cut = userStacksOf(tables).filter(({ stop }) => stop === 'depth');
      const truncated = info.loss.find(({ reason }) => reason === 'stack-truncated')?.count ?? 0;
      expect(weightOf(cut)).toBeGreaterThan(300);
      expect(truncated).toBe(weightOf(cut));
      expect(new Set(cut.map(({ frames }) => frames.length))).toEqual(new Set([127]));
    },
  );

  it('are cut where the kernel walks by frame pointers', async () => {
    const stacks = await stacksIn('deep', 500, { unwind: 'fp' });
    expect(weightOf(stacks)).toBeGreaterThan(300);
    expect(weightOf(stacks.filter(isWhole)) / weightOf(stacks)).toBeLessThan(0.05);
  });

  it.each(['signal', 'altstack'])('go through a signal handler: %s', async (mode) => {
    const stacks = await stacksIn(mode, 1500);
    const handled = through(stacks, /on_alarm/);
    expect(weightOf(handled)).toBeGreaterThan(300);
    // Between the handler and what it interrupted lies the C library's frame for its return.
    const right = through(handled, /^_start .*main .*interrupted \S* ?on_alarm spin/);
    expect(shareOf(mode, handled, right.filter(isWhole))).toBeGreaterThanOrEqual(0.99);
    expect(shareOf(`${mode}, all`, stacks, stacks.filter(isWhole))).toBeGreaterThanOrEqual(0.99);
  });

  it('are whole inside the stubs of a procedure linkage table', async () => {
    const stacks = await stacksIn('plt', 1500);
    const section = sectionNamed('.plt');
    const inStub = stacks.filter(({ frames }) => {
      const leaf = frames.at(-1)!;
      return (
        leaf.image === program &&
        leaf.offset >= section.offset &&
        leaf.offset < section.offset + section.bytes
      );
    });
    expect(weightOf(inStub)).toBeGreaterThan(20);
    expect(shareOf('in a stub', inStub, inStub.filter(isWhole))).toBeGreaterThanOrEqual(0.99);
  });

  it('end where threads begin', async () => {
    const stacks = through(await stacksIn('threads', 500), /thread_main/);
    expect(weightOf(stacks)).toBeGreaterThan(1000);
    // clone3() and start_thread() are the C library's, which has no names for them.
    const whole = stacks.filter(
      ({ stop, frames }) =>
        stop === null &&
        frames.slice(0, 2).every(({ image }) => image.includes('libc.so')) &&
        frames[2]?.name === 'thread_main',
    );
    expect(shareOf('threads', stacks, whole)).toBeGreaterThanOrEqual(0.99);
  });

  it('are whole of a process that ran before a recording of the machine', async () => {
    const { pid } = run(program, 'zero', '60000');
    await delay(200);
    const stacks = (
      await stacksOf(specOf({ kind: 'machine' }, { rate: hertz(499), duration: nanoseconds(3e9) }))
    ).filter((stack) => stack.pid === pid);
    expect(weightOf(stacks)).toBeGreaterThan(300);
    const right = through(stacks.filter(isWhole), /main zero (spin_with_zero)?$/);
    expect(shareOf('before the recording', stacks, right)).toBeGreaterThanOrEqual(0.95);
    // A 0 in rbp says nothing where tables are missing: what is not whole must say so.
    expect(stacks.filter((stack) => stack.stop === null && !isWhole(stack))).toEqual([]);
  });

  it('find the table of a program that most of its processes did not live to see read', async () => {
    const copy = join(folder, 'unwind_copy');
    copyFileSync(program, copy);
    copyFileSync(join(OUTPUT, 'libunwind_library.so'), join(folder, 'libunwind_library.so'));
    const script = `for i in 1 2 3 4 5 6 7 8 9 10; do ${copy} deep 1; done; exec ${copy} deep 1000`;
    const stacks = await stacksOf(
      specOf(commandTarget('/bin/sh', '-c', script), { rate: hertz(999) }),
    );
    const last = through(stacks, / descend /).filter(({ frames }) =>
      frames.some(({ image }) => image === copy),
    );
    expect(shareOf('after short lives', last, last.filter(isWhole))).toBeGreaterThanOrEqual(0.95);
    expect(weightOf(last)).toBeGreaterThan(800);
  });
});

function sectionNamed(name: string): { readonly offset: number; readonly bytes: number } {
  const elf = ElfFile.parse(bufferSource(readFileSync(program)));
  const section = elf.ok ? elf.value.sectionNamed(name) : undefined;
  if (section === undefined) throw new Error(`no section ${name} in ${program}`);
  return section;
}

/** Programs as the distribution ships them, which have no frame pointers, and work for a few seconds. */
const STOCK: readonly (readonly [name: string, argv: readonly string[]])[] = [
  [
    'python3',
    [
      '/usr/bin/python3',
      '-c',
      'import json\nfor i in range(9000): json.loads(json.dumps(list(range(2000)))); sorted(str(j) for j in range(500))',
    ],
  ],
  [
    'sqlite3',
    [
      '/usr/bin/sqlite3',
      ':memory:',
      'with recursive n(i) as (select 1 union all select i + 1 from n where i < 4000000) select sum(i * 7 % 13), count(distinct i % 1000) from n;',
    ],
  ],
  ['openssl', ['/usr/bin/openssl', 'speed', '-seconds', '1', 'sha256', 'aes-128-cbc']],
];

describe('user stacks of stock programs', () => {
  it.each(STOCK)('are whole: %s', async (name, argv) => {
    const stacks = await stacksOf(specOf(commandTarget(...argv), { rate: hertz(499) }));
    // Stripped: the first instruction has no name, but it is the program's, or the dynamic loader's.
    const whole = stacks.filter(
      ({ stop, frames }) =>
        stop === null &&
        frames.length >= 3 &&
        /\/(ld-linux|python3|sqlite3|openssl)[^/]*$/.test(frames[0]!.image),
    );
    expect(weightOf(stacks)).toBeGreaterThan(300);
    expect(shareOf(name, stacks, whole)).toBeGreaterThanOrEqual(0.99);
  });
});

describe('what the unwinder reports', () => {
  it('has its tables, their memory within the budget, and every walk by how it ended', async () => {
    const { pid } = run(program, 'deep', '60000');
    const client = new HelperClient(helper);
    const { unwind, unwindFallback } = await client.start(
      startRequest({ target: { kind: 'process', pid }, rateHz: 999 }),
    );
    expect({ unwind, unwindFallback }).toEqual({ unwind: 'auto', unwindFallback: '' });
    await delay(2000);
    const { stats } = await client.stop();
    const tables = stats.unwind!;
    // The program, its library, the C library, the dynamic loader and the vdso.
    expect(tables).toMatchObject({ tables: 5, pending: 0, overBudget: 0, failed: 0 });
    expect(tables.tableBytes).toBeGreaterThan(0);
    expect(tables.tableBytes).toBeLessThanOrEqual(tables.budgetBytes);
    const walks = Object.values(tables.stops).reduce((sum, count) => sum + count, 0);
    expect(walks).toBe(stats.samples);
    expect(tables.stops['complete']! / walks).toBeGreaterThanOrEqual(0.99);
    note(
      `auto, 63 frames: ${(stats.bpfNs / stats.samples / 1000).toFixed(2)} us per sample, ` +
        `${(tables.tableBytes / 1024).toFixed(0)} KiB of tables, helper ${(stats.helperCpuNs / 1e6).toFixed(0)} ms`,
    );
  });

  it('says that there are no tables where frame pointers were asked for', async () => {
    const { pid } = run(program, 'deep', '60000');
    const client = new HelperClient(helper);
    const request = startRequest({ target: { kind: 'process', pid }, rateHz: 999, unwind: 'fp' });
    expect(await client.start(request)).toMatchObject({ unwind: 'fp', unwindFallback: '' });
    await delay(1000);
    const { stats } = await client.stop();
    expect(stats.unwind).toBeNull();
    note(`fp: ${(stats.bpfNs / stats.samples / 1000).toFixed(2)} us per sample`);
  });
});

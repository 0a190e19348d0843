import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { note } from '../support/bpf-helper.ts';
import { buildCli } from '../support/cli.ts';
import { compileWorkload, writeGuestSystem } from './guest-system.ts';
import { bootKernel } from './machine.ts';
import type { GuestResult, GuestStack, RecordingOutcome } from './plan.ts';

const WAITS = resolve(import.meta.dirname, '../fixtures/waits/waits.c');
const SCRIPT = resolve(import.meta.dirname, '../../scripts/kernel-images.mjs');
/** Packages or .deb files of other kernels, separated by commas. */
const ASKED = process.env['EMBERSCOPE_KERNELS']?.split(',') ?? [];
/** Kernel images from the distribution's archive; fetched by set-up, or now. */
const IMAGES = JSON.parse(
  execFileSync(process.execPath, [SCRIPT, ...ASKED], { encoding: 'utf8' }),
) as readonly { readonly release: string; readonly path: string }[];

/** An emulated machine on a busy one: a recording with three starts of Node may take a minute. */
const TIMEOUT_MS = 400_000;
/** Of recording; the workload would run on. */
const SECONDS = '6';
const FOREVER = '3600';
/** `deep` has more than 60 frames by construction: _start, libc's two, main, run, the chain, the leaf's. */
const MIN_DEPTH = 60;

/** Options of `record`, by the name of the recording. */
const RECORDINGS = {
  fp: ['--unwind', 'fp'],
  aggregate: ['--unwind', 'fp', '--aggregate'],
  /** An emulated CPU needs seconds to build the C library's table: the next one finds it in the cache. */
  cold: ['--unwind', 'auto'],
  auto: ['--unwind', 'auto'],
} as const;

/** The workload sleeps this often, and some more until all of its threads are there. */
const SLEEPS = 300;

/**
 * Every kind of program, each on a workload of its own, and what it has to have counted: the least and
 * the most.
 */
const MATRIX: Readonly<
  Record<
    string,
    { readonly args: readonly string[]; readonly counts: Readonly<Record<string, Range>> }
  >
> = {
  'off-CPU, events': {
    args: ['--off-cpu', '0'],
    counts: { 'off-cpu sleeping': [SLEEPS, SLEEPS + 50] },
  },
  'run queue, histogram': {
    args: ['--run-queue'],
    counts: { 'run-queue woken': [SLEEPS, SLEEPS + 60] },
  },
  'system calls, histogram': {
    args: ['--syscalls'],
    counts: { 'syscalls clock_nanosleep': [SLEEPS, SLEEPS + 30] },
  },
  'system calls, events': {
    args: ['--syscalls', '--detail', 'events'],
    counts: { 'syscalls clock_nanosleep': [SLEEPS, SLEEPS + 30] },
  },
  'trace of a tracepoint': {
    args: ['--trace', 'tracepoint:sched:sched_switch', '--filter', 'prev_comm == "waits"'],
    counts: { trace: [SLEEPS, SLEEPS + 200] },
  },
  'trace of a kernel function': {
    args: ['--trace', 'do_nanosleep'],
    counts: { trace: [SLEEPS, SLEEPS + 30] },
  },
};
type Range = readonly [least: number, most: number];

const sum = (stacks: readonly GuestStack[]): number =>
  stacks.reduce((total, { weight }) => total + weight, 0);

/** Walks need bpf_task_pt_regs and tail calls in programs with functions of their own. */
const hasUnwinder = (release: string): boolean => {
  const [major = 0, minor = 0] = release.split('.').map(Number);
  return major > 5 || (major === 5 && minor >= 15);
};

/** Whether a stack ends in the loops that take nearly all of the workload's time. */
const isWork = (names: readonly string[]): boolean => /bench::(mix|fold)/.test(names.at(-1) ?? '');

describe.each(IMAGES)('Linux $release', ({ release, path }) => {
  let folder = '';
  let outcomes = new Map<string, RecordingOutcome>();
  beforeAll(async () => {
    buildCli();
    folder = mkdtempSync(join(tmpdir(), 'emberscope-kernels-'));
    const workload = join(folder, 'deep');
    compileWorkload('deep.cpp', workload);
    const initramfs = join(folder, 'initramfs');
    const waits = join(folder, 'waits');
    execFileSync('gcc', ['-O2', '-pthread', '-o', waits, WAITS], { stdio: 'pipe' });
    const recordings = [
      ...Object.entries(RECORDINGS).map(([name, args]) => ({
        ...{ name, args: [...args, '-F', '199', '-d', SECONDS], command: ['/work/deep', FOREVER] },
      })),
      ...Object.entries(MATRIX).map(([name, { args }], at) => ({
        ...{ name, args: ['--no-on-cpu', '--cost-limit', '0', ...args], launch: true },
        command: ['/work/waits', `/tmp/waits-${at}`, 'sleep', String(SLEEPS)],
      })),
    ];
    const bytes = await writeGuestSystem(initramfs, {
      plan: { recordings },
      workloads: [workload, waits],
      scratch: folder,
    });
    const boot = await bootKernel({
      kernel: path,
      initramfs,
      memoryMib: 1536,
      timeoutMs: TIMEOUT_MS,
    });
    if (boot.result === null)
      throw new Error(`the guest gave no result:\n${boot.console.slice(-6000)}`);
    const result = boot.result as GuestResult;
    expect(result.release).toBe(release);
    outcomes = new Map(result.outcomes.map((outcome) => [outcome.name, outcome]));
    note(
      `Linux ${release}: ${boot.seconds.toFixed(0)} s in QEMU, initramfs ${(bytes / 1e6).toFixed(0)} MB`,
    );
  }, TIMEOUT_MS + 60_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const recorded = (name: string): RecordingOutcome => {
    const outcome = outcomes.get(name);
    expect(outcome?.status, outcome?.errorText).toBe(0);
    return outcome!;
  };
  const ofWorkload = (outcome: RecordingOutcome): readonly GuestStack[] =>
    outcome.stacks.filter(({ comm }) => comm === 'deep');

  it.each(Object.keys(RECORDINGS))('loads the programs and samples: %s', (name) => {
    const stacks = ofWorkload(recorded(name));
    const leaves = sum(stacks.filter(({ names }) => isWork(names)));
    note(`  ${name}: ${sum(stacks)} samples, ${leaves} of them in mix or fold`);
    expect(sum(stacks)).toBeGreaterThan(100);
    expect(leaves / sum(stacks)).toBeGreaterThan(0.9);
  });

  it.each(Object.entries(MATRIX))('loads, attaches and counts: %s', (name, { counts }) => {
    const outcome = recorded(name);
    const found = Object.keys(counts).map((key) => `${key} ${outcome.counts[key] ?? 0}`);
    note(`  ${name} by ${outcome.mechanisms.join(', ')}: ${found.join(', ')}`);
    for (const [key, [least, most]] of Object.entries(counts)) {
      const count = outcome.counts[key] ?? 0;
      expect(count, JSON.stringify(outcome.counts)).toBeGreaterThanOrEqual(least);
      expect(count, JSON.stringify(outcome.counts)).toBeLessThanOrEqual(most);
    }
  });

  it('unwinds a C++ release build without frame pointers to the start of the thread, or says why not', () => {
    const { fallback } = recorded('auto');
    if (!hasUnwinder(release)) {
      note(`  auto: ${fallback}`);
      expect(fallback).toMatch(/refused the unwinder .*5\.15/);
      return;
    }
    expect(fallback).toBe('');
    const stacks = ofWorkload(recorded('auto'));
    const whole = stacks.filter(({ stop, names }) => stop === null && names[0] === '_start');
    const working = whole.filter(({ names }) => isWork(names));
    expect(working.filter(({ depth }) => depth < MIN_DEPTH)).toEqual([]);
    expect(working.length).toBeGreaterThan(0);
    const share = sum(whole) / sum(stacks);
    const cut = stacks.filter((stack) => !whole.includes(stack));
    const reasons = [...new Set(cut.map(({ stop, depth }) => `${stop ?? 'none'} at ${depth}`))];
    note(
      `  auto: ${(share * 100).toFixed(1)} % of stacks whole; others: ${reasons.join(', ') || '-'}`,
    );
    expect(share).toBeGreaterThanOrEqual(0.99);
  });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { textTable } from '../../main/cli/text-table.ts';
import { note } from '../support/bpf-helper.ts';
import { buildCli } from '../support/cli.ts';
import { compileOwnLauncher, compileWorkload, writeGuestSystem } from './guest-system.ts';
import { isAtLeast, KERNELS, LATENCY_SINCE, modulePath, UNWIND_SINCE } from './kernels.ts';
import { bootKernel } from './machine.ts';
import { MATRIX, MATRIX_RECORDINGS } from './matrix.ts';
import type { GuestResult, GuestStack, OwnOutcome, RecordingOutcome } from './plan.ts';

const ARTIFACTS = resolve(import.meta.dirname, '../artifacts');
/** An emulated machine on a busy one: a recording with three starts of Node may take a minute. */
const TIMEOUT_MS = 500_000;
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

/** Cells of the table: program → kernel → what came of it. */
const cells = new Map<string, Map<string, string>>();

const sum = (stacks: readonly GuestStack[]): number =>
  stacks.reduce((total, { weight }) => total + weight, 0);

/** Whether a stack ends in the loops that take nearly all of the workload's time. */
const isWork = (names: readonly string[]): boolean => /bench::(mix|fold)/.test(names.at(-1) ?? '');

/** Prints the table, and keeps it beside the screenshots. */
function reportMatrix(): void {
  const kernels = KERNELS.map(({ release }) => release);
  const columns = ['program', ...kernels].map((heading) => ({ heading, align: 'left' as const }));
  const rows = [...cells].map(([program, found]) => [
    program,
    ...kernels.map((kernel) => found.get(kernel) ?? '-'),
  ]);
  const text = textTable(columns, rows, 400).join('\n');
  note(`\n${text}`);
  mkdirSync(ARTIFACTS, { recursive: true });
  writeFileSync(join(ARTIFACTS, 'kernel-matrix.txt'), `${text}\n`);
}

afterAll(reportMatrix);

describe.each(KERNELS)('Linux $release', ({ release, path, modules }) => {
  let folder = '';
  let outcomes = new Map<string, RecordingOutcome>();
  let own = new Map<string, OwnOutcome>();
  beforeAll(
    async () => {
      buildCli();
      folder = mkdtempSync(join(tmpdir(), 'emberscope-kernels-'));
      const workload = join(folder, 'deep');
      compileWorkload('deep.cpp', workload);
      const initramfs = join(folder, 'initramfs');
      const waits = join(folder, 'waits');
      compileWorkload('../waits/waits.c', waits);
      const functions = join(folder, 'functions');
      compileWorkload('../functions/functions.c', functions);
      const launcher = join(folder, 'launcher-own');
      compileOwnLauncher(launcher);
      const recordings = [
        ...Object.entries(RECORDINGS).map(([name, args]) => ({
          ...{
            name,
            args: [...args, '-F', '199', '-d', SECONDS],
            command: ['/work/deep', FOREVER],
          },
        })),
        ...MATRIX_RECORDINGS,
      ];
      const bytes = await writeGuestSystem(initramfs, {
        plan: { recordings, own: { launcher: '/work/launcher-own', unwind: 'auto' } },
        files: [launcher, workload, waits, functions, modulePath(modules, 'loop.ko')],
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
      own = new Map(result.own.map((outcome) => [outcome.name, outcome]));
      outcomes = new Map(result.outcomes.map((outcome) => [outcome.name, outcome]));
      note(
        `Linux ${release}: ${boot.seconds.toFixed(0)} s in QEMU, initramfs ${(bytes / 1e6).toFixed(0)} MB`,
      );
    },
    2 * TIMEOUT_MS + 60_000,
  );
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const recorded = (name: string): RecordingOutcome => {
    const outcome = outcomes.get(name);
    expect(outcome?.status, outcome?.errorText).toBe(0);
    return outcome!;
  };
  const ofWorkload = (outcome: RecordingOutcome): readonly GuestStack[] =>
    outcome.stacks.filter(({ comm }) => comm === 'deep');

  it.each(Object.keys(RECORDINGS))('loads the programs and samples: %s', (name) => {
    noteCell(`on-CPU, ${name}`, 'failed');
    const stacks = ofWorkload(recorded(name));
    const leaves = sum(stacks.filter(({ names }) => isWork(names)));
    note(`  ${name}: ${sum(stacks)} samples, ${leaves} of them in mix or fold`);
    expect(sum(stacks)).toBeGreaterThan(100);
    expect(leaves / sum(stacks)).toBeGreaterThan(0.9);
    noteCell(`on-CPU, ${name}`, `${sum(stacks)} samples`);
  });

  const noteCell = (program: string, text: string): void => {
    cells.set(program, (cells.get(program) ?? new Map<string, string>()).set(release, text));
  };

  it.each(MATRIX)('loads, attaches and counts, or says why not: $program', (row) => {
    const outcome = outcomes.get(row.recording)!;
    if (!isAtLeast(release, row.since)) {
      noteCell(row.program, 'refused, with the reason');
      expect(outcome.status).not.toBe(0);
      expect(outcome.errorText).toContain(`Linux ${row.since}`);
      return;
    }
    noteCell(row.program, 'failed');
    const { counts, loss } = recorded(row.recording);
    const count = counts[row.key] ?? 0;
    const [least, most] = row.range(outcome);
    const lost = loss.find(({ reason }) => reason === 'call-start-lost')?.count ?? 0;
    const said = JSON.stringify({ counts, loss });
    expect(count + lost, said).toBeGreaterThanOrEqual(least);
    expect(count, said).toBeLessThanOrEqual(most);
    noteCell(row.program, `${count} of ${least}${lost > 0 ? `, ${lost} lost` : ''}`);
  });

  it.each([
    ['samples', '5.10', 1],
    ['waits', LATENCY_SINCE, 3],
    ['counts', LATENCY_SINCE, 1],
  ])('records a user’s own process, as that user: %s', (name, since, sources) => {
    const outcome = own.get(name)!;
    noteCell(`own process, ${name}`, 'failed');
    if (!isAtLeast(release, since)) {
      expect(outcome.error).toContain('5.17');
      noteCell(`own process, ${name}`, 'refused, with the reason');
      return;
    }
    expect(outcome).toMatchObject({ error: '', hasEnded: true, uid: '1000' });
    expect(outcome.fallback === '').toBe(isAtLeast(release, UNWIND_SINCE));
    const counted = Array.from({ length: sources }, (_, source) => outcome.records[source] ?? 0);
    expect(Math.min(...counted), JSON.stringify(outcome)).toBeGreaterThan(5);
    noteCell(`own process, ${name}`, `${counted.join(' + ')} records`);
  });

  it('reads the arguments of kernel functions by their types', () => {
    if (!isAtLeast(release, '5.17')) return;
    const { events } = recorded('kernel returns');
    const asked = events.find(({ filename }) => filename === '/tmp/not-there');
    expect(asked, JSON.stringify(events)).toMatchObject({ dfd: -100, returned: -2 });
    expect(Number(asked?.['took_ns'])).toBeGreaterThan(0);
    expect(recorded('kernel calls').events[0]).toHaveProperty('mode');
  });

  it('leaves no program behind', () => {
    for (const { name, left } of outcomes.values()) expect(left, name).toEqual([]);
  });

  it('unwinds a C++ release build without frame pointers to the start of the thread', () => {
    if (!isAtLeast(release, UNWIND_SINCE)) {
      // Along frame pointers, and it says so.
      expect(recorded('auto').fallback).toMatch(/Linux 5\.15/);
      return;
    }
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

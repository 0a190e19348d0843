import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { note } from '../support/bpf-helper.ts';
import { buildCli } from '../support/cli.ts';
import { writeGuestSystem } from './guest-system.ts';
import { bootKernel } from './machine.ts';
import type { GuestLatency, GuestResult, RecordingOutcome } from './plan.ts';

const WAITS = resolve(import.meta.dirname, '../fixtures/waits/waits.c');
const SCRIPT = resolve(import.meta.dirname, '../../scripts/kernel-images.mjs');
/** Packages or .deb files of other kernels, separated by commas. */
const ASKED = process.env['EMBERSCOPE_KERNELS']?.split(',') ?? [];
const IMAGES = JSON.parse(
  execFileSync(process.execPath, [SCRIPT, ...ASKED], { encoding: 'utf8' }),
) as readonly { readonly release: string; readonly path: string }[];

const TIMEOUT_MS = 400_000;
const SLEEPS = 300;
/** What the workload calls as often as it sleeps, once, and often. */
const NAMES = ['do_nanosleep', '__x64_sys_clock_nanosleep', 'vfs_read'];
const functions = NAMES.flatMap((name) => ['--function', name]);
/** BPF objects without the better ways: guest-system.ts. */
const KPROBE_ONLY = { EMBERSCOPE_TEST: '1', EMBERSCOPE_TEST_BPF_DIR: '/app/bpf-kprobe' };

describe.each(IMAGES)('kernel functions of Linux $release', ({ path }) => {
  let folder = '';
  let outcomes = new Map<string, RecordingOutcome>();
  beforeAll(async () => {
    buildCli();
    folder = mkdtempSync(join(tmpdir(), 'emberscope-functions-'));
    const initramfs = join(folder, 'initramfs');
    const waits = join(folder, 'waits');
    execFileSync('gcc', ['-O2', '-pthread', '-o', waits, WAITS], { stdio: 'pipe' });
    const args = ['--no-on-cpu', '--cost-limit', '0', '--detail', 'events', '--syscalls'];
    const command = ['/work/waits', '/tmp/waits.log', 'sleep', String(SLEEPS)];
    const base = { command, launch: true };
    const recordings = [
      { ...base, name: 'best', args: [...args, ...functions] },
      { ...base, name: 'kprobe', args: [...args, ...functions], env: KPROBE_ONLY },
      { ...base, name: 'pattern', args: [...args, '--function', '*_nanosleep'] },
    ];
    await writeGuestSystem(initramfs, {
      plan: { recordings },
      workloads: [waits],
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
    const { outcomes: found } = boot.result as GuestResult;
    outcomes = new Map(found.map((outcome) => [outcome.name, outcome]));
    for (const { name, mechanisms, notes, latencies, errorText, loss } of found) {
      const why = [...new Set(notes)].join(' | ');
      note(`  ${name} by ${mechanisms.join(', ')}: ${why} ${JSON.stringify(loss)}`);
      if (latencies.length === 0) note(errorText);
      const shown = latencies.filter(({ key }) => /^function |clock_nanosleep/.test(key));
      for (const { key, count, p50, p99, stack } of shown)
        note(`    ${key}: ${count}, p50 ${p50}, p99 ${p99} ns, ${stack.slice(-4).join(' > ')}`);
    }
  }, TIMEOUT_MS + 60_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const measured = (recording: string, name: string): GuestLatency => {
    const outcome = outcomes.get(recording);
    expect(outcome?.status, outcome?.errorText).toBe(0);
    const found = outcome!.latencies.find(({ key }) => key === `function ${name}`);
    expect(found, JSON.stringify(outcome?.latencies)).toBeDefined();
    return found!;
  };

  /** The workload sleeps once more than it is asked to, before it begins. */
  const isEverySleep = (count: number): boolean => count >= SLEEPS && count <= SLEEPS + 2;

  it('are measured by fentry, and by kprobes where that is all there is', () => {
    expect(outcomes.get('best')?.mechanisms.slice(0, NAMES.length)).toEqual(
      NAMES.map(() => 'fentry'),
    );
    expect(outcomes.get('kprobe')?.mechanisms.slice(0, NAMES.length)).toEqual(
      NAMES.map(() => 'kprobe'),
    );
  });

  it.each(['best', 'kprobe'])('have every call counted: %s', (recording) => {
    const counts = NAMES.slice(0, 2).map((name) => measured(recording, name).count);
    expect(counts.every(isEverySleep), counts.join()).toBe(true);
    expect(counts[0]).toBe(counts[1]);
    expect(measured(recording, 'vfs_read').count).toBeGreaterThan(0);
    expect(outcomes.get(recording)?.loss.filter(({ reason }) => /call/.test(reason))).toEqual([]);
  });

  it('are called as often by either mechanism', () => {
    for (const name of NAMES)
      expect(measured('best', name).count).toBe(measured('kprobe', name).count);
  });

  it.each(['best', 'kprobe'])(
    'take as long as the system call they are part of: %s',
    (recording) => {
      const call = outcomes
        .get(recording)
        ?.latencies.find(({ key }) => key === 'syscalls clock_nanosleep');
      expect(isEverySleep(call?.count ?? 0)).toBe(true);
      for (const name of NAMES.slice(0, 2)) {
        const { p50, p99 } = measured(recording, name);
        // A bucket is 3 %, and what lies between the two takes an emulated CPU a while.
        expect(Math.abs(p50 / (call?.p50 ?? 0) - 1)).toBeLessThan(0.1);
        expect(Math.abs(p99 / (call?.p99 ?? 0) - 1)).toBeLessThan(0.1);
      }
    },
  );

  it.each(['best', 'kprobe'])('are the leaves of their stacks: %s', (recording) => {
    const { stack } = measured(recording, 'do_nanosleep');
    expect(stack.at(-1)).toBe('do_nanosleep');
    for (const caller of ['do_syscall_64', '__x64_sys_clock_nanosleep', 'hrtimer_nanosleep'])
      expect(stack).toContain(caller);
  });

  it('are told apart when a pattern stands for several', () => {
    const outcome = outcomes.get('pattern');
    expect(outcome?.status, outcome?.errorText).toBe(0);
    const counts = outcome!.latencies.filter(({ key }) => key.startsWith('function '));
    // do_nanosleep, hrtimer_nanosleep, and the system call.
    expect(counts.filter(({ count }) => isEverySleep(count)).length).toBeGreaterThanOrEqual(3);
    expect(new Set(counts.map(({ key }) => key)).size).toBe(counts.length);
  });
});

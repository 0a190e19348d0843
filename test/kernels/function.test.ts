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
    const args = ['--no-on-cpu', '--cost-limit', '0', '--detail', 'events'];
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
    for (const { name, mechanisms, latencies, errorText, loss } of found) {
      note(
        `  ${name} by ${mechanisms.join(', ')} ${errorText.slice(0, 500)} ${JSON.stringify(loss)}`,
      );
      for (const { key, count, p50, p99, stack } of latencies)
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

  it('are measured by fentry, and by kprobes where that is all there is', () => {
    expect(outcomes.get('best')?.mechanisms).toEqual(NAMES.map(() => 'fentry'));
    expect(outcomes.get('kprobe')?.mechanisms).toEqual(NAMES.map(() => 'kprobe'));
  });

  it.each(['best', 'kprobe'])('have every call counted: %s', (recording) => {
    expect(measured(recording, 'do_nanosleep').count).toBe(SLEEPS);
    expect(measured(recording, '__x64_sys_clock_nanosleep').count).toBe(SLEEPS);
    expect(measured(recording, 'vfs_read').count).toBeGreaterThan(0);
  });

  it.each(NAMES)('take the same time by either mechanism: %s', (name) => {
    const [best, kprobe] = [measured('best', name), measured('kprobe', name)];
    expect(best.count).toBe(kprobe.count);
    if (name === 'vfs_read') return; // a few short calls, whose time the emulation scatters
    // Sleeps of 2 ms; a bucket is 3 %, and an emulated CPU is late by as much as it likes.
    expect(Math.abs(best.p50 / kprobe.p50 - 1)).toBeLessThan(0.2);
  });

  it.each(['best', 'kprobe'])('are the leaves of their stacks: %s', (recording) => {
    const { stack } = measured(recording, 'do_nanosleep');
    expect(stack.at(-1)).toMatch(/^do_nanosleep/);
    expect(stack.some((frame) => /hrtimer_nanosleep/.test(frame))).toBe(true);
  });

  it('are told apart when a pattern stands for several', () => {
    expect(measured('pattern', 'do_nanosleep').count).toBe(SLEEPS);
    expect(measured('pattern', '__x64_sys_clock_nanosleep').count).toBe(SLEEPS);
  });
});

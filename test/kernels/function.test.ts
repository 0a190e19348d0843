import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bucketOf } from '../../main/shared/model/latency-buckets.ts';
import { note } from '../support/bpf-helper.ts';
import { buildCli } from '../support/cli.ts';
import { compileWorkload, FORCED, writeGuestSystem } from './guest-system.ts';
import { isAtLeast, KERNELS, LATENCY_SINCE, modulePath } from './kernels.ts';
import { bootKernel } from './machine.ts';
import type { GuestLatency, GuestPlan, GuestResult, RecordingOutcome } from './plan.ts';

const TIMEOUT_MS = 500_000;
const TURNS = 60;
/** What the workload calls, and how often: each turn once, besides the writer and the beginning. */
const NAMES = ['do_nanosleep', 'vfs_read', '__x64_sys_clone'] as const;
const functions = NAMES.flatMap((name) => ['--function', name]);
const ARGS = ['--no-on-cpu', '--cost-limit', '0', '--detail', 'events', ...functions];
const BASE = { command: ['/work/waits', '/tmp/waits.log', 'calls', `${TURNS}`] };

/** Opens a device of the module 20 times and unloads the module, as far as the kernel lets it. */
const OPENINGS = 20;
const UNLOAD = [
  `i=0; while [ $i -lt ${OPENINGS} ]; do /bin/busybox cat /dev/net/tun; i=$((i+1)); done`,
  '/bin/busybox rmmod tun && echo unloaded > /tmp/unload.log; /bin/busybox sleep 1',
].join('; ');
const MODULE = {
  args: [...ARGS.slice(0, 5), '--function', 'tun_chr_open'],
  command: ['/bin/busybox', 'sh', '-c', UNLOAD],
  launch: true,
  prepare: [['/bin/busybox', 'insmod', '/work/tun.ko']],
  log: '/tmp/unload.log',
};

const RECORDINGS: GuestPlan['recordings'] = [
  { ...BASE, name: 'best', args: ARGS, beside: { name: 'kprobe', env: FORCED.kprobe } },
  {
    ...BASE,
    name: 'best again',
    args: ARGS,
    beside: { name: 'multi', env: FORCED['kprobe.multi'] },
  },
  {
    ...BASE,
    name: 'pattern',
    launch: true,
    args: [...ARGS.slice(0, 5), '--function', '*_nanosleep'],
  },
  { ...MODULE, name: 'module', env: FORCED.kprobe },
];

describe.each(KERNELS.filter(({ release }) => isAtLeast(release, LATENCY_SINCE)))(
  'kernel functions of Linux $release',
  ({ release, path, modules }) => {
    let folder = '';
    let outcomes = new Map<string, RecordingOutcome>();
    /** Kernels without kprobe.multi are built without CONFIG_FPROBE: Debian's before 6.3. */
    const hasMulti = isAtLeast(release, '6.3');
    beforeAll(
      async () => {
        buildCli();
        folder = mkdtempSync(join(tmpdir(), 'emberscope-functions-'));
        const initramfs = join(folder, 'initramfs');
        const waits = join(folder, 'waits');
        compileWorkload('../waits/waits.c', waits);
        await writeGuestSystem(initramfs, {
          plan: { recordings: RECORDINGS },
          files: [waits, modulePath(modules, 'tun.ko')],
          scratch: folder,
        });
        const boot = await bootKernel({
          ...{ kernel: path, initramfs, memoryMib: 1536, timeoutMs: TIMEOUT_MS },
        });
        if (boot.result === null)
          throw new Error(`the guest gave no result:\n${boot.console.slice(-6000)}`);
        const { outcomes: found } = boot.result as GuestResult;
        outcomes = new Map(found.map((outcome) => [outcome.name, outcome]));
        note(`Linux ${release}: ${boot.seconds.toFixed(0)} s in QEMU`);
        for (const { name, mechanisms, notes, latencies, errorText, loss } of found) {
          const why = [...new Set(notes)].join(' | ');
          note(`  ${name} by ${mechanisms.join(', ')}: ${why} ${JSON.stringify(loss)}`);
          if (latencies.length === 0) note(errorText);
          for (const { key, count, p50, p99, stack } of latencies)
            note(`    ${key}: ${count}, p50 ${p50}, p99 ${p99} ns, ${stack.slice(-4).join(' > ')}`);
        }
      },
      2 * TIMEOUT_MS + 60_000,
    );
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    const recorded = (recording: string): RecordingOutcome => {
      const outcome = outcomes.get(recording);
      expect(outcome?.status, outcome?.errorText).toBe(0);
      return outcome!;
    };
    const measured = (recording: string, name: string): GuestLatency => {
      const { latencies } = recorded(recording);
      const found = latencies.find(({ key }) => key === `function ${name}`);
      expect(found, JSON.stringify(latencies)).toBeDefined();
      return found!;
    };
    const mechanismsOf = (recording: string): readonly string[] => recorded(recording).mechanisms;

    it('are measured by fentry, and by kprobe and kprobe.multi where that is all there is', () => {
      expect(new Set(mechanismsOf('best'))).toEqual(new Set(['fentry']));
      expect(new Set(mechanismsOf('kprobe'))).toEqual(new Set(['kprobe']));
      if (hasMulti) expect(new Set(mechanismsOf('multi'))).toEqual(new Set(['kprobe.multi']));
    });

    it('say why kprobe.multi is not there where it is not', () => {
      if (hasMulti) return;
      // Without it and without kprobes there is nothing left: the recorder says so and ends.
      const { status, errorText } = outcomes.get('multi')!;
      expect(status).not.toBe(0);
      expect(errorText).toMatch(/not by kprobe\.multi: .+\(E[A-Z]+\)/);
      expect(errorText).toMatch(/Measure .+ instead/);
    });

    it.each(['best', 'kprobe'])('have every call counted: %s', (recording) => {
      // Of the program, its writer and those it clones; once before it begins.
      expect(measured(recording, 'do_nanosleep').count).toBe(3 * TURNS + 1);
      // The writer is cloned, too.
      expect(measured(recording, '__x64_sys_clone').count).toBe(TURNS + 1);
      expect(measured(recording, 'vfs_read').count).toBeGreaterThanOrEqual(TURNS);
      const lost = recorded(recording).loss.filter(({ reason }) => /call|ring/.test(reason));
      expect(lost).toEqual([]);
    });

    const pairs: readonly { readonly one: string; readonly other: string }[] = [
      { one: 'best', other: 'kprobe' },
      ...(hasMulti ? [{ one: 'best again', other: 'multi' }] : []),
    ];
    it.each(pairs)(
      'have the same counts and percentiles by $one and $other, in one run',
      (pair) => {
        for (const name of NAMES) {
          const [a, b] = [measured(pair.one, name), measured(pair.other, name)];
          expect(a.count).toBe(b.count);
          for (const share of ['p50', 'p99'] as const) {
            const buckets = [bucketOf(a[share]), bucketOf(b[share])] as const;
            note(`  ${name} ${share}: ${a[share]} by ${pair.one}, ${b[share]} ns by ${pair.other}`);
            expect(Math.abs(buckets[0] - buckets[1]), `${name} ${share}`).toBeLessThanOrEqual(1);
          }
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
      const counts = recorded('pattern').latencies.map(({ count }) => count);
      // do_nanosleep, hrtimer_nanosleep, and the system call.
      expect(counts.filter((count) => count === 3 * TURNS + 1).length).toBeGreaterThanOrEqual(3);
    });

    it('go on when the module they are in is unloaded', () => {
      const outcome = recorded('module');
      expect(outcome.log).toBe('unloaded\n');
      const [opened] = outcome.latencies.filter(({ key }) => key === 'function tun_chr_open');
      expect(opened?.count).toBe(OPENINGS);
    });

    it('leave nothing attached, whatever happened', () => {
      for (const { name, left } of outcomes.values()) expect(left, name).toEqual([]);
    });
  },
);

import { join } from 'node:path';
import { FORCED, writeGuestSystem } from '../kernels/guest-system.ts';
import { KERNELS } from '../kernels/kernels.ts';
import { bootKernel } from '../kernels/machine.ts';
import type { GuestBenchPlan, GuestBenchResult } from '../kernels/plan.ts';
import { median, printTable } from './measure.ts';
import { installedTool } from './rate-beside.ts';

/**
 * What timing a kernel function costs a program that calls it as often as it can: by fentry and by
 * kprobes, beside bpftrace and bcc, in one boot of a kernel in an emulator. Only the ratios mean
 * something; the recorders' order changes nothing, so each round has all of them. The function is one of
 * the kernel's cheapest system calls that its BTF knows.
 */
const FUNCTION = '__x64_sys_umask';
const ROUNDS = Number(process.env['EMBERSCOPE_BENCH_ROUNDS'] ?? 3);
const TIMEOUT_MS = 1_500_000;

type Condition = GuestBenchPlan['conditions'][number];

const FILE = '/tmp/bench.ember';

const ours = (mechanism: string, env: Condition['env'] = {}): Condition => ({
  ...{ name: `emberscope, ${mechanism}`, env, attached: 'Recording:' },
  proof: [process.execPath, '$CLI', 'sql', FILE, 'SELECT mechanism FROM source'],
  measured: `[1-9].* events in[^]*${mechanism}`,
  argv: [
    ...[process.execPath, '$CLI', 'record', '-p', '$PID', '--no-on-cpu', '--cost-limit', '0'],
    ...['--function', FUNCTION, '--force', '-o', FILE],
  ],
});

/** A pair of probes and a histogram of the time between them. */
const bpftraceProgram = (entry: string, exit: string): string =>
  `${entry}:${FUNCTION} /pid == $1/ { @start[tid] = nsecs; } ` +
  `${exit}:${FUNCTION} /@start[tid]/ { @ = hist(nsecs - @start[tid]); delete(@start[tid]); }`;

function others(): Condition[] {
  const bpftrace = installedTool('bpftrace');
  const funclatency = installedTool('funclatency');
  const byBpftrace = (entry: string, exit: string): Condition => ({
    ...{ name: `bpftrace ${entry}, ${exit}`, attached: 'Attaching', measured: '@@@' },
    argv: [bpftrace ?? '', '-e', bpftraceProgram(entry, exit), '$PID'],
  });
  return [
    ...(bpftrace === null
      ? []
      : [byBpftrace('kfunc', 'kretfunc'), byBpftrace('kprobe', 'kretprobe')]),
    ...(funclatency === null
      ? []
      : [
          {
            ...{ name: 'bcc funclatency (fentry)', attached: null, measured: '\\*\\*\\*' },
            argv: [funclatency, '-p', '$PID', FUNCTION],
          },
        ]),
  ];
}

export async function benchKernelFunctions(options: {
  /** The compiled calls.c. */
  readonly target: string;
  readonly folder: string;
}): Promise<void> {
  const conditions: readonly Condition[] = [
    { name: 'nothing recording', argv: null, attached: null, measured: '' },
    ours('fentry'),
    ours('kprobe', FORCED.kprobe),
    ...others(),
  ];
  const tools = conditions.flatMap(({ argv }) => (argv === null ? [] : [argv[0]!]));
  const plan: GuestBenchPlan = {
    ...{ rounds: ROUNDS, conditions, target: ['/work/calls', '0', '1', 'forever'] },
  };
  for (const { release, path } of KERNELS) {
    const initramfs = join(options.folder, 'bench-initramfs');
    await writeGuestSystem(initramfs, {
      ...{ plan, program: 'guest-bench', scratch: options.folder },
      files: [options.target],
      tools: [...new Set(tools)].filter((tool) => tool !== process.execPath),
    });
    const boot = await bootKernel({
      ...{ kernel: path, initramfs, memoryMib: 4096, timeoutMs: TIMEOUT_MS },
      onProgress: (line) => process.stdout.write(`  ${line}\n`),
    });
    if (boot.result === null) throw new Error(`no result:\n${boot.console.slice(-4000)}`);
    const { rates, problems } = boot.result as GuestBenchResult;
    const rounds = rates['nothing recording']?.length ?? 0;
    const free = median(rates['nothing recording'] ?? []);
    const rows = conditions.map(({ name }) => {
      const rate = median(rates[name] ?? []);
      const cost = 1e9 / rate - 1e9 / free;
      return [
        name,
        Math.round(rate).toLocaleString('en'),
        (free / rate).toFixed(2),
        cost.toFixed(0),
      ];
    });
    printTable(`Calls of ${FUNCTION}, Linux ${release} in QEMU, ${rounds} rounds, medians`, [
      ['recorder', 'calls/s', 'ratio', 'ns per call'],
      ...rows,
    ]);
    for (const problem of problems) process.stdout.write(`${problem.slice(0, 2000)}\n`);
  }
}

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchRates, type Condition, installedTool } from './rate-beside.ts';

/**
 * What measuring system calls costs a program that does nothing else: the latency of two million calls
 * per second and more. bpftrace does the same job with a histogram per call number.
 */
const BPFTRACE = `
tracepoint:raw_syscalls:sys_enter /pid == $1/ { @start[tid] = nsecs; @call[tid] = args->id; }
tracepoint:raw_syscalls:sys_exit /@start[tid]/ {
  @latency[@call[tid]] = hist(nsecs - @start[tid]); delete(@start[tid]); }
`;

export async function benchCalls(options: {
  /** The compiled calls.c. */
  readonly target: string;
  readonly cli: string;
  readonly folder: string;
}): Promise<void> {
  const { target, cli, folder } = options;
  const script = join(folder, 'calls.bt');
  writeFileSync(script, BPFTRACE);
  let files = 0;
  const ours =
    (...more: readonly string[]) =>
    (pid: number): readonly string[] => {
      const file = join(folder, `calls-${files++}.ember`);
      const common = ['-p', `${pid}`, '--no-on-cpu', '--force', '--quiet', '-o', file];
      return [process.execPath, cli, 'record', ...common, '--syscalls', ...more];
    };
  const bpftrace = installedTool('bpftrace');
  const conditions: [Condition, ...Condition[]] = [
    { name: 'nothing recording', argv: null },
    { name: 'emberscope --syscalls', argv: ours('--cost-limit', '0') },
    { name: 'emberscope --syscalls, cost limit 5 %', argv: ours() },
    ...(bpftrace === null
      ? []
      : [{ name: 'bpftrace histogram', argv: (pid: number) => [bpftrace, script, `${pid}`] }]),
  ];
  await benchRates(
    { title: 'System calls of one thread', noun: 'call', plural: 'calls', target },
    conditions,
  );
}

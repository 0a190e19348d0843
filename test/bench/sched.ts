import { join } from 'node:path';
import { benchRates, type Condition, installedTool } from './rate-beside.ts';

export interface SchedOptions {
  /** The compiled ping_pong.c. */
  readonly target: string;
  readonly cli: string;
  readonly folder: string;
}

/**
 * What off-CPU and run-queue recording cost a program that does nothing but switch: two threads
 * hand a byte to and fro on one CPU. Each condition runs beside the others in random order; the
 * ratio is switches per second without a recorder to those with it. bcc's libbpf-tools do the same
 * job: waits of at least a millisecond with both stacks, and run-queue histograms.
 */
export async function benchSched({ target, cli, folder }: SchedOptions): Promise<void> {
  await benchRates(
    { title: 'Pipe ping-pong on one CPU', noun: 'switch', plural: 'switches', target },
    [{ name: 'nothing recording', argv: null }, ...ourConditions(cli, folder), ...bccConditions()],
  );
}

function ourConditions(cli: string, folder: string): Condition[] {
  let files = 0;
  const ours =
    (...options: readonly string[]) =>
    (pid: number): readonly string[] => {
      const file = join(folder, `sched-${files++}.ember`);
      const common = ['-p', `${pid}`, '--no-on-cpu', '--force', '--quiet', '-o', file];
      return [process.execPath, cli, 'record', ...common, ...options];
    };
  return [
    { name: 'emberscope --off-cpu=1ms', argv: ours('--off-cpu=1ms') },
    { name: 'emberscope --off-cpu=1ms --wakers', argv: ours('--off-cpu=1ms', '--wakers') },
    { name: 'emberscope --run-queue', argv: ours('--run-queue') },
    { name: 'emberscope --off-cpu=1ms --run-queue', argv: ours('--off-cpu=1ms', '--run-queue') },
    { name: 'emberscope --off-cpu=0 (every wait)', argv: ours('--off-cpu=0') },
  ];
}

function bccConditions(): Condition[] {
  const tools: readonly (readonly [tool: string, name: string, options: readonly string[]])[] = [
    ['offcputime', 'bcc offcputime -m 1000', ['-m', '1000']],
    ['runqlat', 'bcc runqlat', []],
  ];
  return tools.flatMap(([tool, name, options]) => {
    const path = installedTool(tool);
    return path === null
      ? []
      : [{ name, argv: (pid: number) => [path, ...options, '-p', `${pid}`] }];
  });
}

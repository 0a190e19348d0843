import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { readTables } from '../support/read-tables.ts';
import { finish } from './finish.ts';
import { printTable } from './measure.ts';

const SECONDS = 600;
const DEPTH = 60;

/** The whole machine at the default rate, every CPU busy: what the recorder takes over ten minutes. */
export async function benchLongRecording(options: {
  readonly target: string;
  readonly cli: string;
  readonly folder: string;
}): Promise<void> {
  const { target, cli, folder } = options;
  const cpus = availableParallelism();
  const file = join(folder, 'long.ember');
  const load = spawn(target, [String(SECONDS + 60), String(DEPTH), String(cpus)], {
    stdio: 'ignore',
  });
  try {
    await finish(process.execPath, [
      ...[cli, 'record', '-a', '-F', '99', '-d', String(SECONDS), '--unwind', 'auto'],
      ...['--quiet', '--force', '-o', file],
    ]);
  } finally {
    load.kill('SIGKILL');
  }
  const { info } = await readTables(file);
  const { cost, duration, sampleCount, loss } = info;
  const percent = (ns: number): string => `${((ns / duration) * 100).toFixed(3)} %`;
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  printTable(
    `${SECONDS} s of the whole machine at 99 Hz, ${cpus} busy CPUs (${sampleCount} samples)`,
    [
      ['part', 'share of one CPU', 'memory'],
      ['BPF programs', percent(cost.bpfNs), ''],
      ['helper', percent(cost.helperCpuNs), mib(cost.helperRssBytes)],
      ['engine', percent(cost.engineCpuNs), mib(cost.engineRssBytes)],
      [
        'helper + engine (<= 1 %, <= 250 MB)',
        percent(cost.helperCpuNs + cost.engineCpuNs),
        mib(cost.helperRssBytes + cost.engineRssBytes),
      ],
    ],
  );
  const lost = loss
    .filter(({ count }) => count > 0)
    .map(({ reason, count }) => `${reason} ${count}`);
  process.stdout.write(`  lost: ${lost.length === 0 ? 'nothing' : lost.join(', ')}\n`);
}

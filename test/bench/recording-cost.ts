import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { LossEntry } from '../../main/shared/model/session-info.ts';
import { lostSamples } from '../../main/shared/text/loss-text.ts';
import { Background, median, output, printTable, shuffled } from './measure.ts';

/**
 * What recording costs the recorded program, by the slope method: at 99 Hz the effect (0.2 %) drowns in
 * the noise of a shared machine, so fixed work is timed at about 5 kHz and the lost throughput divided by
 * the rate. Conditions are interleaved in random order. The empty event is the machine's interrupt
 * floor: what any timer-driven profiler pays before it does anything.
 */
const RATE_HZ = 4999;
const SECONDS = 3;
const DEPTH = 60;
const ROUNDS = 8;
/** Both recorders have attached well before this, ms; the target starts after it. */
const SETTLE_MS = 1500;
/** The recorder's own cost: one longer recording, looked at once start-up and first symbols are over. */
const STEADY_SECONDS = 15;
const STEADY_FROM_NS = 5e9;

interface Condition {
  readonly name: string;
  readonly args: ((file: string) => readonly string[]) | null;
  readonly command: string;
}

export interface RecordingCostOptions {
  readonly target: string;
  readonly cli: string;
  readonly folder: string;
}

/** The part of `report --json` that is used here. */
interface SelfReport {
  readonly session: { readonly sampleCount: number; readonly loss: readonly LossEntry[] };
}

/** A row of the session's cost table: totals since start. */
interface CostTotals {
  readonly samples: number;
  readonly bpf_ns: number;
  readonly helper_cpu_ns: number;
  readonly engine_cpu_ns: number;
}

export async function benchRecordingCost({
  target,
  cli,
  folder,
}: RecordingCostOptions): Promise<void> {
  const rate = String(RATE_HZ);
  const perf = (extra: readonly string[]) => (file: string) => [
    'record',
    '-q',
    '-a',
    '-e',
    'cpu-clock',
    '-F',
    rate,
    ...extra,
    '-o',
    file,
  ];
  const conditions: readonly Condition[] = [
    { name: 'nothing recording', command: '', args: null },
    { name: 'empty event (perf record, no stacks)', command: 'perf', args: perf([]) },
    { name: 'perf record -g', command: 'perf', args: perf(['-g']) },
    {
      name: 'emberscope record',
      command: process.execPath,
      args: (file) => [cli, 'record', '-a', '-F', rate, '--force', '--quiet', '-o', file],
    },
  ];
  const cpus = availableParallelism();
  const rates = new Map<string, number[]>(conditions.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const condition of shuffled(conditions)) {
      const file = join(
        folder,
        `${condition.command === 'perf' ? condition.name.replaceAll(/\W+/g, '-') : 'ours'}.ember`,
      );
      const recorder = condition.args
        ? await Background.start(condition.command, condition.args(file), SETTLE_MS)
        : null;
      rates
        .get(condition.name)!
        .push(Number(output(target, [String(SECONDS), String(DEPTH), String(cpus)])));
      await recorder?.stop();
    }

  const baseline = median(rates.get('nothing recording')!);
  const lost = (name: string): number => 1 - median(rates.get(name)!) / baseline;
  const microseconds = (name: string): number => (lost(name) * 1e6) / RATE_HZ;
  const floor = microseconds(conditions[1]!.name);
  printTable(
    `Cost to the recorded program: ${RATE_HZ} Hz on ${cpus} CPUs, ${DEPTH} frames, ${ROUNDS} rounds of ${SECONDS} s, median`,
    [
      ['recorder', 'target CPU lost', 'us per sample', 'above the floor'],
      ...conditions
        .slice(1)
        .map(({ name }) => [
          name,
          `${(lost(name) * 100).toFixed(2)} %`,
          microseconds(name).toFixed(2),
          (microseconds(name) - floor).toFixed(2),
        ]),
    ],
  );
}

/** What the recorder itself costs per sample in the long run, and how much it writes. */
export function benchRecorder({ target, cli, folder }: RecordingCostOptions): void {
  const rate = String(RATE_HZ);
  const ours = join(folder, 'steady.ember');
  const perfFile = join(folder, 'steady.data');
  const load = [target, String(STEADY_SECONDS), String(DEPTH), String(availableParallelism())];
  output('perf', [
    'record',
    '-q',
    '-a',
    '-g',
    '-e',
    'cpu-clock',
    '-F',
    rate,
    '-o',
    perfFile,
    '--',
    ...load,
  ]);
  output(process.execPath, [cli, 'record', '-q', '--force', '-F', rate, '-o', ours, '--', ...load]);
  const { session } = JSON.parse(
    output(process.execPath, [cli, 'report', ours, '--json']),
  ) as SelfReport;
  const query = `SELECT samples, bpf_ns, helper_cpu_ns, engine_cpu_ns FROM cost WHERE time_ns >= ${STEADY_FROM_NS} ORDER BY time_ns`;
  const rows = JSON.parse(
    output(process.execPath, [cli, 'sql', ours, query, '--json']),
  ) as CostTotals[];
  const first = rows[0]!;
  const last = rows.at(-1)!;
  const perSample = (column: keyof CostTotals): string =>
    ((last[column] - first[column]) / (last.samples - first.samples) / 1000).toFixed(2);
  printTable(
    `Cost of the recorder itself at ${RATE_HZ} Hz, start-up left out (${session.sampleCount} samples)`,
    [
      ['part', 'us of CPU per sample'],
      ['BPF programs', perSample('bpf_ns')],
      ['helper: drain (target <= 2)', perSample('helper_cpu_ns')],
      ['engine: resolve, intern, store', perSample('engine_cpu_ns')],
      ['lost samples', String(lostSamples(session.loss))],
    ],
  );
  const stats = output('perf', ['report', '--stats', '-i', perfFile]);
  const perfSamples = Number(/SAMPLE events:\s+(\d+)/.exec(stats)?.[1]);
  const perFile = (path: string, samples: number): string =>
    (statSync(path).size / samples).toFixed(1);
  printTable('Bytes per sample, same load and rate', [
    ['file', 'bytes per sample', 'samples'],
    ['emberscope .ember', perFile(ours, session.sampleCount), String(session.sampleCount)],
    ['perf.data (-g)', perFile(perfFile, perfSamples), String(perfSamples)],
  ]);
}

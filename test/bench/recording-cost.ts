import { readFileSync, statSync } from 'node:fs';
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
  readonly session: {
    readonly sampleCount: number;
    readonly loss: readonly LossEntry[];
    readonly cost: {
      readonly bpfNs: number;
      readonly helperCpuNs: number;
      readonly engineCpuNs: number;
    };
  };
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

  const ours = join(folder, 'ours.ember');
  const perfFile = join(folder, 'perf-record-g.ember');
  const report = JSON.parse(
    output(process.execPath, [cli, 'report', ours, '--json']),
  ) as SelfReport;
  const perfSamples = Number(
    /SAMPLE events:\s+(\d+)/.exec(output('perf', ['report', '--stats', '-i', perfFile]))?.[1] ??
      Number.NaN,
  );
  const samples = report.session.sampleCount;
  const perSample = (ns: number): string => (ns / samples / 1000).toFixed(2);
  printTable(`Cost of the recorder itself, last recording at ${RATE_HZ} Hz (${samples} samples)`, [
    ['part', 'us of CPU per sample'],
    ['BPF programs (per kept sample)', perSample(report.session.cost.bpfNs)],
    ['helper: drain (target <= 2)', perSample(report.session.cost.helperCpuNs)],
    ['engine: resolve, intern, store, symbolize', perSample(report.session.cost.engineCpuNs)],
    ['lost samples', String(lostSamples(report.session.loss))],
  ]);
  printTable('Bytes per sample, same load and rate', [
    ['file', 'bytes per sample', 'samples'],
    ['emberscope .ember', (statSync(ours).size / samples).toFixed(1), String(samples)],
    [
      'perf.data (-g)',
      (readFileSync(perfFile).length / perfSamples).toFixed(1),
      String(perfSamples),
    ],
  ]);
}

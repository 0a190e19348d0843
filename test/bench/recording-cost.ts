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
 * floor: what any timer-driven profiler pays before it does anything. perf's dwarf rows leave out what
 * its stacks cost later: they are unwound when the file is read.
 */
const RATE_HZ = 4999;
const SECONDS = 3;
const DEPTH = 60;
const ROUNDS = Number(process.env['EMBERSCOPE_BENCH_ROUNDS'] ?? 8);
/** Both recorders have attached well before this, ms; the target starts after it. */
const SETTLE_MS = 1500;
/** The recorder's own cost: one longer recording, looked at once start-up and first symbols are over. */
const STEADY_SECONDS = 15;
const STEADY_FROM_NS = 5e9;

/** perf 6.1 may abort while it collects the build ids of what ran. */
const WITHOUT_BUILD_IDS = ['--no-buildid', '--no-bpf-event'];

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
    ...WITHOUT_BUILD_IDS,
    '-a',
    '-e',
    'cpu-clock',
    '-F',
    rate,
    ...extra,
    '-o',
    file,
  ];
  const ours = (unwind: string) => (file: string) => [
    ...[cli, 'record', '-a', '-F', rate, '--unwind', unwind, '--force', '--quiet', '-o', file],
  ];
  const node = process.execPath;
  const dwarf = (bytes: number): readonly string[] => ['--call-graph', `dwarf,${bytes}`];
  const conditions: readonly Condition[] = [
    { name: 'nothing recording', command: '', args: null },
    { name: 'empty event (perf record, no stacks)', command: 'perf', args: perf([]) },
    { name: 'perf record --call-graph fp', command: 'perf', args: perf(['-g']) },
    { name: 'perf record --call-graph dwarf,8192', command: 'perf', args: perf(dwarf(8192)) },
    { name: 'perf record --call-graph dwarf,32768', command: 'perf', args: perf(dwarf(32_768)) },
    { name: 'emberscope record --unwind fp', command: node, args: ours('fp') },
    {
      name: 'emberscope record --unwind auto (target: 6 above)',
      command: node,
      args: ours('auto'),
    },
  ];
  const cpus = availableParallelism();
  const rates = new Map<string, number[]>(conditions.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const condition of shuffled(conditions)) {
      const file = join(folder, condition.command === 'perf' ? 'perf.data' : 'ours.ember');
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
export function benchRecorder(options: RecordingCostOptions): void {
  const { target, folder } = options;
  const load = [target, String(STEADY_SECONDS), String(DEPTH), String(availableParallelism())];
  const perfFile = join(folder, 'steady.data');
  output('perf', [
    ...['record', '-q', ...WITHOUT_BUILD_IDS, '-a', '-g', '-e', 'cpu-clock', '-F', String(RATE_HZ)],
    ...['-o', perfFile, '--', ...load],
  ]);
  const fp = steadyRun('fp', load, options);
  const auto = steadyRun('auto', load, options);
  printTable(
    `Cost of the recorder itself at ${RATE_HZ} Hz, us of CPU per sample, start-up left out`,
    [
      ['part', '--unwind fp', '--unwind auto'],
      ['BPF programs', fp.perSample('bpf_ns'), auto.perSample('bpf_ns')],
      [
        'helper: drain, and tables for auto',
        fp.perSample('helper_cpu_ns'),
        auto.perSample('helper_cpu_ns'),
      ],
      [
        'engine: resolve, intern, store',
        fp.perSample('engine_cpu_ns'),
        auto.perSample('engine_cpu_ns'),
      ],
      ['samples', String(fp.samples), String(auto.samples)],
      ['lost samples', String(fp.lost), String(auto.lost)],
    ],
  );
  const stats = output('perf', ['report', '--stats', '-i', perfFile]);
  const perfSamples = Number(/SAMPLE events:\s+(\d+)/.exec(stats)?.[1]);
  const row = (name: string, path: string, samples: number): string[] => [
    ...[name, (statSync(path).size / samples).toFixed(1), String(samples)],
  ];
  printTable('Bytes per sample, same load and rate', [
    ['file', 'bytes per sample', 'samples'],
    row('emberscope .ember', auto.file, auto.samples),
    row('perf.data (-g)', perfFile, perfSamples),
  ]);
}

interface SteadyRun {
  readonly file: string;
  readonly samples: number;
  readonly lost: number;
  /** us per sample of a column of the cost table. */
  readonly perSample: (column: keyof CostTotals) => string;
}

/** One longer recording of the whole load, looked at once start-up and first symbols are over. */
function steadyRun(
  unwind: string,
  load: readonly string[],
  { cli, folder }: RecordingCostOptions,
): SteadyRun {
  const file = join(folder, `steady-${unwind}.ember`);
  output(process.execPath, [
    ...[cli, 'record', '-q', '--force', '--unwind', unwind, '-F', String(RATE_HZ), '-o', file],
    ...['--', ...load],
  ]);
  const { session } = JSON.parse(
    output(process.execPath, [cli, 'report', file, '--json']),
  ) as SelfReport;
  const query = `SELECT samples, bpf_ns, helper_cpu_ns, engine_cpu_ns FROM cost WHERE time_ns >= ${STEADY_FROM_NS} ORDER BY time_ns`;
  const rows = JSON.parse(
    output(process.execPath, [cli, 'sql', file, query, '--json']),
  ) as CostTotals[];
  const first = rows[0]!;
  const last = rows.at(-1)!;
  const perSample = (column: keyof CostTotals): string =>
    ((last[column] - first[column]) / (last.samples - first.samples) / 1000).toFixed(2);
  return { file, samples: session.sampleCount, lost: lostSamples(session.loss), perSample };
}

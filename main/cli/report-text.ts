import type { CaptureEndReason, SessionInfo } from '#shared/model/session-info.ts';
import type { WeightUnit } from '#shared/model/session-tables.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatFrequency,
  formatPercent,
  formatQuantity,
  formatRate,
} from '#shared/text/format-value.ts';
import { describeLoss, lostSamples } from '#shared/text/loss-text.ts';
import { printable } from '#shared/text/printable-text.ts';
import { completenessText } from '#shared/text/quality-text.ts';
import { describeTarget } from '#shared/text/target-text.ts';
import {
  formatWeight,
  recordedCount,
  unitHeading,
  weightFigure,
} from '#shared/text/weight-text.ts';
import { NS_PER_S } from '#shared/units.ts';
import {
  type OwnCost,
  ownCostOf,
  type Report,
  type ReportedFunction,
  type ReportedProcess,
  type ReportedSource,
} from './report-data.ts';
import { type Column, textTable } from './text-table.ts';

/** The report as lines. `columns`: width of the terminal; null: any. */
export function reportLines(report: Report, columns: number | null): string[] {
  const { unit } = report;
  return [
    ...headLines(report.session),
    `stacks    ${completenessText(report.quality)}; more: emberscope report --quality`,
    ...sourceLines(report.sources),
    '',
    ...(report.total === 0
      ? [emptyText(report)]
      : [
          'Hottest functions by self weight',
          ...functionLines(report.hottestBySelf, { by: 'self', unit }, columns),
          '',
          'Hottest functions by total weight',
          ...functionLines(report.hottestByTotal, { by: 'total', unit }, columns),
          '',
          'Processes',
          ...processLines(report.processes, unit, columns),
        ]),
  ];
}

/** What was measured, one line each; nothing for sessions that sample CPUs alone. */
function sourceLines(sources: readonly ReportedSource[]): string[] {
  const [first] = sources;
  if (first === undefined || (sources.length === 1 && first.unit === 'samples')) return [];
  const width = Math.max(...sources.map(({ title }) => printable(title).length));
  const lines = sources.map(({ title, total, unit, mechanism, note }) => {
    const how = listed([mechanism, note]);
    return `  ${printable(title).padEnd(width)}  ${formatWeight(total, unit)}${how === '' ? '' : `  (${printable(how)})`}`;
  });
  return ['', 'Measured; the tables below are of the first', ...lines];
}

function emptyText({ unit }: Report): string {
  return unit === 'samples'
    ? 'There are no samples in this session: nothing of the target ran while it was recorded.'
    : 'Nothing was measured: what was looked for did not happen while this was recorded.';
}

/** The facts about a session: target, host, sampling, losses, own cost. */
export function headLines(info: SessionInfo): string[] {
  const { host, spec } = info;
  const rows: (readonly [string, string])[] = [
    ['target', describeTarget(spec.target)],
    [
      'recorded',
      `${info.startedAt.slice(0, 19).replace('T', ' ')} UTC, ${formatDuration(info.duration)}, ${STATES[info.state]}, by Emberscope ${info.recordedBy}`,
    ],
    ...endRows(info),
    ['host', listed([host.hostname, host.os, `Linux ${host.kernel} ${host.arch}`])],
    ['', listed([formatQuantity(host.cpus, 'CPU'), host.cpuModel, formatBytes(host.memoryBytes)])],
    ...(samplesCpus(info)
      ? ([['sampling', samplingText(info)], ...samplesRows(info)] as const)
      : []),
    ...lossRows(info),
    ['own cost', ...costText(ownCostOf(info))],
  ];
  return rows.map(([name, text]) => `${name.padEnd(9)} ${printable(text)}`.trimEnd());
}

const STATES: Readonly<Record<SessionInfo['state'], string>> = {
  recording: 'still recording',
  complete: 'complete',
  interrupted: 'interrupted (its recorder died; kept up to the last second)',
};

const ENDS: Readonly<Record<CaptureEndReason, string>> = {
  stopped: 'when it was stopped',
  'duration-over': 'when its duration was over',
  'target-exited': 'with its target',
  failed: 'by a failure',
};

function endRows({ end }: SessionInfo): (readonly [string, string])[] {
  if (end === null) return [];
  return [['ended', end.error === '' ? ENDS[end.reason] : `${ENDS[end.reason]}: ${end.error}`]];
}

const listed = (parts: readonly string[]): string => parts.filter((part) => part !== '').join(', ');

function samplingText({ spec, host }: SessionInfo): string {
  const stacks = [spec.kernelStacks ? 'kernel' : '', spec.userStacks ? 'user' : ''];
  return listed([
    `${formatFrequency(spec.rate)} per CPU`,
    host.sampleEvent,
    `${spec.mode} mode`,
    `${stacks.filter((name) => name !== '').join(' and ')} stacks`,
  ]);
}

const samplesCpus = ({ spec }: SessionInfo): boolean =>
  spec.sources.some(({ kind }) => kind === 'on-cpu');

/** The total is that of the first source: only of CPU samples are they so many samples. */
const samplesRows = (info: SessionInfo): (readonly [string, string])[] =>
  info.spec.sources[0]?.kind === 'on-cpu' ? [['samples', samplesText(info)]] : [];

function samplesText(info: SessionInfo): string {
  const perSecond = info.totalWeight / (info.duration / NS_PER_S);
  const idle = formatQuantity(info.idleSamples, 'idle sample');
  const counted =
    info.idleSamples === 0 ? '' : `, ${idle} ${info.spec.includeIdle ? 'among them' : 'left out'}`;
  return `${formatCount(info.totalWeight)}, ${formatRate(perSecond, 'samples')}${counted}`;
}

/** One line when nothing is missing, else what happened and what to do about each. */
function lossRows(info: SessionInfo): (readonly [string, string])[] {
  const losses = info.loss.filter(({ count }) => count > 0);
  if (losses.length === 0) return [['loss', 'none']];
  const lost = lostSamples(losses);
  const taken = lost + recordedCount(info);
  const summary =
    lost === 0
      ? 'no samples lost'
      : `${formatQuantity(lost, 'sample')} lost, ${formatPercent(lost / taken)} of all taken`;
  return [
    ['loss', summary],
    ...losses.flatMap((entry): (readonly [string, string])[] => {
      const { quantity, sentence, remedy } = describeLoss(entry);
      return [
        ['', `${quantity}: ${sentence}`],
        ['', `  ${remedy}`],
      ];
    }),
  ];
}

function costText(cost: OwnCost): [string] {
  const share = (value: number): string => `${formatPercent(value)} of a CPU`;
  const memory = (bytes: number): string => (bytes === 0 ? '' : ` (${formatBytes(bytes)})`);
  return [
    listed([
      `BPF programs ${formatDuration(cost.bpfNsPerSample)} per sample and ${share(cost.bpfCpuShare)}`,
      `helper ${share(cost.helperCpuShare)}${memory(cost.helperRssBytes)}`,
      `engine ${share(cost.engineCpuShare)}${memory(cost.engineRssBytes)}`,
    ]),
  ];
}

const functionColumns = (unit: WeightUnit): readonly Column[] => [
  { heading: 'self', align: 'right' },
  { heading: 'total', align: 'right' },
  { heading: unitHeading(unit), align: 'right' },
  { heading: 'function', align: 'left' },
  { heading: 'image', align: 'left' },
];

/** A table of functions in the given order; `by` says whose weights are shown beside the shares. */
export function functionLines(
  rows: readonly ReportedFunction[],
  { by, unit }: { readonly by: 'self' | 'total'; readonly unit: WeightUnit },
  columns: number | null,
): string[] {
  return textTable(
    functionColumns(unit),
    rows.map((row) => [
      formatPercent(row.selfShare),
      formatPercent(row.totalShare),
      weightFigure(row[by], unit),
      row.kind === 'user' ? row.name : `${row.name} [${row.kind}]`,
      row.image,
    ]),
    columns,
  );
}

const processColumns = (unit: WeightUnit): readonly Column[] => [
  { heading: 'share', align: 'right' },
  { heading: unitHeading(unit), align: 'right' },
  { heading: 'pid', align: 'right' },
  { heading: 'command', align: 'left' },
  { heading: 'executable', align: 'left' },
];

function processLines(
  rows: readonly ReportedProcess[],
  unit: WeightUnit,
  columns: number | null,
): string[] {
  return textTable(
    processColumns(unit),
    rows.map(({ share, weight, pid, comm, exe }) => [
      formatPercent(share),
      weightFigure(weight, unit),
      String(pid),
      comm,
      exe,
    ]),
    columns,
  );
}

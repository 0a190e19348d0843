import type { CaptureEndReason, SessionInfo } from '#shared/model/session-info.ts';
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
import { NS_PER_S } from '#shared/units.ts';
import {
  type OwnCost,
  ownCostOf,
  type Report,
  type ReportedFunction,
  type ReportedProcess,
} from './report-data.ts';
import { type Column, textTable } from './text-table.ts';

/** The report as lines. `columns`: width of the terminal; null: any. */
export function reportLines(report: Report, columns: number | null): string[] {
  return [
    ...headLines(report.session),
    `stacks    ${completenessText(report.quality)}; more: emberscope report --quality`,
    '',
    ...(report.total === 0
      ? ['There are no samples in this session: nothing of the target ran while it was recorded.']
      : [
          'Hottest functions by self weight',
          ...functionLines(report.hottestBySelf, 'self', columns),
          '',
          'Hottest functions by total weight',
          ...functionLines(report.hottestByTotal, 'total', columns),
          '',
          'Processes',
          ...processLines(report.processes, columns),
        ]),
  ];
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
    ['sampling', samplingText(info)],
    ['samples', samplesText(info)],
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
  const taken = lost + info.totalWeight;
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

const FUNCTION_COLUMNS: readonly Column[] = [
  { heading: 'self', align: 'right' },
  { heading: 'total', align: 'right' },
  { heading: 'samples', align: 'right' },
  { heading: 'function', align: 'left' },
  { heading: 'image', align: 'left' },
];

/** A table of functions in the given order; `by` says whose samples are shown beside the shares. */
export function functionLines(
  rows: readonly ReportedFunction[],
  by: 'self' | 'total',
  columns: number | null,
): string[] {
  return textTable(
    FUNCTION_COLUMNS,
    rows.map((row) => [
      formatPercent(row.selfShare),
      formatPercent(row.totalShare),
      formatCount(row[by]),
      row.kind === 'user' ? row.name : `${row.name} [${row.kind}]`,
      row.image,
    ]),
    columns,
  );
}

const PROCESS_COLUMNS: readonly Column[] = [
  { heading: 'share', align: 'right' },
  { heading: 'samples', align: 'right' },
  { heading: 'pid', align: 'right' },
  { heading: 'command', align: 'left' },
  { heading: 'executable', align: 'left' },
];

function processLines(rows: readonly ReportedProcess[], columns: number | null): string[] {
  return textTable(
    PROCESS_COLUMNS,
    rows.map(({ share, weight, pid, comm, exe }) => [
      formatPercent(share),
      formatCount(weight),
      String(pid),
      comm,
      exe,
    ]),
    columns,
  );
}

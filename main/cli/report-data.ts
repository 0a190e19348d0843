import { buildCallTree } from '#shared/model/call-tree.ts';
import { keySpaceOf, labelOfKey } from '#shared/model/call-tree-keys.ts';
import { WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import { functionTotals } from '#shared/model/function-totals.ts';
import { processTotals } from '#shared/model/process-totals.ts';
import { stackQuality } from '#shared/model/quality.ts';
import { runtimeHints } from '#shared/model/runtime-hints.ts';
import type { SessionInfo } from '#shared/model/session-info.ts';
import type { SessionTables, WeightUnit } from '#shared/model/session-tables.ts';
import { describeLoss } from '#shared/text/loss-text.ts';
import type { QualityLine } from '#shared/text/quality-line.ts';
import { type Completeness, completenessOf, qualityLines } from '#shared/text/quality-text.ts';
import { unitOf } from '#shared/text/weight-text.ts';

/**
 * What `report` says, as data; `report --json` prints it. Functions and processes are of the first source;
 * weights are in its unit. Shares: 0 to 1 of all.
 */
export interface Report {
  readonly session: SessionInfo;
  /** Everything that was measured. */
  readonly sources: readonly ReportedSource[];
  /** Of the weights below. */
  readonly unit: WeightUnit;
  /** Sum of all weights. */
  readonly total: number;
  readonly hottestBySelf: readonly ReportedFunction[];
  readonly hottestByTotal: readonly ReportedFunction[];
  readonly processes: readonly ReportedProcess[];
  readonly loss: readonly ReportedLoss[];
  readonly ownCost: OwnCost;
  readonly quality: ReportedQuality;
}

/** How far stacks and names can be trusted; `report --quality` prints it. */
export interface ReportedQuality extends Completeness {
  readonly lines: readonly QualityLine[];
}

export interface ReportedSource {
  readonly kind: string;
  readonly title: string;
  readonly mechanism: string;
  /** Why not in a better way; empty. */
  readonly note: string;
  readonly unit: WeightUnit;
  /** Sum of the weights, and rows of the sample table. */
  readonly total: number;
  readonly samples: number;
}

export interface ReportedFunction {
  readonly name: string;
  readonly image: string;
  /** user, kernel, jit, ...: a FrameKind. */
  readonly kind: string;
  readonly self: number;
  readonly total: number;
  readonly selfShare: number;
  readonly totalShare: number;
}

export interface ReportedProcess {
  readonly pid: number;
  readonly comm: string;
  readonly exe: string;
  readonly weight: number;
  readonly share: number;
}

export interface ReportedLoss {
  readonly reason: string;
  readonly count: number;
  readonly effect: string;
  readonly sentence: string;
  readonly remedy: string;
}

/** The profiler's own cost, related to what it did. Shares: of one CPU, 1 is a whole one. */
export interface OwnCost {
  /** ns of BPF time per sample stored; NaN (null in JSON) without samples. */
  readonly bpfNsPerSample: number;
  readonly bpfCpuShare: number;
  readonly helperCpuShare: number;
  readonly engineCpuShare: number;
  readonly helperRssBytes: number;
  readonly engineRssBytes: number;
}

/** Computes a report with at most `top` rows per table. */
export function reportOf(tables: SessionTables, info: SessionInfo, top: number): Report {
  const functions = functionRows(tables);
  const { total } = functions;
  const byTotal = functions.rows.toSorted((a, b) => b.total - a.total || b.self - a.self);
  return {
    session: info,
    sources: sourceRows(tables),
    unit: unitOf(tables.sources, WHOLE_SESSION.source),
    total,
    hottestBySelf: functions.rows.filter((row) => row.self > 0).slice(0, top),
    hottestByTotal: byTotal.slice(0, top),
    processes: processRows(tables).slice(0, top),
    loss: info.loss.filter(({ count }) => count > 0).map(lossRow),
    ownCost: ownCostOf(info),
    quality: qualityOf(tables, info),
  };
}

function qualityOf(tables: SessionTables, info: SessionInfo): ReportedQuality {
  const quality = stackQuality(tables);
  const lines = qualityLines(quality, info, runtimeHints(tables));
  return { ...completenessOf(quality, info), lines };
}

function functionRows(tables: SessionTables): {
  readonly total: number;
  readonly rows: readonly ReportedFunction[];
} {
  const space = keySpaceOf(tables, 'none');
  const tree = buildCallTree(tables, WHOLE_SESSION, space);
  const totals = functionTotals(tree, space, tables.frames);
  const whole = tree.total[0]!;
  const rows = Array.from(totals.key, (key, row): ReportedFunction => {
    const { name, image, kind } = labelOfKey(tables, space, key, totals.frame[row]!);
    const self = totals.self[row]!;
    const total = totals.total[row]!;
    return { name, image, kind, self, total, selfShare: self / whole, totalShare: total / whole };
  });
  return { total: whole, rows };
}

function sourceRows({ sources, samples }: SessionTables): ReportedSource[] {
  const total = new Float64Array(sources.length);
  const count = new Float64Array(sources.length);
  for (let sample = 0; sample < samples.length; sample++) {
    total[samples.source[sample]!]! += samples.weight[sample]!;
    count[samples.source[sample]!]!++;
  }
  return Array.from(total, (weight, row) => ({
    kind: sources.kind[row] ?? '',
    title: sources.title[row] ?? '',
    mechanism: sources.mechanism[row] ?? '',
    note: sources.note[row] ?? '',
    unit: unitOf(sources, row),
    total: weight,
    samples: count[row]!,
  }));
}

function processRows(tables: SessionTables): ReportedProcess[] {
  const { pid, comm, exe } = tables.processes;
  const totals = processTotals(tables, WHOLE_SESSION);
  return Array.from(totals.process, (process, row) => ({
    pid: pid[process]!,
    comm: comm[process] ?? '',
    exe: exe[process] ?? '',
    weight: totals.weight[row]!,
    share: totals.weight[row]! / totals.total,
  }));
}

function lossRow(entry: SessionInfo['loss'][number]): ReportedLoss {
  const { effect, sentence, remedy } = describeLoss(entry);
  return { ...entry, effect, sentence, remedy };
}

/** Relates the measured cost to samples and to the length of the capture. */
export function ownCostOf({ cost, sampleCount, duration }: SessionInfo): OwnCost {
  return {
    bpfNsPerSample: cost.bpfNs / sampleCount,
    bpfCpuShare: cost.bpfNs / duration,
    helperCpuShare: cost.helperCpuNs / duration,
    engineCpuShare: cost.engineCpuNs / duration,
    helperRssBytes: cost.helperRssBytes,
    engineRssBytes: cost.engineRssBytes,
  };
}

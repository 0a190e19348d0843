import { selectedThreads } from './call-tree.ts';
import type { Selection } from './call-tree-selection.ts';
import type { SessionTables } from './session-tables.ts';

/** Weight per process. */
export interface ProcessTotals {
  readonly length: number;
  /** Row of ProcessTable, heaviest first; processes without weight are left out. */
  readonly process: Int32Array<ArrayBuffer>;
  readonly weight: Float64Array<ArrayBuffer>;
  /** Sum of `weight`. */
  readonly total: number;
}

/** Sums the selected samples by process. Time: samples. */
export function processTotals(tables: SessionTables, selection: Selection): ProcessTotals {
  const { samples, threads } = tables;
  const keep = selectedThreads(tables, selection);
  const from = selection.timeRange?.from ?? Number.NEGATIVE_INFINITY;
  const to = selection.timeRange?.to ?? Number.POSITIVE_INFINITY;
  const sums = new Float64Array(tables.processes.length);
  let total = 0;
  for (let sample = 0; sample < samples.length; sample++) {
    const thread = samples.thread[sample]!;
    const time = samples.time[sample]!;
    if (keep[thread] === 0 || time < from || time >= to) continue;
    const weight = samples.weight[sample]!;
    sums[threads.process[thread]!]! += weight;
    total += weight;
  }
  const used: number[] = [];
  for (let row = 0; row < sums.length; row++) if (sums[row]! > 0) used.push(row);
  const process = Int32Array.from(used).sort((a, b) => sums[b]! - sums[a]! || a - b);
  return {
    length: process.length,
    process,
    weight: Float64Array.from(process, (row) => sums[row]!),
    total,
  };
}

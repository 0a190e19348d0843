import type { Selection } from './call-tree-selection.ts';
import { SampleFilter } from './sample-filter.ts';
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
  const filter = new SampleFilter(tables, selection);
  const sums = new Float64Array(tables.processes.length);
  let total = 0;
  for (const rows of filter.kept()) {
    for (let k = 0; k < rows.length; k++) {
      const weight = filter.weightOf(rows[k]!);
      sums[threads.process[samples.thread[rows[k]!]!]!]! += weight;
      total += weight;
    }
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

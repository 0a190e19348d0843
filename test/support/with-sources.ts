import type { SessionTables } from '#shared/model/session-tables.ts';
import type { LatencyRow, SeriesRow, SourceRow } from '../../main/store/session-batch.ts';
import { ON_CPU } from './on-cpu.ts';

/** What one sample of the text measured. */
export interface Measured {
  readonly source: number;
  /** Default: none. */
  readonly series?: number;
  /** Default: nothing. */
  readonly value?: number;
}

export interface ManySources {
  readonly sources: readonly SourceRow[];
  readonly series?: readonly SeriesRow[];
  readonly latencies?: readonly LatencyRow[];
  /** One for each sample. */
  readonly samples: readonly Measured[];
}

/** Sources of durations and counts for tests. */
export const OFF_CPU: SourceRow = {
  ...ON_CPU,
  ...{ kind: 'off-cpu', title: 'Off-CPU time', unit: 'nanoseconds', mechanism: 'tracepoint' },
};
export const RUN_QUEUE: SourceRow = { ...OFF_CPU, kind: 'run-queue', title: 'Run-queue latency' };
export const CALLS: SourceRow = { ...OFF_CPU, kind: 'function', title: 'vfs_read' };
export const COUNTED_CALLS: SourceRow = { ...CALLS, detail: 'histogram' };
export const FAULTS: SourceRow = {
  ...OFF_CPU,
  kind: 'count',
  title: 'page-faults',
  unit: 'events',
};

/** Tables of tablesOf() with several sources in place of the one. */
export function withSources(tables: SessionTables, parts: ManySources): SessionTables {
  const { sources, series = [], latencies = [], samples } = parts;
  return {
    ...tables,
    sources: {
      length: sources.length,
      kind: sources.map((row) => row.kind),
      title: sources.map((row) => row.title),
      unit: sources.map((row) => row.unit),
      mechanism: sources.map((row) => row.mechanism),
      note: sources.map((row) => row.note),
      detail: sources.map((row) => row.detail),
      fields: sources.map((row) => row.fields),
    },
    series: {
      length: series.length,
      source: Uint8Array.from(series, (row) => row.source),
      process: Int32Array.from(series, (row) => row.process),
      name: series.map((row) => row.name),
      variant: series.map((row) => row.variant),
    },
    latencies: {
      length: latencies.length,
      series: Int32Array.from(latencies, (row) => row.series),
      slice: Int32Array.from(latencies, (row) => row.slice),
      bucket: Uint16Array.from(latencies, (row) => row.bucket),
      count: Float64Array.from(latencies, (row) => row.count),
      total: Float64Array.from(latencies, (row) => row.total),
      max: Float64Array.from(latencies, (row) => row.max),
    },
    samples: {
      ...tables.samples,
      source: Uint8Array.from(samples, ({ source }) => source),
      series: Int32Array.from(samples, (sample) => sample.series ?? -1),
      value: Float64Array.from(samples, ({ value = 0 }) => value),
    },
  };
}

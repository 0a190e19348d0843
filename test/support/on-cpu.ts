import type { SessionTables } from '../../main/shared/model/session-tables.ts';
import type { SampleColumns, SourceRow } from '../../main/store/session-batch.ts';

/** The one source of most sessions in tests. */
export const ON_CPU: SourceRow = {
  ...{ kind: 'on-cpu', title: 'On-CPU time', unit: 'samples' },
  ...{ mechanism: 'perf event cpu-clock', note: '', detail: '', fields: '' },
};

/** The first batch's sources of a session that samples CPUs only. */
export const ON_CPU_SOURCES: readonly SourceRow[] = [ON_CPU];

/** Samples of it. */
export const onCpuSamples = (
  columns: Omit<SampleColumns, 'source' | 'series' | 'value' | 'fields'>,
): SampleColumns => ({ ...columns, source: 0, series: null, value: null, fields: null });

/** What the tables of such a session hold besides everything else. */
export const ON_CPU_TABLES: Pick<SessionTables, 'sources' | 'series' | 'latencies'> = {
  sources: {
    length: 1,
    ...{ kind: ['on-cpu'], title: ['On-CPU time'], unit: ['samples'] },
    ...{ mechanism: ['perf event cpu-clock'], note: [''], detail: [''], fields: [''] },
  },
  series: {
    length: 0,
    ...{ source: new Uint8Array(0), process: new Int32Array(0), name: [], variant: [] },
  },
  latencies: {
    length: 0,
    ...{ series: new Int32Array(0), slice: new Int32Array(0), bucket: new Uint16Array(0) },
    ...{ count: new Float64Array(0), total: new Float64Array(0), max: new Float64Array(0) },
  },
};

/** Columns that are the same for every sample of it. */
export const onCpuColumns = (
  length: number,
): Pick<SessionTables['samples'], 'source' | 'series' | 'value'> => ({
  source: new Uint8Array(length),
  series: new Int32Array(length).fill(-1),
  value: new Float64Array(length),
});

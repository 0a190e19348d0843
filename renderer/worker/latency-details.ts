import type { Selection } from '#shared/model/call-tree-selection.ts';
import { selectedLatencies } from '#shared/model/selected-latencies.ts';
import type { SessionTables } from '#shared/model/session-tables.ts';
import { printable } from '#shared/text/printable-text.ts';
import type { LatencyDetails } from './profile-protocol.ts';

/** The latencies of the selected source, with the words for its series. */
export function latencyDetails(
  tables: SessionTables,
  selection: Selection,
  duration: number,
  byProcess: boolean,
): LatencyDetails {
  const { series, processes, sources } = tables;
  const latencies = selectedLatencies(tables, selection, duration, byProcess);
  return {
    ...latencies,
    hasProcesses: latencies.series.some(({ rows }) =>
      rows.some((row) => (series.process[row] ?? -1) >= 0),
    ),
    series: latencies.series.map((one) => {
      const process = series.process[one.row] ?? -1;
      const comm = processes.comm[process] ?? '';
      return {
        ...one,
        name: printable(series.name[one.row] ?? sources.title[selection.source] ?? ''),
        variant: printable(series.variant[one.row] ?? ''),
        process:
          process < 0 || !byProcess ? '' : `${printable(comm)} (${processes.pid[process] ?? 0})`,
      };
    }),
  };
}

import { percentileOf } from '#shared/model/latency-stats.ts';
import { EMPTY_CURSOR, type SessionTables } from '#shared/model/session-tables.ts';
import { type SeriesLatency, seriesLatencies } from '#shared/model/source-latencies.ts';
import { ok } from '#shared/result.ts';
import { formatCount, formatDuration } from '#shared/text/format-value.ts';
import { percentileText } from '#shared/text/latency-text.ts';
import { printable } from '#shared/text/printable-text.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { out, printError } from '../terminal.ts';
import { type Column, textTable } from '../text-table.ts';
import { withSession } from '../with-session.ts';

export interface LatencyOptions {
  readonly top: number;
  readonly json?: boolean;
}

/** One line of the table, times in ns. */
interface LatencyLine {
  readonly source: string;
  readonly name: string;
  readonly variant: string;
  readonly pid: number | null;
  readonly process: string;
  readonly count: number;
  readonly total: number;
  readonly mean: number;
  readonly p50: string;
  readonly p99: string;
  readonly max: number;
}

const HEADS: readonly Column[] = [
  { heading: 'what', align: 'left' },
  { heading: 'process', align: 'left' },
  { heading: 'count', align: 'right' },
  { heading: 'total', align: 'right' },
  { heading: 'mean', align: 'right' },
  { heading: 'p50', align: 'right' },
  { heading: 'p99', align: 'right' },
  { heading: 'max', align: 'right' },
];

/** Prints what each source of durations measured, by what it tells apart. */
export async function runLatency(path: string, options: LatencyOptions): Promise<ExitCode> {
  const tables = await withSession(path, async (reader) => {
    const delta = await reader.delta(EMPTY_CURSOR);
    return delta.ok ? ok(delta.value.tables) : delta;
  });
  if (!tables.ok) return printError(tables.error);
  const { sources } = tables.value;
  const measured = Array.from(sources.unit.keys()).filter(
    (source) => sources.unit[source] === 'nanoseconds',
  );
  const lines = measured.map((source) => linesOf(tables.value, source, options.top));
  if (options.json === true) {
    out.write(jsonText(lines.flat()));
    return EXIT.ok;
  }
  if (measured.length === 0) out.line('This session holds no durations: it samples CPUs only.');
  for (const [at, source] of measured.entries()) {
    if (at > 0) out.line();
    out.line(printable(`${sources.title[source] ?? ''} (${sources.mechanism[source] ?? ''})`));
    for (const line of textTable(HEADS, (lines[at] ?? []).map(cellsOf), out.columns))
      out.line(line);
  }
  return EXIT.ok;
}

const linesOf = (tables: SessionTables, source: number, top: number): LatencyLine[] =>
  seriesLatencies(tables, source)
    .slice(0, top)
    .map((measured) => lineOf(tables, source, measured));

function lineOf(tables: SessionTables, source: number, measured: SeriesLatency): LatencyLine {
  const { series, processes } = tables;
  const process = series.process[measured.series] ?? -1;
  const percentile = (share: number): string => {
    const found = percentileOf(measured.counts, share, measured.max);
    return found === null ? '' : percentileText(found);
  };
  return {
    source: tables.sources.title[source] ?? '',
    name: series.name[measured.series] ?? '',
    variant: series.variant[measured.series] ?? '',
    pid: process < 0 ? null : processes.pid[process]!,
    process: processes.comm[process] ?? '',
    count: measured.count,
    total: measured.total,
    mean: measured.total / measured.count,
    p50: percentile(0.5),
    p99: percentile(0.99),
    max: measured.max,
  };
}

const cellsOf = (line: LatencyLine): string[] => [
  line.variant === '' ? line.name : `${line.name} ${line.variant}`,
  line.pid === null ? '' : `${line.process} ${line.pid}`,
  formatCount(line.count),
  formatDuration(line.total),
  formatDuration(line.mean),
  line.p50,
  line.p99,
  formatDuration(line.max),
];

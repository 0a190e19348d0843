import { EMPTY_CURSOR, type SessionTables } from '#shared/model/session-tables.ts';
import type { TraceField, TraceValue } from '#shared/model/trace-fields.ts';
import { ok } from '#shared/result.ts';
import { frameName } from '#shared/text/frame-name.ts';
import { printable } from '#shared/text/printable-text.ts';
import { NS_PER_S } from '#shared/units.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { jsonText } from '../json-text.ts';
import { out, printError } from '../terminal.ts';
import { textTable } from '../text-table.ts';
import { withSession } from '../with-session.ts';

export interface EventsOptions {
  readonly limit: number;
  readonly json?: boolean;
}

/** One event of a trace. */
interface TraceEvent {
  readonly trace: string;
  /** s since session start. */
  readonly time: number;
  readonly pid: number;
  readonly tid: number;
  readonly comm: string;
  readonly cpu: number;
  readonly fields: Readonly<Record<string, TraceValue>>;
  /** Innermost frame; empty: no stack. */
  readonly at: string;
}

/** Prints the first events of each trace of a session, with their fields. */
export async function runEvents(path: string, options: EventsOptions): Promise<ExitCode> {
  const events = await withSession(path, async (reader) => {
    const delta = await reader.delta(EMPTY_CURSOR);
    if (!delta.ok) return delta;
    const { tables } = delta.value;
    const lists: TraceEvent[][] = [];
    for (const [source, kind] of tables.sources.kind.entries()) {
      if (kind !== 'trace') continue;
      const rows = rowsOf(tables, source).slice(0, options.limit);
      const fields = await reader.eventFields(source, [...rows.keys()]);
      if (!fields.ok) return fields;
      lists.push(rows.map((row, at) => eventOf(tables, row, fields.value[at] ?? [])));
    }
    return ok(lists);
  });
  if (!events.ok) return printError(events.error);
  if (options.json === true) {
    out.write(jsonText(events.value.flat()));
    return EXIT.ok;
  }
  if (events.value.length === 0) out.line('This session holds no trace: record one with --trace.');
  for (const list of events.value) printList(list);
  return EXIT.ok;
}

/** Rows of a source's samples, in the order of the file. */
function rowsOf({ samples }: SessionTables, source: number): number[] {
  const rows: number[] = [];
  for (let row = 0; row < samples.length; row++) if (samples.source[row] === source) rows.push(row);
  return rows;
}

function eventOf(tables: SessionTables, row: number, values: readonly TraceValue[]): TraceEvent {
  const { samples, threads, processes, stacks, sources } = tables;
  const source = samples.source[row]!;
  const thread = samples.thread[row]!;
  const stack = samples.stack[row]!;
  // Of traces it is a list of TraceField: the store has checked it.
  const names = JSON.parse(sources.fields[source] || '[]') as readonly TraceField[];
  return {
    trace: sources.title[source] ?? '',
    time: samples.time[row]! / NS_PER_S,
    pid: processes.pid[threads.process[thread]!]!,
    tid: threads.tid[thread]!,
    comm: threads.comm[thread] ?? '',
    cpu: samples.cpu[row]!,
    fields: Object.fromEntries(values.map((value, at) => [names[at]?.name ?? String(at), value])),
    at: stack < 0 ? '' : frameName(tables, stacks.frame[stack]!),
  };
}

function printList(events: readonly TraceEvent[]): void {
  const [first] = events;
  if (first === undefined) {
    out.line('No event was recorded.');
    return;
  }
  out.line(printable(first.trace));
  const names = Object.keys(first.fields);
  const heads = [
    { heading: 'time s', align: 'right' as const },
    { heading: 'thread', align: 'left' as const },
    { heading: 'cpu', align: 'right' as const },
    ...names.map((heading) => ({ heading, align: 'left' as const })),
    { heading: 'at', align: 'left' as const },
  ];
  const cells = events.map(({ time, comm, tid, cpu, fields, at }) => [
    ...[time.toFixed(6), `${comm} ${tid}`, String(cpu)],
    ...names.map((name) => String(fields[name] ?? '')),
    at,
  ]);
  for (const line of textTable(heads, cells, out.columns)) out.line(line);
}

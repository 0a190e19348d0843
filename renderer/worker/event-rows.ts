import type { Selection } from '#shared/model/call-tree-selection.ts';
import { SampleFilter } from '#shared/model/sample-filter.ts';
import type { SessionTables } from '#shared/model/session-tables.ts';
import { frameName } from '#shared/text/frame-name.ts';
import { printable } from '#shared/text/printable-text.ts';
import type { EventPage, EventRow, EventWindow, SampleStack } from './profile-protocol.ts';

/** Lines of one page, at most, whatever is asked for. */
const MOST_ROWS = 1000;

/** A page of the selected samples, one by one, in the order in which they were recorded. */
export function eventPage(
  tables: SessionTables,
  selection: Selection,
  window: EventWindow,
): EventPage {
  const filter = new SampleFilter(tables, selection);
  const end = window.first + Math.min(MOST_ROWS, window.count);
  const chosen: number[] = [];
  let total = 0;
  for (const rows of filter.kept()) {
    const from = Math.max(0, window.first - total);
    const to = Math.min(rows.length, end - total);
    for (let k = from; k < to; k++) chosen.push(rows[k]!);
    total += rows.length;
  }
  const ordinals = ordinalsOf(tables, chosen);
  const rows = chosen.map((sample, at) => ({
    ...eventRow(tables, sample, filter.stackOf(sample)),
    ordinal: ordinals[at]!,
  }));
  return { ...window, total, rows };
}

/** The place of each sample among those of its source; `chosen` rises. */
function ordinalsOf({ samples, sources }: SessionTables, chosen: readonly number[]): number[] {
  const counts = new Float64Array(sources.length);
  const ordinals: number[] = [];
  const end = (chosen.at(-1) ?? -1) + 1;
  for (let sample = 0; sample < end; sample++) {
    const source = samples.source[sample]!;
    if (chosen[ordinals.length] === sample) ordinals.push(counts[source]!);
    counts[source]!++;
  }
  return ordinals;
}

function eventRow(tables: SessionTables, sample: number, leaf: number): Omit<EventRow, 'ordinal'> {
  const { samples, threads, processes, series, stacks } = tables;
  const thread = samples.thread[sample]!;
  const process = threads.process[thread]!;
  return {
    sample,
    time: samples.time[sample]!,
    comm: printable(threads.comm[thread] ?? ''),
    pid: processes.pid[process] ?? 0,
    tid: threads.tid[thread] ?? 0,
    cpu: samples.cpu[sample]!,
    value: samples.value[sample]!,
    series: printable(seriesName(series, samples.series[sample]!)),
    leaf: leaf < 0 ? '' : printable(frameName(tables, stacks.frame[leaf]!)),
  };
}

function seriesName(series: SessionTables['series'], row: number): string {
  const name = series.name[row] ?? '';
  const variant = series.variant[row] ?? '';
  return variant === '' ? name : `${name} ${variant}`;
}

/** The whole stack of a sample, wakers too. */
export function stackOfSample(tables: SessionTables, sample: number): SampleStack {
  const { samples, stacks, frames, images } = tables;
  const rows: { name: string; image: string }[] = [];
  const leaf = sample < samples.length ? (samples.stack[sample] ?? -1) : -1;
  for (let at = leaf; at >= 0; at = stacks.parent[at]!) {
    const frame = stacks.frame[at]!;
    const image = images.path[frames.image[frame]!] ?? '';
    rows.push({ name: printable(frameName(tables, frame)), image: printable(image) });
  }
  return { sample, frames: rows };
}

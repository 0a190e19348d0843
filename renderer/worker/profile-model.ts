import { buildCallTree, type CallTree } from '#shared/model/call-tree.ts';
import { invertCallTree } from '#shared/model/call-tree-invert.ts';
import {
  type KeySpace,
  keyCount,
  keySpaceOf,
  rareCallersKey,
} from '#shared/model/call-tree-keys.ts';
import { type Selection, WALL_CLOCK, WHOLE_SESSION } from '#shared/model/call-tree-selection.ts';
import { SLICE_NS } from '#shared/model/capture-spec.ts';
import { layoutFlame } from '#shared/model/flame-layout.ts';
import { matchedWeight, parseQuery } from '#shared/model/frame-search.ts';
import { functionTotals } from '#shared/model/function-totals.ts';
import { processTotals } from '#shared/model/process-totals.ts';
import { stackQuality } from '#shared/model/quality.ts';
import { runtimeHints } from '#shared/model/runtime-hints.ts';
import { SampleFilter } from '#shared/model/sample-filter.ts';
import { isLatencySource } from '#shared/model/selected-latencies.ts';
import type { SessionTables } from '#shared/model/session-tables.ts';
import { countedHistogram, timeHistogram, weightPulse } from '#shared/model/time-histogram.ts';
import { printable } from '#shared/text/printable-text.ts';
import { unitOf } from '#shared/text/weight-text.ts';
import { eventPage } from './event-rows.ts';
import { LabelBook } from './label-book.ts';
import { latencyDetails } from './latency-details.ts';
import type {
  Details,
  FlameColumns,
  FunctionRows,
  MeasuredSource,
  Picture,
  ProcessRow,
  SearchResult,
  ThreadRow,
  ViewSpec,
} from './profile-protocol.ts';
import { TIME_KINDS } from './profile-protocol.ts';

/** Functions sent to the page: as many by self and as many by total weight. */
const FUNCTIONS_LISTED = 500;
const TIMELINE_BINS = 400;
/** ns: a row of the heatmap of seconds and their parts. */
export const PULSE_NS = 20e6;
/** Least share of the picture that an inverted tree divides by caller: about a tenth of a pixel. */
const LEAST_INVERTED_SHARE = 1 / 20_000;

/** What a picture was computed from, kept for search and details. */
interface Computed {
  readonly tables: SessionTables;
  readonly selection: Selection;
  readonly view: ViewSpec;
  readonly space: KeySpace;
  /** Not inverted. */
  readonly tree: CallTree;
}

/** Turns tables and a view into what the page draws. Pure but for the labels already handed out. */
export class ProfileModel {
  private readonly book = new LabelBook();
  private computed: Computed | null = null;

  /** Tree and layout. `fetchMs` is passed through. */
  picture(tables: SessionTables, view: ViewSpec, fetchMs: number): Picture {
    const began = performance.now();
    const newest = newestTime(tables);
    const selection = selectionOf(view, newest);
    const space = keySpaceOf(tables, view.roots);
    const tree = buildCallTree(tables, selection, space);
    this.computed = { tables, selection, view, space, tree };
    const flame = this.flameOf(this.computed, view);
    return {
      view,
      flame,
      labels: this.book.takeNew(),
      sources: this.book.takeNewSources(),
      measured: measuredSources(tables),
      unit: unitOf(tables.sources, view.source),
      sessionWeight: weightOf(tables, selection),
      sessionSamples: tables.samples.length,
      newest,
      fetchMs,
      computeMs: performance.now() - began,
    };
  }

  /** What stands around the picture. Call picture() first. */
  details(): Details | null {
    if (this.computed === null) return null;
    const { tables, selection, view } = this.computed;
    const duration = newestTime(tables);
    const isCounted = tables.sources.detail[selection.source] === 'histogram';
    const histogram = isCounted ? countedHistogram : timeHistogram;
    const timeline = histogram(tables, selection, duration, TIMELINE_BINS);
    return {
      unit: unitOf(tables.sources, selection.source),
      functions: this.functionRows(this.computed),
      quality: stackQuality(tables, selection),
      hints: runtimeHints(tables),
      labels: this.book.takeNew(),
      processes: processRows(tables, { ...selection, processes: null, threads: null }),
      threads: threadRows(tables, { ...selection, threads: null }),
      latency: isLatencySource(tables, selection.source)
        ? latencyDetails(tables, selection, duration, view.byProcess)
        : null,
      pulse: view.pulse ? weightPulse(tables, selection, duration, PULSE_NS) : null,
      events: view.events === null ? null : eventPage(tables, selection, view.events),
      timeline: { ...timeline, duration },
    };
  }

  /** Which labels match and how much of the picture's weight. Call picture() first. */
  search(query: string): SearchResult {
    const matched = new Uint8Array(this.book.labels.length);
    const of = this.computed?.tree.total[0] ?? 0;
    const nothing = { query, matched, functions: 0, weight: 0, of };
    const matcher = parseQuery(query);
    if (!matcher.ok) return { ...nothing, problem: matcher.error };
    if (query === '' || this.computed === null) return { ...nothing, problem: null };
    let functions = 0;
    this.book.labels.forEach((label, id) => {
      if (label.kind === 'root' || !matcher.value.matches(label.name)) return;
      matched[id] = 1;
    });
    const { tables, space, tree } = this.computed;
    const keys = new Uint8Array(keyCount(space));
    const seen = new Uint8Array(keys.length);
    for (let node = 1; node < tree.length; node++) {
      const key = tree.key[node]!;
      if (seen[key] === 1) continue;
      seen[key] = 1;
      if (matched[this.book.idOf(tables, space, key, tree.frame[node]!)] !== 1) continue;
      keys[key] = 1;
      functions++;
    }
    return {
      ...nothing,
      problem: null,
      functions,
      weight: matchedWeight(tree, keys),
    };
  }

  private flameOf(computed: Computed, view: ViewSpec): FlameColumns {
    const { tables, space } = computed;
    const tree = view.inverted ? inverted(computed) : computed.tree;
    const ids = this.book.idsOf(tables, space, tree);
    const rankOfLabel = this.book.rankByName();
    const rank = new Int32Array(keyCount(space));
    for (let node = 1; node < tree.length; node++) {
      rank[tree.key[node]!] = rankOfLabel[ids[node]!]!;
    }
    const rows = layoutFlame(tree, rank, view.order);
    const { length, rowStart, start, end, parent, firstChild, childCount, node } = rows;
    const label = new Int32Array(length);
    const source = new Int32Array(tree.place.length > 0 ? length : 0);
    const doing = new Uint8Array(computed.selection.source === WALL_CLOCK ? length : 0);
    const self = new Float64Array(length);
    const total = new Float64Array(length);
    for (let box = 0; box < length; box++) {
      const at = node[box]!;
      label[box] = ids[at]!;
      if (source.length > 0) source[box] = this.book.sourceOf(tables, tree.place[at]!);
      if (doing.length > 0 && box > 0) {
        const kind = this.book.labels[label[box]!]!.kind;
        const own = (TIME_KINDS as readonly string[]).indexOf(kind) + 1;
        doing[box] = own > 0 ? own : doing[parent[box]!]!;
      }
      self[box] = tree.self[at]!;
      total[box] = tree.total[at]!;
    }
    return {
      ...{ length, rowStart, start, end, parent, firstChild, childCount },
      ...{ label, source, doing, self, total },
    };
  }

  private functionRows({ tables, space, tree }: Computed): FunctionRows {
    const totals = functionTotals(tree, space, tables.frames);
    const byTotal = Array.from(totals.key.keys()).sort(
      (a, b) => totals.total[b]! - totals.total[a]!,
    );
    const chosen = new Set(byTotal.slice(0, FUNCTIONS_LISTED));
    for (let row = 0; row < Math.min(FUNCTIONS_LISTED, totals.length); row++) chosen.add(row);
    const rows = [...chosen];
    return {
      length: rows.length,
      label: Int32Array.from(rows, (row) =>
        this.book.idOf(tables, space, totals.key[row]!, totals.frame[row]!),
      ),
      self: Float64Array.from(rows, (row) => totals.self[row]!),
      total: Float64Array.from(rows, (row) => totals.total[row]!),
      omitted: totals.length - rows.length,
    };
  }
}

function inverted({ tree, space }: Computed): CallTree {
  const leastWeight = tree.total[0]! * LEAST_INVERTED_SHARE;
  return invertCallTree(tree, { leastWeight, restKey: rareCallersKey(space) });
}

function selectionOf(view: ViewSpec, newest: number): Selection {
  const { source, sampleNs, series, values, wakers, ...others } = view;
  const { window, processes, threads, roots, inverted, frames } = others;
  const call = { source, sampleNs, series, values, wakers };
  const rest = { ...call, processes, threads, roots, inverted, frames };
  switch (window.kind) {
    case 'all':
      return { ...rest, timeRange: null };
    case 'range':
      return { ...rest, timeRange: window.range };
    case 'last':
      return { ...rest, timeRange: { from: newest - window.span, to: Number.POSITIVE_INFINITY } };
  }
}

/** Time of the newest sample, and of the newest slice counted in the kernel. */
function newestTime({ samples, latencies }: SessionTables): number {
  let newest = 0;
  for (let row = 0; row < latencies.length; row++) {
    const end = (latencies.slice[row]! + 1) * SLICE_NS;
    if (end > newest) newest = end;
  }
  for (let row = 0; row < samples.length; row++) {
    if (samples.time[row]! > newest) newest = samples.time[row]!;
  }
  return newest;
}

/** Weight of the source in the whole session. */
function weightOf(tables: SessionTables, { source, sampleNs }: Selection): number {
  const filter = new SampleFilter(tables, { ...WHOLE_SESSION, source, sampleNs });
  let weight = 0;
  for (const rows of filter.kept()) {
    for (let k = 0; k < rows.length; k++) weight += filter.weightOf(rows[k]!);
  }
  return weight;
}

function measuredSources({ sources }: SessionTables): MeasuredSource[] {
  return Array.from({ length: sources.length }, (_, row) => ({
    row,
    kind: sources.kind[row] ?? '',
    title: printable(sources.title[row] ?? ''),
    unit: unitOf(sources, row),
    mechanism: printable(sources.mechanism[row] ?? ''),
    note: printable(sources.note[row] ?? ''),
    fields: sources.fields[row] ?? '',
    isCounted: sources.detail[row] === 'histogram',
  }));
}

/** Threads of the one process selected, heaviest first. */
function threadRows(tables: SessionTables, selection: Selection): ThreadRow[] {
  const [process, ...others] = selection.processes ?? [];
  if (process === undefined || others.length > 0) return [];
  const { threads, samples } = tables;
  const sums = new Float64Array(threads.length);
  const filter = new SampleFilter(tables, selection);
  for (const rows of filter.kept()) {
    for (let k = 0; k < rows.length; k++) {
      sums[samples.thread[rows[k]!]!]! += filter.weightOf(rows[k]!);
    }
  }
  return Array.from(sums.keys())
    .filter((row) => sums[row]! > 0)
    .sort((a, b) => sums[b]! - sums[a]! || a - b)
    .map((row) => ({
      row,
      tid: threads.tid[row]!,
      comm: printable(threads.comm[row] ?? ''),
      weight: sums[row]!,
    }));
}

function processRows(tables: SessionTables, selection: Selection): ProcessRow[] {
  const totals = processTotals(tables, selection);
  return Array.from(totals.process, (row, at) => ({
    row,
    pid: tables.processes.pid[row]!,
    comm: printable(tables.processes.comm[row] ?? ''),
    weight: totals.weight[at]!,
  }));
}

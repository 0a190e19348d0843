import { buildCallTree, type CallTree } from '#shared/model/call-tree.ts';
import { invertCallTree } from '#shared/model/call-tree-invert.ts';
import {
  type KeySpace,
  keyCount,
  keySpaceOf,
  rareCallersKey,
} from '#shared/model/call-tree-keys.ts';
import type { Selection } from '#shared/model/call-tree-selection.ts';
import { layoutFlame } from '#shared/model/flame-layout.ts';
import { matchedWeight, parseQuery } from '#shared/model/frame-search.ts';
import { functionTotals } from '#shared/model/function-totals.ts';
import { processTotals } from '#shared/model/process-totals.ts';
import { stackQuality } from '#shared/model/quality.ts';
import { runtimeHints } from '#shared/model/runtime-hints.ts';
import type { SessionTables } from '#shared/model/session-tables.ts';
import { timeHistogram } from '#shared/model/time-histogram.ts';
import { printable } from '#shared/text/printable-text.ts';
import { LabelBook } from './label-book.ts';
import type {
  Details,
  FlameColumns,
  FunctionRows,
  Picture,
  ProcessRow,
  SearchResult,
  ViewSpec,
} from './profile-protocol.ts';

/** Functions sent to the page: as many by self and as many by total weight. */
const FUNCTIONS_LISTED = 500;
const TIMELINE_BINS = 400;
/** Least share of the picture that an inverted tree divides by caller: about a tenth of a pixel. */
const LEAST_INVERTED_SHARE = 1 / 20_000;

/** What a picture was computed from, kept for search and details. */
interface Computed {
  readonly tables: SessionTables;
  readonly selection: Selection;
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
    this.computed = { tables, selection, space, tree };
    const flame = this.flameOf(this.computed, view);
    return {
      view,
      flame,
      labels: this.book.takeNew(),
      sources: this.book.takeNewSources(),
      sessionWeight: weightOf(tables),
      sessionSamples: tables.samples.length,
      newest,
      fetchMs,
      computeMs: performance.now() - began,
    };
  }

  /** What stands around the picture. Call picture() first. */
  details(): Details | null {
    if (this.computed === null) return null;
    const { tables, selection } = this.computed;
    const duration = newestTime(tables);
    const timeline = timeHistogram(tables, selection, duration, TIMELINE_BINS);
    return {
      functions: this.functionRows(this.computed),
      quality: stackQuality(tables, selection),
      hints: runtimeHints(tables),
      labels: this.book.takeNew(),
      processes: processRows(tables, { ...selection, processes: null, threads: null }),
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
    const self = new Float64Array(length);
    const total = new Float64Array(length);
    for (let box = 0; box < length; box++) {
      const at = node[box]!;
      label[box] = ids[at]!;
      if (source.length > 0) source[box] = this.book.sourceOf(tables, tree.place[at]!);
      self[box] = tree.self[at]!;
      total[box] = tree.total[at]!;
    }
    return {
      ...{ length, rowStart, start, end, parent, firstChild, childCount },
      ...{ label, source, self, total },
    };
  }

  private functionRows({ tables, space, tree }: Computed): FunctionRows {
    const totals = functionTotals(tree, space);
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
  const { window, processes, threads, roots, inverted, frames } = view;
  const rest = { processes, threads, roots, inverted, frames };
  switch (window.kind) {
    case 'all':
      return { ...rest, timeRange: null };
    case 'range':
      return { ...rest, timeRange: window.range };
    case 'last':
      return { ...rest, timeRange: { from: newest - window.span, to: Number.POSITIVE_INFINITY } };
  }
}

function newestTime({ samples }: SessionTables): number {
  let newest = 0;
  for (let row = 0; row < samples.length; row++) {
    if (samples.time[row]! > newest) newest = samples.time[row]!;
  }
  return newest;
}

function weightOf({ samples }: SessionTables): number {
  let weight = 0;
  for (let row = 0; row < samples.length; row++) weight += samples.weight[row]!;
  return weight;
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

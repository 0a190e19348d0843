import { invariant } from '../invariant.ts';
import { type BucketRange, bucketOf, LATENCY_BUCKETS } from './latency-buckets.ts';

/**
 * Sparse histograms: how many durations fell into each (key, slice, bucket). Rows in any order; the
 * same cell may come more than once and then adds up, so that concatenating is merging.
 */
export interface LatencyColumns {
  readonly length: number;
  /** What was measured: a probe, a thread, a system call; numbers of the owner's choosing. */
  readonly key: Uint32Array;
  /** Slice of time, counted from session start; its width is the owner's. */
  readonly slice: Uint32Array;
  /** See latency-buckets.ts. */
  readonly bucket: Uint16Array;
  /** Durations in the cell: whole numbers, exact up to 2^53. */
  readonly count: Float64Array;
}

/** Single calls as columns, for recordings of every event. */
export interface LatencyEvents {
  readonly length: number;
  /** ns since session start, when the call ended. */
  readonly time: Float64Array;
  readonly key: Uint32Array;
  /** ns. */
  readonly durationNs: Float64Array;
}

/** Which cells of columns count. Null: all. */
export interface LatencyFilter {
  readonly keys: ReadonlySet<number> | null;
  /** Slices, half-open. */
  readonly slices: { readonly from: number; readonly to: number } | null;
  readonly buckets: BucketRange | null;
}
export const ALL_LATENCIES: LatencyFilter = { keys: null, slices: null, buckets: null };

/** A column set of the right widths; rows are zero until written. */
function emptyColumns(length: number): LatencyColumns {
  return {
    length,
    key: new Uint32Array(length),
    slice: new Uint32Array(length),
    bucket: new Uint16Array(length),
    count: new Float64Array(length),
  };
}

/**
 * All parts as one, each cell once, sorted by key, slice and bucket: the same bytes whatever the order
 * and grouping of the parts. A bucket beyond the last, which only a broken file can hold, counts as the last.
 */
export function mergeLatencies(parts: readonly LatencyColumns[]): LatencyColumns {
  const all = emptyColumns(parts.reduce((sum, part) => sum + part.length, 0));
  let row = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at++, row++) {
      all.key[row] = part.key[at]!;
      all.slice[row] = part.slice[at]!;
      all.bucket[row] = Math.min(part.bucket[at]!, LATENCY_BUCKETS - 1);
      all.count[row] = part.count[at]!;
    }
  }
  return compact(all);
}

/** Sorts and adds up equal cells. */
function compact(rows: LatencyColumns): LatencyColumns {
  const slices = largest(rows.slice, rows.length) + 1;
  const places = (largest(rows.key, rows.length) + 1) * slices * LATENCY_BUCKETS;
  return places <= Number.MAX_SAFE_INTEGER ? compactByPlace(rows, slices) : compactByOrder(rows);
}

function largest(values: Uint32Array, length: number): number {
  let most = 0;
  for (let row = 0; row < length; row++) if (values[row]! > most) most = values[row]!;
  return most;
}

/** Key, slice and bucket as one number, which sorts many times faster than three. */
function compactByPlace(rows: LatencyColumns, slices: number): LatencyColumns {
  const sums = new Map<number, number>();
  for (let row = 0; row < rows.length; row++) {
    const place =
      (rows.key[row]! * slices + rows.slice[row]!) * LATENCY_BUCKETS + rows.bucket[row]!;
    sums.set(place, (sums.get(place) ?? 0) + rows.count[row]!);
  }
  const places = Float64Array.from(sums.keys()).sort();
  const merged = emptyColumns(places.length);
  places.forEach((place, cell) => {
    const keyAndSlice = Math.floor(place / LATENCY_BUCKETS);
    merged.key[cell] = Math.floor(keyAndSlice / slices);
    merged.slice[cell] = keyAndSlice % slices;
    merged.bucket[cell] = place % LATENCY_BUCKETS;
    merged.count[cell] = sums.get(place)!;
  });
  return merged;
}

/** For keys and slices too large to be one number. */
function compactByOrder(rows: LatencyColumns): LatencyColumns {
  const { key, slice, bucket, count } = rows;
  const compare = (a: number, b: number): number =>
    key[a]! - key[b]! || slice[a]! - slice[b]! || bucket[a]! - bucket[b]!;
  const order = new Uint32Array(rows.length).map((_, row) => row).sort(compare);
  const firsts = order.filter((row, at) => at === 0 || compare(order[at - 1]!, row) !== 0);
  const merged = emptyColumns(firsts.length);
  let cell = -1;
  for (const row of order) {
    if (firsts[cell + 1] === row) {
      cell++;
      merged.key[cell] = key[row]!;
      merged.slice[cell] = slice[row]!;
      merged.bucket[cell] = bucket[row]!;
    }
    merged.count[cell]! += count[row]!;
  }
  return merged;
}

/** Histograms of single calls. */
export interface CountedEvents {
  readonly columns: LatencyColumns;
  /** Events with a time or duration that is negative or not a number: in no cell, to be told as loss. */
  readonly invalid: number;
}

/** Counts events by key, slice of `sliceNs` and bucket. */
export function latenciesOfEvents(events: LatencyEvents, sliceNs: number): CountedEvents {
  invariant(sliceNs > 0, 'a slice of time has a width');
  const rows = emptyColumns(events.length);
  let valid = 0;
  for (let event = 0; event < events.length; event++) {
    const slice = Math.floor(events.time[event]! / sliceNs);
    const duration = events.durationNs[event]!;
    if (!(slice >= 0 && slice <= 0xffff_ffff && duration >= 0)) continue;
    rows.key[valid] = events.key[event]!;
    rows.slice[valid] = slice;
    rows.bucket[valid] = bucketOf(duration);
    rows.count[valid] = 1;
    valid++;
  }
  return { columns: compact({ ...rows, length: valid }), invalid: events.length - valid };
}

/** Counts per bucket of the cells that pass the filter: LATENCY_BUCKETS numbers. */
export function countsOf(columns: LatencyColumns, filter: LatencyFilter): Float64Array {
  const counts = new Float64Array(LATENCY_BUCKETS);
  forEachCell(columns, filter, (row) => {
    counts[Math.min(columns.bucket[row]!, LATENCY_BUCKETS - 1)]! += columns.count[row]!;
  });
  return counts;
}

/** Counts per bucket for every key that has any, by key. For small multiples and the table of keys. */
export function countsByKey(
  columns: LatencyColumns,
  filter: LatencyFilter,
): ReadonlyMap<number, Float64Array> {
  const byKey = new Map<number, Float64Array>();
  forEachCell(columns, filter, (row) => {
    let counts = byKey.get(columns.key[row]!);
    if (counts === undefined) {
      counts = new Float64Array(LATENCY_BUCKETS);
      byKey.set(columns.key[row]!, counts);
    }
    counts[Math.min(columns.bucket[row]!, LATENCY_BUCKETS - 1)]! += columns.count[row]!;
  });
  return byKey;
}

/** Calls back with the row of every cell that passes the filter. */
export function forEachCell(
  columns: LatencyColumns,
  filter: LatencyFilter,
  visit: (row: number) => void,
): void {
  const { keys, slices, buckets } = filter;
  for (let row = 0; row < columns.length; row++) {
    if (keys !== null && !keys.has(columns.key[row]!)) continue;
    const slice = columns.slice[row]!;
    if (slices !== null && (slice < slices.from || slice >= slices.to)) continue;
    const bucket = columns.bucket[row]!;
    if (buckets !== null && (bucket < buckets.first || bucket >= buckets.end)) continue;
    visit(row);
  }
}

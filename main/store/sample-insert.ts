import { invariant } from '#shared/invariant.ts';
import { SLICE_NS } from '#shared/model/capture-spec.ts';
import { packColumn } from './chunk-codec.ts';
import type { SampleColumns } from './session-batch.ts';
import type { Statement } from './statement.ts';

/** Most samples in one chunk: bounds what a reader must decode at once. */
export const MAX_CHUNK_SAMPLES = 65_536;

const INSERT_CHUNK = `INSERT INTO sample_chunk (id, source, first_ns, last_ns, samples, weight,
  times, threads, stacks, cpus, weights, series, measured, fields)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const ADD_TO_TOTAL = `ON CONFLICT (source, slice, thread, stack)
  DO UPDATE SET samples = samples + excluded.samples, weight = weight + excluded.weight`;

/**
 * What writes one source's samples as chunks, in the order given, and adds them to its totals per slice;
 * and the id of the next chunk.
 */
export function insertSamples(
  samples: SampleColumns,
  firstId: number,
): { readonly statements: readonly Statement[]; readonly nextId: number } {
  const { length, time, thread, stack, cpu, weight } = samples;
  for (const column of [time, thread, stack, cpu, weight]) {
    invariant(column.length >= length, 'a sample column is too short');
  }
  const statements: Statement[] = [];
  let nextId = firstId;
  for (let from = 0; from < length; from += MAX_CHUNK_SAMPLES) {
    const to = Math.min(length, from + MAX_CHUNK_SAMPLES);
    statements.push(insertChunk(samples, { id: nextId, from, to }));
    nextId++;
  }
  if (length > 0) statements.push(...addToTotals(samples));
  return { statements, nextId };
}

function insertChunk(
  samples: SampleColumns,
  { id, from, to }: { readonly id: number; readonly from: number; readonly to: number },
): Statement {
  let first = Infinity;
  let last = -Infinity;
  let total = 0;
  let allOnes = true;
  for (let i = from; i < to; i++) {
    const at = samples.time[i]!;
    if (at < first) first = at;
    if (at > last) last = at;
    const weight = samples.weight[i]!;
    total += weight;
    if (weight !== 1) allOnes = false;
  }
  const params = [
    ...[id, samples.source, first, last, to - from, total],
    packColumn(samples.time, { from, to, base: first }),
    packColumn(samples.thread, { from, to, base: 0 }),
    packColumn(samples.stack, { from, to, base: -1 }),
    packColumn(samples.cpu, { from, to, base: 0 }),
    allOnes ? null : packColumn(samples.weight, { from, to, base: 0 }),
    samples.series === null ? null : packColumn(samples.series, { from, to, base: -1 }),
    samples.value === null ? null : packColumn(samples.value, { from, to, base: 0 }),
    samples.fields === null
      ? null
      : new TextEncoder().encode(`[${samples.fields.slice(from, to).join(',')}]`),
  ];
  return { sql: INSERT_CHUNK, params };
}

/** Samples and weight of one stack of one thread within one slice. */
interface Total {
  samples: number;
  weight: number;
}

/**
 * Totals of one batch: slice → packed (thread, stack) → sums. The pair is packed into one number,
 * thread x stride + stack + 1, which sorts like the pair.
 */
function totalsOf(samples: SampleColumns, stride: number): ReadonlyMap<number, Map<number, Total>> {
  const slices = new Map<number, Map<number, Total>>();
  for (let i = 0; i < samples.length; i++) {
    const slice = Math.floor(samples.time[i]! / SLICE_NS);
    let totals = slices.get(slice);
    if (totals === undefined) slices.set(slice, (totals = new Map<number, Total>()));
    const key = samples.thread[i]! * stride + samples.stack[i]! + 1;
    const total = totals.get(key);
    if (total === undefined) totals.set(key, { samples: 1, weight: samples.weight[i]! });
    else {
      total.samples++;
      total.weight += samples.weight[i]!;
    }
  }
  return slices;
}

/** Upserts the batch's totals in key order; most are single samples, which travel as bare keys. */
function addToTotals(samples: SampleColumns): readonly Statement[] {
  const statements: Statement[] = [];
  let stride = 2;
  for (let i = 0; i < samples.length; i++) stride = Math.max(stride, samples.stack[i]! + 2);
  for (const [slice, totals] of totalsOf(samples, stride)) {
    const singles: number[] = [];
    const sums: (readonly [key: number, samples: number, weight: number])[] = [];
    const keys = Float64Array.from(totals.keys()).sort();
    for (const key of keys) {
      invariant(Number.isSafeInteger(key), 'too many threads and stacks to pack');
      const total = totals.get(key)!;
      if (total.samples === 1 && total.weight === 1) singles.push(key);
      else sums.push([key, total.samples, total.weight]);
    }
    if (singles.length > 0) {
      statements.push({
        sql: `INSERT INTO stack_total SELECT ?4, ?1, value / ?2, value % ?2 - 1, 1, 1
         FROM json_each(?3) WHERE true ${ADD_TO_TOTAL}`,
        params: [slice, stride, `[${singles.join()}]`, samples.source],
      });
    }
    if (sums.length > 0) {
      statements.push({
        sql: `INSERT INTO stack_total SELECT ?4, ?1, (value ->> 0) / ?2, (value ->> 0) % ?2 - 1,
         value ->> 1, value ->> 2 FROM json_each(?3) WHERE true ${ADD_TO_TOTAL}`,
        params: [slice, stride, JSON.stringify(sums), samples.source],
      });
    }
  }
  return statements;
}

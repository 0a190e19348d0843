import { describe, expect, it } from 'vitest';
import { type IngestSource, SessionIngest } from '../../../main/capture/session-ingest.ts';
import {
  HISTOGRAM_KEY,
  HISTOGRAM_VALUE,
  RECORD_KINDS,
  SAMPLE_FLAGS,
} from '../../../main/capture/wire/records.ts';
import { bucketOf } from '../../../main/shared/model/latency-buckets.ts';
import type { SessionBatch } from '../../../main/store/session-batch.ts';
import { processFact } from '../../support/facts.ts';
import { ON_CPU } from '../../support/on-cpu.ts';
import { packRawSamples, type RawSample } from '../../support/raw-samples.ts';

const START = 1_000_000n;
const at = (ns: number): bigint => START + BigInt(ns);

const durations = (kind: string, detail: string): IngestSource => ({
  row: { ...ON_CPU, kind, title: kind, unit: 'nanoseconds', detail },
  hasSeries: true,
});
const SOURCES = [
  { row: ON_CPU, hasSeries: false },
  durations('off-cpu', 'events'),
  durations('syscalls', 'histogram'),
];

function newIngest(): SessionIngest {
  const ingest = new SessionIngest(SOURCES, START.toString(), {
    buildIdOf: () => '',
    nameOf: (source, { low, high }) => ({
      name: `${source}/${low}`,
      variant: high === 0 ? '' : `${high}`,
    }),
  });
  ingest.useKernel({
    locate: (_, low) => ({ image: '[kernel]', offset: low }),
    symbolAt: (_, offset) => ({ name: offset < 0x100 ? 'bpf_trace_run3' : 'schedule' }),
  });
  ingest.addFacts([processFact(10, 'kiln', 0), processFact(20, 'stoker', 0)]);
  return ingest;
}

const add = (ingest: SessionIngest, ...samples: RawSample[]): void =>
  ingest.addSamples(packRawSamples(samples));

const take = (ingest: SessionIngest): SessionBatch =>
  ingest.takeBatch({
    ...{ loss: new Map<string, number>(), cost: null },
    found: {
      ...{ functions: [], sourceFiles: [], imageProblems: new Map<number, string>() },
      symbols: { frame: [], depth: [], function: [], file: [], line: [] },
    },
  });

/** Frames of a stack of the one batch there is, root first: kinds and offsets. */
function framesOf({ stacks, frames, images }: SessionBatch, leaf: number): string[] {
  const path: string[] = [];
  for (let node = leaf; node >= 0; node = stacks.parent[node]!) {
    const frame = stacks.frame[node]!;
    const image = images[frames.image[frame]!]!.path;
    path.unshift(`${image}+${frames.offset[frame]!.toString(16)}`);
  }
  return path;
}

const KERNEL = (offset: number): bigint => 0xffff_ffff_0000_0000n + BigInt(offset);
const { pending, userStack, waker, example, pendingExample } = RECORD_KINDS;

function histogram(
  cells: readonly { key: number; pid: number; slice: number; value: number; count: number }[],
): Uint8Array {
  const size = HISTOGRAM_KEY.size + HISTOGRAM_VALUE.size;
  const bytes = new Uint8Array(size * cells.length);
  const view = new DataView(bytes.buffer);
  cells.forEach(({ key, pid, slice, value, count }, index) => {
    const start = index * size;
    view.setBigUint64(start + HISTOGRAM_KEY.fields.key, BigInt(key), true);
    view.setUint32(start + HISTOGRAM_KEY.fields.tgid, pid, true);
    view.setUint16(start + HISTOGRAM_KEY.fields.source, 2, true);
    view.setUint16(start + HISTOGRAM_KEY.fields.bucket, bucketOf(value), true);
    view.setUint32(start + HISTOGRAM_KEY.fields.slice, slice, true);
    const values = start + HISTOGRAM_KEY.size;
    view.setBigUint64(values + HISTOGRAM_VALUE.fields.count, BigInt(count), true);
    view.setBigUint64(values + HISTOGRAM_VALUE.fields.total_ns, BigInt(count * value), true);
    view.setBigUint64(values + HISTOGRAM_VALUE.fields.max_ns, BigInt(value), true);
  });
  return bytes;
}

describe('SessionIngest, of durations', () => {
  it('gives a wait the user stack that comes later, below its own kernel stack', () => {
    const ingest = newIngest();
    const wait = {
      source: 1,
      kind: pending,
      value: 5000,
      key: 2n,
      kernel: [KERNEL(0x900), KERNEL(0x801)],
    };
    add(ingest, { timeNs: at(9), pid: 10, ...wait });
    expect(take(ingest).samples).toEqual([]);
    add(ingest, { timeNs: at(12), pid: 10, kind: userStack, user: [0x77n] });
    const batch = take(ingest);
    const [samples] = batch.samples;
    expect(samples).toMatchObject({ length: 1, source: 1 });
    expect([samples!.time[0], samples!.weight[0], samples!.value![0]]).toEqual([9, 5000, 5000]);
    expect(framesOf(batch, samples!.stack[0]!)).toEqual([
      '[unknown]+77',
      '[kernel]+800',
      '[kernel]+900',
    ]);
    expect(batch.series).toEqual([{ source: 1, process: 0, name: '1/2', variant: '' }]);
  });

  it('puts who ended a wait above it, leaf first, and keeps wakers of other threads apart', () => {
    const ingest = newIngest();
    const wake = { kind: waker, pid: 20, user: [0x21n, 0x32n], kernel: [KERNEL(0x700)] };
    add(
      ingest,
      { timeNs: at(5), link: 99, ...wake, user: [0x66n] },
      { timeNs: at(6), link: 10, ...wake },
    );
    add(ingest, {
      timeNs: at(9),
      pid: 10,
      source: 1,
      kind: pending,
      value: 7,
      kernel: [KERNEL(0x900)],
    });
    add(ingest, { timeNs: at(9), pid: 10, kind: userStack, user: [0x77n] });
    const batch = take(ingest);
    expect(framesOf(batch, batch.samples[0]!.stack[0]!)).toEqual([
      ...['[unknown]+77', '[kernel]+900', '[woken by stoker]+0'],
      ...['[kernel]+700', '[unknown]+21', '[unknown]+31'],
    ]);
  });

  it('says of an interrupt that it was none of the interrupted thread', () => {
    const ingest = newIngest();
    add(ingest, { timeNs: at(6), pid: 20, kind: waker, link: 10, flags: SAMPLE_FLAGS.interrupt });
    add(ingest, { timeNs: at(9), pid: 10, source: 1, value: 7, kernel: [KERNEL(0x900)] });
    const batch = take(ingest);
    expect(framesOf(batch, batch.samples[0]!.stack[0]!).at(-1)).toMatch(/woken by .*interrupt/);
  });

  it('leaves out of kernel stacks what led to our own programs', () => {
    const ingest = newIngest();
    const kernel = [KERNEL(0x20), KERNEL(0x31), KERNEL(0x901)];
    add(ingest, { timeNs: at(9), pid: 10, source: 1, value: 7, kernel });
    const batch = take(ingest);
    expect(framesOf(batch, batch.samples[0]!.stack[0]!)).toEqual(['[kernel]+900']);
  });

  it('keeps a wait that never ended, and counts its missing user stack', () => {
    const ingest = newIngest();
    add(ingest, {
      timeNs: at(9),
      pid: 10,
      source: 1,
      kind: pending,
      value: 7,
      kernel: [KERNEL(0x900)],
    });
    ingest.flush(false);
    expect(take(ingest).samples).toEqual([]);
    ingest.flush(true);
    expect(ingest.lateStacks).toBe(1);
    expect(take(ingest).samples[0]).toMatchObject({ length: 1, source: 1 });
  });

  it('lets each example stand for its share of the calls counted in its bucket', () => {
    const ingest = newIngest();
    const call = { pid: 10, source: 2, kind: example, value: 1000, key: 3n };
    const slot = (slice: number, index: number): number => slice * 65_536 + index;
    add(ingest, { timeNs: at(1), ...call, link: slot(0, 0), user: [0x11n] });
    add(ingest, { timeNs: at(2), ...call, link: slot(0, 1), user: [0x12n] });
    // A later one of the same place takes it over; one of another slice or bucket does not.
    add(ingest, { timeNs: at(3), ...call, link: slot(0, 0), user: [0x13n] });
    add(ingest, { timeNs: at(4), ...call, link: slot(1, 0), user: [0x14n] });
    add(ingest, { timeNs: at(5), ...call, value: 9000, link: slot(0, 0), user: [0x15n] });
    ingest.addHistogram(histogram([{ key: 3, pid: 10, slice: 0, value: 1000, count: 50 }]));
    const batch = take(ingest);
    const [samples] = batch.samples;
    const leaves = Array.from(samples!.stack, (leaf) => framesOf(batch, leaf)[0]);
    expect(leaves.sort()).toEqual(['[unknown]+12', '[unknown]+13']);
    expect([...samples!.weight]).toEqual([25_000, 25_000]);
    expect(batch.latencies).toEqual([
      { series: 0, slice: 0, bucket: bucketOf(1000), count: 50, total: 50_000, max: 1000 },
    ]);
    ingest.flush(true);
    expect(take(ingest).samples[0]).toMatchObject({ length: 2 });
  });

  it('completes an example whose user stack comes later', () => {
    const ingest = newIngest();
    const call = { pid: 10, source: 2, kind: pendingExample, value: 1000, key: 3n, link: 0 };
    add(ingest, { timeNs: at(1), ...call, kernel: [KERNEL(0x900)] });
    add(ingest, { timeNs: at(2), pid: 10, kind: userStack, user: [0x77n] });
    ingest.addHistogram(histogram([{ key: 3, pid: 10, slice: 0, value: 1000, count: 4 }]));
    const batch = take(ingest);
    expect(batch.samples[0]!.weight[0]).toBe(4000);
    expect(framesOf(batch, batch.samples[0]!.stack[0]!)).toEqual(['[unknown]+77', '[kernel]+900']);
  });

  it('counts what no source was asked for, and cells that are cut off', () => {
    const ingest = newIngest();
    add(ingest, { timeNs: at(1), pid: 10, source: 9 }, { timeNs: at(1), pid: 10, kind: 77 });
    ingest.addHistogram(new Uint8Array(HISTOGRAM_KEY.size));
    expect(ingest.malformed).toBe(3);
    expect(take(ingest).samples).toEqual([]);
  });
});

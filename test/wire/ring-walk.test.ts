import { describe, expect, it } from 'vitest';
import { committedBytes, forEachRecord } from '../../main/bpf/ring-walk.ts';
import { FRAME_HEADER_BYTES } from '../../main/capture/wire/helper-protocol.ts';
import { encodeSample, packSamples } from '../../main/helper/sample-packing.ts';
import { decodeSamples } from '../support/bpf-helper.ts';

const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;

/** A ring record: header, data, padding to 8. */
function record(data: Uint8Array, flags = 0): Uint8Array {
  const bytes = new Uint8Array((8 + data.length + 7) & ~7);
  new DataView(bytes.buffer).setUint32(0, (data.length | flags) >>> 0, true);
  bytes.set(data, 8);
  return bytes;
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

function dataOf(span: Uint8Array): string[] {
  const found: string[] = [];
  forEachRecord(viewOf(span), committedBytes(viewOf(span)), (offset, length) => {
    found.push(Buffer.from(span.subarray(offset, offset + length)).toString());
  });
  return found;
}

const text = (word: string): Uint8Array => Buffer.from(word);

describe('committedBytes', () => {
  it('ends before a record that is still being written', () => {
    const span = Buffer.concat([record(text('one')), record(text('two'), BUSY), record(text('3'))]);
    expect(dataOf(span)).toEqual(['one']);
  });

  it('ends before a record cut by the end of the span', () => {
    const span = Buffer.concat([record(text('one')), record(text('a longer record'))]);
    expect(dataOf(span.subarray(0, span.length - 1))).toEqual(['one']);
  });

  it('is 0 for less than a header', () => {
    expect(committedBytes(viewOf(new Uint8Array(7)))).toBe(0);
  });
});

describe('forEachRecord', () => {
  it('passes over discarded records', () => {
    const span = Buffer.concat([
      record(text('one')),
      record(text('dropped'), DISCARD),
      record(text('exactly8')),
    ]);
    expect(dataOf(span)).toEqual(['one', 'exactly8']);
  });
});

describe('packSamples', () => {
  const sample = (pid: number, frames: number): Uint8Array =>
    encodeSample({
      timeNs: 1n,
      cgroupId: 0n,
      pid,
      tid: pid,
      cpu: 0,
      weight: 1,
      flags: 0,
      kernel: new Uint8Array(0),
      user: new Uint8Array(8 * frames),
    });

  it('packs samples back to back and counts what is none', () => {
    const span = Buffer.concat([
      record(sample(1, 2)),
      record(text('no sample at all')),
      record(sample(2, 0)),
    ]);
    const seen: number[] = [];
    const packed = packSamples(span, span.length, (pid) => seen.push(pid));
    const pids = decodeSamples(packed.frame.subarray(FRAME_HEADER_BYTES)).map(({ pid }) => pid);
    expect({ pids, seen, malformed: packed.malformed, samples: packed.samples }).toEqual({
      pids: [1, 2],
      seen: [1, 2],
      malformed: 1,
      samples: 2,
    });
  });
});

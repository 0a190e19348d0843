import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RawSampleReader, SAMPLE_FLAGS } from '../../main/capture/wire/records.ts';
import { type AggregateSample, encodeSample } from '../../main/helper/sample-packing.ts';
import { decodeSamples } from '../support/bpf-helper.ts';

const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const u32 = fc.nat({ max: 0xffff_ffff });
const addresses = fc.array(u64, { maxLength: 127 });
const bytesOf = (values: readonly bigint[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(values).buffer);

const sampleArbitrary = fc.record({
  timeNs: u64,
  cgroupId: u64,
  pid: u32,
  tid: u32,
  cpu: u32,
  weight: u32,
  flags: u32,
  kernel: addresses,
  user: addresses,
});

const oneSample = (changes: Partial<AggregateSample> = {}): Uint8Array =>
  encodeSample({
    timeNs: 5_000_000_000n,
    cgroupId: 1n,
    pid: 10,
    tid: 11,
    cpu: 1,
    weight: 3,
    flags: SAMPLE_FLAGS.idle,
    kernel: bytesOf([1n, 2n]),
    user: bytesOf([3n]),
    ...changes,
  });

describe('RawSampleReader', () => {
  it('reads back every field and address, at any alignment of the payload', () => {
    const shift = fc.nat({ max: 7 });
    fc.assert(
      fc.property(fc.array(sampleArbitrary, { maxLength: 5 }), shift, (samples, offset) => {
        const records = samples.map((sample) =>
          encodeSample({ ...sample, kernel: bytesOf(sample.kernel), user: bytesOf(sample.user) }),
        );
        const payload = Buffer.concat([Buffer.alloc(offset), ...records]).subarray(offset);
        const expected = samples.map(({ timeNs: time, cgroupId: cgroup, ...rest }) => ({
          ...rest,
          time,
          cgroup,
        }));
        expect(decodeSamples(payload)).toEqual(expected);
      }),
    );
  });

  it('tells times since a start beyond 32 bits exactly', () => {
    const reader = new RawSampleReader(oneSample({ timeNs: (7n << 32n) + 5n }));
    reader.next();
    expect(reader.timeSince(4_294_967_290, 6)).toBe(11);
  });

  it.each([
    ['cut inside its fixed part', oneSample().subarray(0, 24)],
    ['cut inside its addresses', oneSample().subarray(0, 56)],
    ['of an odd size', oneSample().subarray(0, 61)],
  ])('stops at a record %s', (_, payload) => {
    const reader = new RawSampleReader(payload);
    expect([reader.next(), reader.malformed]).toEqual([false, true]);
  });

  it('stops at a record deeper than a stack can be', () => {
    const reader = new RawSampleReader(oneSample({ user: new Uint8Array(128 * 8) }));
    expect([reader.next(), reader.malformed]).toEqual([false, true]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCpuList, perfEventAttr } from '../../main/bpf/perf-event.ts';
import { parseSideBand } from '../../main/bpf/side-band-records.ts';

const u32 = (...values: number[]): Buffer => Buffer.from(Uint32Array.from(values).buffer);
const u64 = (...values: bigint[]): Buffer => Buffer.from(BigUint64Array.from(values).buffer);
const padded = (text: string): Buffer => {
  const bytes = Buffer.from(`${text}\0`);
  return Buffer.concat([bytes, Buffer.alloc((8 - (bytes.length % 8)) % 8)]);
};

/** A perf record with the trailing sample_id of pid 7, tid 8 and `time`. */
function record(type: number, misc: number, body: Buffer, time = 99n): Buffer {
  const tail = Buffer.concat([u32(7, 8), u64(time)]);
  const header = Buffer.alloc(8);
  header.writeUInt32LE(type, 0);
  header.writeUInt16LE(misc, 4);
  header.writeUInt16LE(8 + body.length + tail.length, 6);
  return Buffer.concat([header, body, tail]);
}

const mapping = (identity: Buffer, misc: number, prot = 5): Buffer =>
  record(
    10,
    misc,
    Buffer.concat([
      u32(7, 8),
      u64(0xffff_8000_0000_1000n, 0x2000n, 0x3000n),
      identity,
      u32(prot, 2),
      padded('/usr/lib/libx.so'),
    ]),
  );
const inode = Buffer.concat([u32(0xfe, 1), u64(1234n, 5n)]);

describe('parseSideBand', () => {
  it('reads a mapping with its inode', () => {
    expect(parseSideBand(mapping(inode, 0)).records).toEqual([
      {
        kind: 'mapping',
        time: 99n,
        pid: 7,
        start: 0xffff_8000_0000_1000n,
        end: 0xffff_8000_0000_3000n,
        fileOffset: 0x3000n,
        path: '/usr/lib/libx.so',
        buildId: '',
        inode: 'fe:1:1234',
      },
    ]);
  });

  it('reads a mapping with its build id', () => {
    const identity = Buffer.concat([Buffer.from([20, 0, 0, 0]), Buffer.alloc(20, 0xab)]);
    expect(parseSideBand(mapping(identity, 1 << 14)).records).toMatchObject([
      { kind: 'mapping', buildId: 'ab'.repeat(20), inode: '' },
    ]);
  });

  it('passes over mappings that cannot be executed', () => {
    expect(parseSideBand(mapping(inode, 0, 3))).toEqual({ records: [], malformed: 0 });
  });

  it('tells exec from a mere change of name', () => {
    const body = Buffer.concat([u32(7, 8), padded('worker')]);
    const both = Buffer.concat([record(3, 1 << 13, body), record(3, 0, body)]);
    expect(parseSideBand(both).records).toMatchObject([
      { kind: 'comm', comm: 'worker', pid: 7, tid: 8, exec: true },
      { kind: 'comm', comm: 'worker', exec: false },
    ]);
  });

  it('reads forks, exits, losses and throttling', () => {
    const task = Buffer.concat([u32(20, 7, 21, 8), u64(55n)]);
    const bytes = Buffer.concat([
      record(7, 0, task),
      record(4, 0, task),
      record(2, 0, u64(1n, 42n)),
      record(5, 0, u64(1n, 2n, 3n)),
    ]);
    const ids = { pid: 20, parentPid: 7, tid: 21, parentTid: 8, time: 55n };
    expect(parseSideBand(bytes).records).toEqual([
      { kind: 'fork', ...ids },
      { kind: 'exit', ...ids },
      { kind: 'lost', time: 99n, count: 42 },
      { kind: 'throttle', time: 99n },
    ]);
  });

  it('gives up on a record whose size makes no sense, and says so', () => {
    const good = record(3, 0, Buffer.concat([u32(1, 1), padded('x')]));
    const cut = mapping(inode, 0).subarray(0, 40);
    const parsed = parseSideBand(Buffer.concat([good, cut]));
    expect([parsed.records.length, parsed.malformed]).toEqual([1, 1]);
  });

  it('never throws and never loops, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(parseSideBand(bytes).malformed).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('perfEventAttr', () => {
  it('puts type, rate and flags where the kernel reads them', () => {
    const view = new DataView(perfEventAttr({ type: 1, config: 9, rateHz: 999, flags: 1n }).buffer);
    expect([
      view.getUint32(0, true),
      view.getUint32(4, true),
      view.getBigUint64(8, true),
      view.getBigUint64(16, true),
      // disabled, sample_id_all, use_clockid
      view.getBigUint64(40, true),
      view.getInt32(92, true),
    ]).toEqual([1, 128, 9n, 999n, 1n | (1n << 18n) | (1n << 25n), 1]);
  });
});

describe('parseCpuList', () => {
  it('reads ranges and single CPUs', () => {
    expect(parseCpuList('0-2,5,8-9\n')).toEqual([0, 1, 2, 5, 8, 9]);
  });
});

import { describe, expect, it } from 'vitest';
import { FRAME_HEADER_BYTES } from '../../../main/capture/wire/frame-layout.ts';
import { RawSampleReader } from '../../../main/capture/wire/records.ts';
import {
  drawKernelShift,
  moveKernelFrames,
  moveSymbols,
  withoutKernelAddresses,
} from '../../../main/helper/kernel-shift.ts';
import { encodeSample } from '../../../main/helper/sample-packing.ts';

const IMAGE = 0xffff_ffff_9a12_3456n;
const MODULE = 0xffff_ffff_c01a_b000n;
const USER = 0x7fff_1234_5678n;
const bytesOf = (...words: readonly bigint[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(words).buffer);

describe('moved kernel addresses', () => {
  const shift = { image: 2 ** 40 + 4096 * 3, others: 4096 * 7 };
  const moved = [IMAGE - BigInt(shift.image), MODULE - BigInt(shift.others)];

  it('are those of kernel stacks, in every sample of a frame', () => {
    const sample = encodeSample({
      ...{ timeNs: 1n, cgroupId: 2n, pid: 3, tid: 4, cpu: 5, weight: 6, flags: 0 },
      ...{ kernel: bytesOf(IMAGE, MODULE), user: bytesOf(USER) },
    });
    const frame = Buffer.concat([new Uint8Array(FRAME_HEADER_BYTES), sample, sample]);
    moveKernelFrames(frame, shift);
    const reader = new RawSampleReader(frame.subarray(FRAME_HEADER_BYTES));
    for (let count = 0; count < 2; count++) {
      expect(reader.next()).toBe(true);
      const addresses = [0, 1, 2].map(
        (index) => (BigInt(reader.addressHigh(index)) << 32n) | BigInt(reader.addressLow(index)),
      );
      expect(addresses).toEqual([...moved, USER]);
    }
  });

  it('are those of the symbols that go with them', () => {
    const lines = `${IMAGE.toString(16)} t vfs_read\n${MODULE.toString(16)} t open [tun]\n`;
    expect(moveSymbols(lines, shift)).toBe(
      `${moved[0]!.toString(16)} t vfs_read\n${moved[1]!.toString(16)} t open [tun]\n`,
    );
  });

  it('meet in no session, and say nothing of each other', () => {
    for (let count = 0; count < 1000; count++) {
      const drawn = drawKernelShift();
      const highest = 0xffff_ffff_bfff_ffffn - BigInt(drawn.image);
      const lowest = 0xffff_ffff_c000_0000n - BigInt(drawn.others);
      expect(highest < lowest).toBe(true);
      expect([drawn.image % 4096, drawn.others % 4096]).toEqual([0, 0]);
    }
  });
});

describe('withoutKernelAddresses', () => {
  it('leaves out what the verifier tells of where maps lie', () => {
    const log = '0: (18) r1 = 0xffff8881a2b3c400\n2: R1_w=map_ptr(ks=4) R10=fp0 0xffffffff\n';
    expect(withoutKernelAddresses(log)).toBe(
      '0: (18) r1 = (kernel address)\n2: R1_w=map_ptr(ks=4) R10=fp0 0xffffffff\n',
    );
  });
});

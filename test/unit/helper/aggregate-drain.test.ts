import { afterEach, describe, expect, it, vi } from 'vitest';

import { MapReader } from '../../../main/bpf/map-reader.ts';
import type { MappedMemory } from '../../../main/bpf/mapped-memory.ts';
import { FRAME_HEADER_BYTES } from '../../../main/capture/wire/helper-protocol.ts';
import { COUNT_KEY, COUNT_VALUE, RawSampleReader } from '../../../main/capture/wire/records.ts';
import { AggregateDrain } from '../../../main/helper/aggregate-drain.ts';
import type { SampleFrame } from '../../../main/helper/sample-packing.ts';

afterEach(() => void vi.restoreAllMocks());

/** Descriptors of two map sets that exist here only. */
const MAPS = { counts: [10, 11], stacks: [20, 21] } as const;

/** The drain over maps that hold an entry per time, in the order given; [] after they were read. */
function drainOf(counts: ReadonlyMap<number, readonly number[]>): AggregateDrain {
  const left = new Map(counts);
  const reader: Pick<MapReader, 'drainHash'> = {
    drainHash: ({ fd }, visit) => {
      const times = left.get(fd) ?? [];
      left.delete(fd);
      const keys = new Uint8Array(COUNT_KEY.size * times.length);
      const values = new Uint8Array(COUNT_VALUE.size * times.length);
      const view = new DataView(values.buffer);
      times.forEach((timeNs, index) => {
        const at = index * COUNT_VALUE.size;
        view.setBigUint64(at + COUNT_VALUE.fields.last_ns, BigInt(timeNs), true);
        view.setBigUint64(at + COUNT_VALUE.fields.samples, 1n, true);
      });
      visit(keys, values, times.length);
      return 0;
    },
  };
  vi.spyOn(MapReader, 'open').mockReturnValue({ ok: true, value: reader as MapReader });
  const state = { writeU32: () => undefined } as unknown as MappedMemory;
  return AggregateDrain.open(MAPS, state)!;
}

/** Times of all samples in data frames, in the order sent. */
function timesOf(frames: readonly SampleFrame[]): number[] {
  return frames.flatMap(({ frame }) => {
    const reader = new RawSampleReader(frame.subarray(FRAME_HEADER_BYTES));
    const times: number[] = [];
    while (reader.next()) times.push(reader.timeSince(0, 0));
    return times;
  });
}

const ignore = (): void => undefined;

describe('AggregateDrain.due', () => {
  it('gives a slice in order of time', () => {
    const drain = drainOf(new Map([[10, [30, 10, 20]]]));
    drain.due(1n, false, ignore);
    drain.due(1_000_000_001n, false, ignore); // flips
    expect(timesOf(drain.due(1_020_000_001n, false, ignore))).toEqual([10, 20, 30]);
  });

  it('gives the older of both sets first at the end, when the first is written', () => {
    const drain = drainOf(
      new Map([
        [10, [70, 60]],
        [11, [50, 40]],
      ]),
    );
    expect(timesOf(drain.due(1n, true, ignore))).toEqual([40, 50, 60, 70]);
  });

  it('gives the older of both sets first at the end, when the second is written', () => {
    const drain = drainOf(
      new Map([
        [10, [50, 40]],
        [11, [70, 60]],
      ]),
    );
    drain.due(1n, false, ignore);
    drain.due(1_000_000_001n, false, ignore); // flips
    expect(timesOf(drain.due(1_000_000_002n, true, ignore))).toEqual([40, 50, 60, 70]);
  });
});

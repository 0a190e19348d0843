import { describe, expect, it } from 'vitest';
import { blockDeviceName } from '../../../main/capture/block-device.ts';
import { blockIo } from '../../../main/capture/sources/block-io.ts';
import { offCpu } from '../../../main/capture/sources/off-cpu.ts';
import { runQueue } from '../../../main/capture/sources/run-queue.ts';

const facts = { kernelFunction: () => '' };
/** No driver has this major number: the device is not there. */
const ABSENT = (4000 << 20) | 7;

describe('labelOf', () => {
  it('calls waits as /proc calls the state', () => {
    const source = { kind: 'off-cpu', minNs: 0, wakers: false } as const;
    const names = [1, 2, 3, 4, 5, 6].map((low) =>
      offCpu.labelOf?.({ low, high: 0 }, source, facts),
    );
    expect(names.map((label) => label?.name)).toEqual([
      ...['sleeping', 'disk sleep', 'idle', 'stopped', 'tracing stop', 'parked'],
    ]);
  });

  it('tells apart why a thread stood in the queue', () => {
    const source = { kind: 'run-queue', minNs: 0, detail: 'events' } as const;
    const label = (low: number): unknown => runQueue.labelOf?.({ low, high: 0 }, source, facts);
    expect([label(0), label(1), label(9)]).toEqual([
      { name: 'woken', variant: '' },
      { name: 'preempted', variant: '' },
      { name: 'cause 9', variant: '' },
    ]);
  });

  it('names device and operation, and the time in the queue', () => {
    const source = { kind: 'block-io', minNs: 0, detail: 'events' } as const;
    const label = (high: number): unknown =>
      blockIo.labelOf?.({ low: ABSENT, high }, source, facts);
    expect(label(0)).toEqual({ name: '4000:7 read', variant: '' });
    expect(label(0x101)).toEqual({ name: '4000:7 write', variant: 'queued' });
    expect(label(13)).toEqual({ name: '4000:7 operation 13', variant: '' });
  });
});

describe('blockDeviceName', () => {
  it('splits the number as the kernel does', () => {
    expect(blockDeviceName(0xfff_fffff >>> 0)).toBe('4095:1048575');
  });
});

import { ok } from '#shared/result.ts';
import { blockDeviceName } from '../block-device.ts';
import type { CaptureSource } from '../capture-source.ts';
import { checkMinNs } from '../spec-checks.ts';

/** REQ_OP_* of include/linux/blk_types.h that mean the same in all versions. */
const OPERATIONS: Readonly<Record<number, string>> = {
  0: 'read',
  1: 'write',
  2: 'flush',
  3: 'discard',
  5: 'secure erase',
  9: 'write zeroes',
  34: 'driver in',
  35: 'driver out',
};
/** Of the key's high word: block_io.bpf.c. */
const OPERATION_MASK = 0xff;
const QUEUED = 0x100;

/** How long block devices take for requests, by device and operation, and how long those queue. */
export const blockIo: CaptureSource<'block-io'> = {
  kind: 'block-io',
  title: 'Block I/O',
  unit: 'nanoseconds',
  options: [],
  requiredFeatures: ['btf', 'ring-buffer', 'capabilities'],
  overhead: 'Some 6 us for every request to a block device, stacks included.',
  titleOf: () => 'Block I/O',
  validate: ({ minNs }) => checkMinNs(minNs),
  toRequest: ({ minNs, detail }) => ok({ kind: 'block-io', minNs, detail }),
  labelOf: ({ low, high }) => {
    const code = high & OPERATION_MASK;
    const operation = OPERATIONS[code] ?? `operation ${code}`;
    return {
      name: `${blockDeviceName(low)} ${operation}`,
      variant: (high & QUEUED) === 0 ? '' : 'queued',
    };
  },
};

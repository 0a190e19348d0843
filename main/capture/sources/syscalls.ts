import { constants } from 'node:os';
import { ok } from '#shared/result.ts';
import type { CaptureSource } from '../capture-source.ts';
import { checkMinNs } from '../spec-checks.ts';
import { syscallName } from '../syscall-names.ts';

const ERRNO_NAMES = new Map(Object.entries(constants.errno).map(([name, code]) => [code, name]));

/** How long system calls take, by number and outcome. */
export const syscalls: CaptureSource<'syscalls'> = {
  kind: 'syscalls',
  title: 'System calls',
  unit: 'nanoseconds',
  options: [],
  requiredFeatures: ['btf', 'ring-buffer', 'capabilities'],
  overhead:
    'Two programs per system call of the target: some 0.2 us each call, more for those kept with stacks.',
  titleOf: () => 'System calls',
  validate: ({ minNs }) => checkMinNs(minNs),
  toRequest: ({ minNs, detail }) => ok({ kind: 'syscalls', minNs, detail }),
  labelOf: ({ low, high }) => ({
    name: syscallName(low),
    variant: high === 0 ? '' : (ERRNO_NAMES.get(high) ?? `errno ${high}`),
  }),
};

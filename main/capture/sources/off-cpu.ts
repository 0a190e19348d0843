import { ok } from '#shared/result.ts';
import type { CaptureSource } from '../capture-source.ts';
import { checkMinNs } from '../spec-checks.ts';

/** WAIT_* of sched.bpf.c, by number, as proc_pid_stat(5) calls the states. */
const WAITS = [
  'runnable',
  'sleeping',
  'disk sleep',
  'idle',
  'stopped',
  'tracing stop',
  'parked',
  'other',
] as const;

/** What threads wait for while they do not run, and who wakes them. */
export const offCpu: CaptureSource<'off-cpu'> = {
  kind: 'off-cpu',
  title: 'Off-CPU time',
  unit: 'nanoseconds',
  options: [],
  requiredFeatures: ['btf', 'ring-buffer', 'capabilities'],
  overhead:
    'Some 0.3 us for every wait of the target and 0.1 us for every system call of the machine; waits that are kept cost about 5 us more, twice that with wakers.',
  titleOf: () => 'Off-CPU time',
  validate: ({ minNs }) => checkMinNs(minNs),
  toRequest: ({ minNs, wakers }) => ok({ kind: 'off-cpu', minNs, wakers }),
  labelOf: ({ low }) => ({ name: WAITS[low] ?? `state ${low}`, variant: '' }),
};

import { ok } from '#shared/result.ts';
import type { CaptureSource } from '../capture-source.ts';
import { checkMinNs } from '../spec-checks.ts';

/** QUEUE_* of sched.bpf.c, by number. */
const QUEUES = ['woken', 'preempted'] as const;

/** How long threads that could run wait for a CPU: woken, or preempted by another. */
export const runQueue: CaptureSource<'run-queue'> = {
  kind: 'run-queue',
  title: 'Run-queue latency',
  unit: 'nanoseconds',
  options: [],
  requiredFeatures: ['btf', 'ring-buffer', 'capabilities'],
  overhead:
    'Some 0.4 us for every switch of the target and 0.1 us for every system call of the machine; waits that are kept cost about 5 us more.',
  titleOf: () => 'Run-queue latency',
  validate: ({ minNs }) => checkMinNs(minNs),
  toRequest: ({ minNs, detail }) => ok({ kind: 'run-queue', minNs, detail }),
  labelOf: ({ low }) => ({ name: QUEUES[low] ?? `cause ${low}`, variant: '' }),
};

import { DEFAULT_RATE_HZ, MAX_RATE_HZ, MIN_RATE_HZ } from '#shared/model/capture-spec.ts';
import { ok } from '#shared/result.ts';

import type { CaptureSource } from '../capture-source.ts';
import { checkRate } from '../spec-checks.ts';

/** Which code runs on the CPUs: a stack per timer tick of each CPU that is not idle. */
export const onCpu: CaptureSource<'on-cpu'> = {
  kind: 'on-cpu',
  title: 'On-CPU time',
  unit: 'samples',
  options: [
    {
      field: 'rate',
      title: 'Rate per CPU',
      kind: 'number',
      unit: 'Hz',
      min: MIN_RATE_HZ,
      max: MAX_RATE_HZ,
      initial: DEFAULT_RATE_HZ,
    },
    {
      field: 'mode',
      title: 'Mode',
      kind: 'choice',
      choices: ['precise', 'aggregate'],
      initial: 'precise',
    },
    { field: 'includeIdle', title: 'Keep idle samples', kind: 'switch', initial: false },
  ],
  requiredFeatures: ['btf', 'ring-buffer', 'perf-events', 'capabilities'],
  overhead:
    'Interrupts each CPU at the chosen rate for some microseconds: at 99 Hz well under 0.1 % of a CPU, at 20,000 Hz a large part of one.',

  titleOf: () => 'On-CPU time',

  validate: (_source, spec) => checkRate(spec),

  toRequest: (_source, { rate, mode, includeIdle }) =>
    ok({ kind: 'on-cpu', rateHz: rate, mode, includeIdle }),
};

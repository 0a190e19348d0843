import type { FunctionProbe } from '#shared/model/capture-spec.ts';
import { err, ok } from '#shared/result.ts';
import { probeText } from '#shared/text/probe-text.ts';
import { findUserFunction } from '../../symbolize/user-function.ts';
import type { CaptureSource, SeriesKey } from '../capture-source.ts';
import { checkMinNs } from '../spec-checks.ts';

/** As the kernel and its modules spell functions, with `*` for any characters. */
const KERNEL_NAME = /^[A-Za-z0-9_.*]{1,128}$/;

/** Whether it may stand for several functions, which are told apart by name. */
export const isPattern = (probe: FunctionProbe): boolean =>
  probe.type === 'kernel' && probe.name.includes('*');

/** "0xffffffff81000000": the recording began before the kernel's names were here. */
const addressText = ({ low, high }: SeriesKey): string =>
  `0x${high.toString(16).padStart(8, '0')}${low.toString(16).padStart(8, '0')}`;

/** How long calls of a function take, from entry to return. */
export const functionLatency: CaptureSource<'function'> = {
  kind: 'function',
  title: 'Function latency',
  unit: 'nanoseconds',
  options: [],
  requiredFeatures: ['btf', 'ring-buffer', 'capabilities'],
  overhead:
    'Each call of a kernel function costs some 0.3 to 2 us more; of a user function, in every process, two exceptions: some 2 to 5 us, in virtual machines up to 40 us.',
  titleOf: ({ probe }) => probeText(probe),
  validate({ probe, minNs }) {
    const checked = checkMinNs(minNs);
    if (!checked.ok) return checked;
    const refuse = (field: string, value: string, allowed: string) =>
      err({ kind: 'spec-invalid', field, value, allowed } as const);
    if (probe.type === 'kernel') {
      if (KERNEL_NAME.test(probe.name) && !/^\**$/.test(probe.name)) return ok(null);
      return refuse('function', probe.name, 'the name of a kernel function, with * as a wildcard');
    }
    if (!probe.path.startsWith('/') || probe.path.includes('\0') || probe.path.length > 4095) {
      return refuse('function', probe.path, 'the absolute path of a program or library');
    }
    return probe.symbol === ''
      ? refuse('function', probe.symbol, 'a symbol, or "+0x" and an offset in the file')
      : ok(null);
  },
  toRequest({ probe, minNs, detail }) {
    if (probe.type === 'kernel') return ok({ kind: 'function', probe, minNs, detail });
    const offset = findUserFunction(probe.path, probe.symbol);
    if (!offset.ok) return offset;
    const place = { type: 'user', path: probe.path, offset: offset.value } as const;
    return ok({ kind: 'function', probe: place, minNs, detail });
  },
  labelOf(key, { probe }, facts) {
    const title = probeText(probe);
    if (!isPattern(probe)) return { name: title, variant: '' };
    return { name: facts.kernelFunction(key) || addressText(key), variant: '' };
  },
};

import { describe, expect, it } from 'vitest';

import { CAPTURE_SOURCES, validateSpec } from '../../../main/capture/sources/index.ts';
import type { CaptureSpec, CaptureTarget } from '../../../main/shared/model/capture-spec.ts';
import { asPid, hertz, nanoseconds } from '../../../main/shared/units.ts';
import { MACHINE_SPEC } from '../../support/session-of.ts';

const withTarget = (target: CaptureTarget): Partial<CaptureSpec> => ({ target });
const command = (argv: readonly string[]): Partial<CaptureSpec> =>
  withTarget({ kind: 'command', argv, cwd: '/' });

describe('validateSpec', () => {
  it.each<[string, Partial<CaptureSpec>]>([
    ['rate', { rate: hertz(0) }],
    ['rate', { rate: hertz(1e9) }],
    ['rate', { rate: hertz(20_001) }],
    ['rate', { rate: hertz(99.5) }],
    ['rate', { rate: hertz(NaN) }],
    ['target.pid', withTarget({ kind: 'process', pid: asPid(0) })],
    ['target.pid', withTarget({ kind: 'process', pid: asPid(-5) })],
    ['target.pid', withTarget({ kind: 'process', pid: asPid(1e12) })],
    ['target.path', withTarget({ kind: 'cgroup', path: '' })],
    ['target.argv', command([])],
    ['target.argv', command([''])],
    ['target.argv', command(['ls', 'a\0b'])],
    ['sources', { sources: [] }],
    ['sources', { sources: [{ kind: 'on-cpu' }, { kind: 'on-cpu' }] }],
    ['minNs', { sources: [{ kind: 'syscalls', minNs: -1, detail: 'events' }] }],
    ['duration', { duration: nanoseconds(0) }],
    ['duration', { duration: nanoseconds(NaN) }],
    ['duration', { duration: nanoseconds(1e18) }],
    ['kernelStacks, userStacks', { kernelStacks: false, userStacks: false }],
  ])('refuses a bad %s: %o', (field, change) => {
    const checked = validateSpec({ ...MACHINE_SPEC, ...change });
    expect(checked).toMatchObject({ ok: false, error: { kind: 'spec-invalid', field } });
  });

  it.each<Partial<CaptureSpec>>([
    { rate: hertz(1) },
    { rate: hertz(20_000) },
    { duration: nanoseconds(5e9) },
    { userStacks: false },
    command(['ls', '']),
  ])('accepts %o', (change) => {
    expect(validateSpec({ ...MACHINE_SPEC, ...change }).ok).toBe(true);
  });

  it('has an initial value within range for every option', () => {
    for (const { options } of CAPTURE_SOURCES) {
      for (const option of options) {
        if (option.kind !== 'number') continue;
        expect(option.initial).toBeGreaterThanOrEqual(option.min);
        expect(option.initial).toBeLessThanOrEqual(option.max);
      }
    }
  });
});

import { describe, expect, it } from 'vitest';
import { countArgument, numberArgument, secondsArgument } from '../../../main/cli/arguments.ts';
import { defaultFileName, specOf } from '../../../main/cli/record-options.ts';
import { asPid } from '../../../main/shared/units.ts';

const DEFAULTS = {
  ...{ frequency: 99, kernel: true, user: true, onCpu: true, costLimit: 5 },
  unwind: 'auto',
} as const;

describe('specOf', () => {
  it('turns options into a spec', () => {
    const options = { ...DEFAULTS, aggregate: true, user: false, duration: 1.5 };
    expect(specOf(options, ['./app', '-x'], '/work')).toEqual({
      ok: true,
      value: {
        sources: [{ kind: 'on-cpu' }],
        target: { kind: 'command', argv: ['./app', '-x'], cwd: '/work' },
        rate: 99,
        mode: 'aggregate',
        includeIdle: false,
        costLimit: 0.05,
        kernelStacks: true,
        userStacks: false,
        unwind: 'auto',
        duration: 1.5e9,
      },
    });
  });

  it.each([
    ['none', {}, []],
    ['two', { all: true, pid: 3 }, []],
    ['an option and a command', { cgroup: 'x' }, ['ls']],
  ])('refuses %s as target', (_, part, command) => {
    expect(specOf({ ...DEFAULTS, ...part }, command, '/')).toMatchObject({
      ok: false,
      error: { kind: 'spec-invalid', field: 'target' },
    });
  });
});

describe('defaultFileName', () => {
  const now = new Date(2026, 10, 22, 4, 3, 9);

  it.each([
    [{ kind: 'machine' as const }, 'machine'],
    [{ kind: 'process' as const, pid: asPid(7) }, 'pid-7'],
    [{ kind: 'cgroup' as const, path: 'a/b.service' }, 'b.service'],
    [{ kind: 'command' as const, argv: ['/opt/my app;rm'], cwd: '/' }, 'my_app_rm'],
  ])('names the file by time and target %#', (target, name) => {
    expect(defaultFileName(target, now)).toBe(`2026-11-22-04.03.09-${name}.ember`);
  });
});

describe('secondsArgument', () => {
  it.each([
    ['10', 10],
    ['1.5s', 1.5],
    ['500ms', 0.5],
    ['5m', 300],
    ['1h', 3600],
  ])('reads %s', (text, seconds) => {
    expect(secondsArgument(text)).toBe(seconds);
  });

  it.each(['', '-1', '1d', 's', '1e3', '5 m'])('refuses %j', (text) => {
    expect(() => secondsArgument(text)).toThrow('Not a time');
  });
});

describe('numberArgument', () => {
  it('leaves ranges to others but not words', () => {
    expect(numberArgument('1e9')).toBe(1e9);
    expect(() => numberArgument('')).toThrow('Not a number');
    expect(() => numberArgument('9x')).toThrow('Not a number');
  });
});

describe('countArgument', () => {
  it.each(['0', '-1', '1.5', 'x'])('refuses %s', (text) => {
    expect(() => countArgument(text)).toThrow('whole number');
  });
});

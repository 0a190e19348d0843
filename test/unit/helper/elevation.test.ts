import { describe, expect, it } from 'vitest';
import { cleanEnvironment, dangerousIn } from '../../../main/helper/environment.ts';
import { couldDoAsMuch, isElevated, powerIn } from '../../../main/helper/parent-watch.ts';

const ALL = (1n << 41n) - 1n;
const SETUID = 1n << 7n;

describe('couldDoAsMuch', () => {
  it.each([
    ['root started by root', { uid: 0, permitted: ALL }, { uid: 0, permitted: ALL }, true],
    ['root started by a user', { uid: 1000, permitted: 0n }, { uid: 0, permitted: ALL }, false],
    ['a user started by himself', { uid: 1000, permitted: 0n }, { uid: 1000, permitted: 0n }, true],
    ['file capabilities', { uid: 1000, permitted: 0n }, { uid: 1000, permitted: 1n }, false],
    ['one capability more', { uid: 0, permitted: 6n }, { uid: 0, permitted: 7n }, false],
    ['a user started by root', { uid: 0, permitted: ALL }, { uid: 1000, permitted: 1n }, true],
    ['another user', { uid: 1000, permitted: 0n }, { uid: 1001, permitted: 0n }, false],
    [
      'another user, by one who may',
      { uid: 1, permitted: SETUID },
      { uid: 2, permitted: 0n },
      true,
    ],
  ])('judges %s', (_, parent, own, expected) => {
    expect(couldDoAsMuch(parent, own)).toBe(expected);
  });
});

describe('isElevated', () => {
  it('believes a launcher, whoever the parent seems to be', () => {
    const before = isElevated();
    process.argv.push('--scope=own');
    const launched = isElevated();
    process.argv.pop();
    expect([before, launched]).toEqual([false, true]);
  });
});

describe('powerIn', () => {
  it('reads the effective user and the permitted set of /proc/PID/status', () => {
    const status = 'Name:\tx\nUid:\t1000\t0\t1000\t1000\nCapInh:\t0\nCapPrm:\t000000c000000004\n';
    expect(powerIn(status)).toEqual({ uid: 0, permitted: 0xc0_0000_0004n });
  });

  it('knows nothing from a text without them', () => {
    expect(powerIn('Uid:\t0\t0\t0\t0\n')).toBeNull();
    expect(powerIn('')).toBeNull();
  });

  it('is not taken in by a name that holds such a line', () => {
    // The kernel writes a line break in a name as \n, two characters.
    const status = 'Name:\tUid:\\nx\nUid:\t5\t6\t7\t8\nCapPrm:\t0\n';
    expect(powerIn(status)).toEqual({ uid: 6, permitted: 0n });
  });
});

describe('dangerousIn', () => {
  it.each([
    'NODE_OPTIONS',
    'NODE_PATH',
    'LD_PRELOAD',
    'LD_AUDIT',
    'GCONV_PATH',
    'ELECTRON_RUN_AS',
    'OPENSSL_CONF',
  ])('names %s', (name) => {
    expect(dangerousIn({ [name]: 'x', PATH: '/bin' })).toEqual([name]);
  });

  it('leaves what a launcher sets', () => {
    expect(
      dangerousIn({ PATH: '/bin', LANG: 'C', PKEXEC_UID: '1', ELECTRON_RUN_AS_NODE: '1' }),
    ).toEqual([]);
  });
});

describe('cleanEnvironment', () => {
  const before = {
    ...{ PKEXEC_UID: '1000', HOME: '/root', EMBERSCOPE_TEST: '1', EMBERSCOPE_TEST_BPF_DIR: '/x' },
    ...{ LD_LIBRARY_PATH: '/y', EMBERSCOPE_HELPER_HANDOVER: '5' },
  };

  it('leaves an elevated helper nothing but who asked and what was handed over', () => {
    const environment = { ...before };
    cleanEnvironment(environment, true);
    expect(environment).toEqual({ PKEXEC_UID: '1000', EMBERSCOPE_HELPER_HANDOVER: '5' });
  });

  it('leaves tests their folder where nobody was given power', () => {
    const environment = { ...before };
    cleanEnvironment(environment, false);
    expect(Object.keys(environment)).toContain('EMBERSCOPE_TEST_BPF_DIR');
    expect(Object.keys(environment)).not.toContain('HOME');
  });
});

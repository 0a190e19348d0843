import { spawn } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import { scopeOf } from '../../../main/capture/privileges.ts';
import type { CaptureTarget, SourceSpec } from '../../../main/shared/model/capture-spec.ts';
import { isPlainProcessOf } from '../../../main/shared/model/helper-scope.ts';
import { asPid } from '../../../main/shared/units.ts';

const ON_CPU: SourceSpec = { kind: 'on-cpu' };
const ofTarget = (target: CaptureTarget) => scopeOf({ target, sources: [ON_CPU] });

describe('scopeOf', () => {
  const child = spawn('sleep', ['30']);
  afterAll(() => void child.kill());

  it('is the least that will do', () => {
    expect(ofTarget({ kind: 'machine' })).toBe('system');
    expect(ofTarget({ kind: 'cgroup', path: '/' })).toBe('system');
    expect(ofTarget({ kind: 'command', argv: ['true'], cwd: '/' })).toBe('own');
    // Init is nobody's own; a process that is gone is for the recording to speak of.
    for (const pid of [1, 4_194_303]) {
      expect(ofTarget({ kind: 'process', pid: asPid(pid) })).toBe('system');
    }
    // Root's own processes have capabilities, so they are none of the kind.
    const own = process.getuid?.() === 0 ? 'system' : 'own';
    expect(ofTarget({ kind: 'process', pid: asPid(child.pid!) })).toBe(own);
  });

  it('reaches everywhere for wakers', () => {
    const sources: SourceSpec[] = [{ kind: 'off-cpu', wakers: true, minNs: 0 }];
    const target = { kind: 'command', argv: ['true'], cwd: '/' } as const;
    expect(scopeOf({ target, sources })).toBe('system');
  });
});

describe('isPlainProcessOf', () => {
  const status = (uids: string, permitted = '0000000000000000'): string =>
    `Name:\tx\nUid:\t${uids}\nGid:\t0\t0\t0\t0\nCapInh:\t00\nCapPrm:\t${permitted}\n`;

  it.each([
    ['all of his', status('1000\t1000\t1000\t1000'), true],
    ['a set-user-id program', status('1000\t0\t0\t0'), false],
    ['one that may go back to root', status('1000\t1000\t0\t1000'), false],
    ['one with a capability', status('1000\t1000\t1000\t1000', '0000000000002000'), false],
    ['another user’s', status('1001\t1001\t1001\t1001'), false],
    ['no process', '', false],
  ])('judges %s', (_, text, expected) => {
    expect(isPlainProcessOf(1000, text)).toBe(expected);
  });
});

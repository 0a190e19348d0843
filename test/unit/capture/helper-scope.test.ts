import { spawn } from 'node:child_process';
import { afterAll, describe, expect, it } from 'vitest';
import { scopeOf } from '../../../main/capture/privileges.ts';
import type { CaptureTarget, SourceSpec } from '../../../main/shared/model/capture-spec.ts';
import { isPlainProcessOf } from '../../../main/shared/model/helper-scope.ts';
import { asPid } from '../../../main/shared/units.ts';

const ON_CPU: SourceSpec = { kind: 'on-cpu' };
/** Of what this user starts: root's processes have capabilities. */
const OWN = process.getuid?.() === 0 ? 'system' : 'own';
const ofTarget = (target: CaptureTarget) => scopeOf({ target, sources: [ON_CPU] });

describe('scopeOf', () => {
  const child = spawn('sleep', ['30']);
  afterAll(() => void child.kill());

  it('is the least that will do', () => {
    expect(ofTarget({ kind: 'machine' })).toBe('system');
    expect(ofTarget({ kind: 'cgroup', path: '/' })).toBe('system');
    // Init is nobody's own; a process that is gone is for the recording to speak of.
    for (const pid of [1, 4_194_303]) {
      expect(ofTarget({ kind: 'process', pid: asPid(pid) })).toBe('system');
    }
    // Root's own processes have capabilities, so they are none of the kind.
    expect(ofTarget({ kind: 'process', pid: asPid(child.pid!) })).toBe(OWN);
    expect(ofTarget({ kind: 'command', argv: ['true'], cwd: '/' })).toBe(OWN);
  });

  it('reaches everywhere for what is about others than the target', () => {
    const target = { kind: 'command', argv: ['true'], cwd: '/' } as const;
    const scopeWith = (source: SourceSpec) => scopeOf({ target, sources: [ON_CPU, source] });
    const kernel = { type: 'kernel', name: 'vfs_read' } as const;
    const trace = {
      kind: 'trace',
      filter: '',
      stacks: true,
      returns: false,
      perSecond: 1,
    } as const;
    const calls = { kind: 'function', minNs: 0, detail: 'events' } as const;
    expect(scopeWith({ kind: 'off-cpu', wakers: true, minNs: 0 })).toBe('system');
    expect(scopeWith({ ...calls, probe: kernel })).toBe('system');
    expect(scopeWith({ ...trace, probe: kernel })).toBe('system');
    const exec = { type: 'tracepoint', category: 'sched', name: 'sched_process_exec' } as const;
    expect(scopeWith({ ...trace, probe: exec })).toBe('system');
    expect(scopeWith({ kind: 'off-cpu', wakers: false, minNs: 0 })).toBe(OWN);
    // Programs of the system's are run by everybody.
    const at = (path: string) => ({ type: 'user', path, symbol: 'main' }) as const;
    const mine = import.meta.filename;
    const isRoot = process.getuid?.() === 0;
    expect(scopeWith({ ...calls, probe: at(mine) })).toBe(OWN);
    expect(scopeWith({ ...trace, probe: at('/bin/true') })).toBe(isRoot ? OWN : 'system');
  });
});

describe('isPlainProcessOf', () => {
  const HIS_GROUP = '100\t100\t100\t100';
  const status = (uids: string, permitted = '0000000000000000', gids = HIS_GROUP): string =>
    `Name:\tx\nUid:\t${uids}\nGid:\t${gids}\nCapInh:\t00\nCapPrm:\t${permitted}\n`;

  it.each([
    ['all of his', status('1000\t1000\t1000\t1000'), true],
    ['a set-user-id program', status('1000\t0\t0\t0'), false],
    ['one that may go back to root', status('1000\t1000\t0\t1000'), false],
    ['one with a capability', status('1000\t1000\t1000\t1000', '0000000000002000'), false],
    [
      'a set-group-id program',
      status('1000\t1000\t1000\t1000', '0000000000000000', '100\t42\t42\t42'),
      false,
    ],
    ['what systemd gives to a session', status('1000\t1000\t1000\t1000', '0000000800000000'), true],
    ['another user’s', status('1001\t1001\t1001\t1001'), false],
    ['no process', '', false],
  ])('judges %s', (_, text, expected) => {
    expect(isPlainProcessOf({ uid: 1000, gid: 100 }, text)).toBe(expected);
  });
});

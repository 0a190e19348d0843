import { describe, expect, it } from 'vitest';
import { estimateText } from '../../../renderer/views/cost-estimate.ts';
import { countedEvent, functionProbe, traceProbe } from '../../../renderer/views/probe-input.ts';
import { lookupsOf } from '../../../renderer/views/probe-proposals.ts';

describe('functionProbe', () => {
  it.each([
    ['vfs_read', { type: 'kernel', name: 'vfs_read' }],
    ['tcp_*', { type: 'kernel', name: 'tcp_*' }],
    ['/usr/bin/app:main', { type: 'user', path: '/usr/bin/app', symbol: 'main' }],
    ['/opt/a:b/lib.so:+0x1f', { type: 'user', path: '/opt/a:b/lib.so', symbol: '+0x1f' }],
  ])('reads %s', (text, probe) => {
    expect(functionProbe(text)).toEqual({ ok: true, value: probe });
  });

  it.each(['a b', 'app:main', '/usr/bin/app:', '$(reboot)'])('refuses %s', (text) => {
    expect(functionProbe(text).ok).toBe(false);
  });
});

describe('traceProbe', () => {
  it('reads tracepoints, probes of programs, and functions', () => {
    expect(traceProbe('tracepoint:sched:sched_switch')).toEqual({
      ok: true,
      value: { type: 'tracepoint', category: 'sched', name: 'sched_switch' },
    });
    expect(traceProbe('usdt:/usr/bin/node:node:gc__start')).toEqual({
      ok: true,
      value: { type: 'usdt', path: '/usr/bin/node', provider: 'node', name: 'gc__start' },
    });
    expect(traceProbe('vfs_read')).toEqual({
      ok: true,
      value: { type: 'kernel', name: 'vfs_read' },
    });
  });

  it.each(['tracepoint:sched', 'tracepoint::x', 'usdt:node:a:b', 'usdt:/bin/x:a'])(
    'refuses %s',
    (text) => {
      expect(traceProbe(text).ok).toBe(false);
    },
  );
});

describe('countedEvent', () => {
  it('reads events with and without a period', () => {
    expect(countedEvent('page-faults')).toEqual({
      ok: true,
      value: { event: { type: 'perf', name: 'page-faults' }, period: 1 },
    });
    expect(countedEvent('block:block_rq_issue/100')).toEqual({
      ok: true,
      value: {
        event: { type: 'tracepoint', category: 'block', name: 'block_rq_issue' },
        period: 100,
      },
    });
  });

  it.each(['', 'a:b:c', 'a:', 'page-faults/0', 'page-faults/x', 'page-faults/1.5'])(
    'refuses "%s"',
    (text) => {
      expect(countedEvent(text).ok).toBe(false);
    },
  );
});

describe('lookupsOf', () => {
  const asked = (field: 'function' | 'count' | 'trace', text: string) =>
    lookupsOf(field, text).map(({ query, prefix }) => [
      query.kind,
      query.path,
      query.query,
      prefix,
    ]);

  it('looks for functions of the kernel, or of the file named', () => {
    expect(asked('function', 'vfs_re')).toEqual([['function', '', 'vfs_re', '']]);
    expect(asked('function', '/usr/bin/no')).toEqual([]);
    expect(asked('function', '/usr/bin/node:uv_')).toEqual([
      ['function', '/usr/bin/node', 'uv_', ''],
    ]);
  });

  it('looks for events of both kinds', () => {
    expect(asked('count', 'fault').map(([kind]) => kind)).toEqual(['perf', 'tracepoint']);
  });

  it('types what was found with the word that was typed before it', () => {
    expect(asked('trace', 'tracepoint:sched:sw')).toEqual([
      ['tracepoint', '', 'sched:sw', 'tracepoint:'],
    ]);
    expect(asked('trace', 'usdt:/usr/bin/node:gc')).toEqual([
      ['usdt', '/usr/bin/node', 'gc', 'usdt:'],
    ]);
    expect(asked('trace', 'usdt:/usr/bin/no')).toEqual([]);
    expect(asked('trace', 'vfs_')).toEqual([['function', '', 'vfs_', '']]);
  });
});

describe('estimateText', () => {
  const estimate = { perSecond: 2500, nsEach: 400, cpuShare: 0.001, mechanism: 'fentry', note: '' };

  it('says how often, at what cost and how', () => {
    expect(estimateText(estimate, { kind: 'off-cpu', minNs: 0, wakers: false })).toBe(
      '2\u202f500 waits/s, 0.10 % of a CPU (fentry)',
    );
  });

  it('says no cost where nothing happened, and what the figures leave out', () => {
    const none = {
      ...estimate,
      perSecond: 0,
      nsEach: Number.NaN,
      cpuShare: 0,
      note: 'More to come.',
    };
    expect(estimateText(none, { kind: 'syscalls', minNs: 0, detail: 'events' })).toBe(
      '0 calls/s (fentry). More to come.',
    );
  });
});

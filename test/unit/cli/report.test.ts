import { describe, expect, it } from 'vitest';
import { progressText } from '../../../main/cli/progress-line.ts';
import { reportOf } from '../../../main/cli/report-data.ts';
import { headLines, reportLines } from '../../../main/cli/report-text.ts';
import { nanoseconds } from '../../../main/shared/units.ts';
import { ON_CPU } from '../../support/on-cpu.ts';
import { infoOf } from '../../support/session-of.ts';
import { tablesOf } from '../../support/tables-of.ts';
import { OFF_CPU, withSources } from '../../support/with-sources.ts';

const TABLES = tablesOf(`
  main;parse;parse;read 3
  main;parse 1
  other:7/7| main;read 4
`);

describe('reportOf', () => {
  it('counts a recursive function once per sample', () => {
    const { hottestByTotal } = reportOf(TABLES, infoOf(TABLES), 10);
    expect(hottestByTotal.map(({ name, self, total }) => [name, self, total])).toEqual([
      ['main', 0, 8],
      ['read', 7, 7],
      ['parse', 1, 4],
    ]);
  });

  it('keeps the first rows only', () => {
    const { hottestBySelf, processes } = reportOf(TABLES, infoOf(TABLES), 1);
    expect(hottestBySelf).toMatchObject([{ name: 'read', selfShare: 0.875 }]);
    expect(processes).toMatchObject([{ share: 0.5 }]);
  });

  it('relates own cost to samples and time', () => {
    expect(reportOf(TABLES, infoOf(TABLES), 1).ownCost).toMatchObject({
      bpfNsPerSample: 2e6 / 3,
      helperCpuShare: 0.003,
      engineCpuShare: 0.009,
    });
  });
});

describe('reportLines of durations', () => {
  const tables = withSources(tablesOf('main;wait 2500000\nmain;run 5'), {
    sources: [OFF_CPU, ON_CPU],
    samples: [{ source: 0, value: 2_500_000 }, { source: 1 }],
  });
  const info = infoOf(tables, {
    spec: {
      ...infoOf(tables).spec,
      sources: [{ kind: 'off-cpu', minNs: 0, wakers: false }, { kind: 'on-cpu' }],
    },
    totalWeight: 2_500_000,
  });

  it('lists what was measured, and the tables of the first in its unit', () => {
    const text = reportLines(reportOf(tables, info, 5), null).join('\n');
    expect(text).toContain('Off-CPU time  2.5 ms  (tracepoint)');
    expect(text).toContain('On-CPU time   5 samples');
    expect(text).toMatch(/self +total +time +function/);
    expect(text).toMatch(/100 % +100 % +2.5 ms +wait/);
    expect(text).not.toMatch(/samples\/s/);
  });
});

describe('headLines', () => {
  it('names every loss with its remedy', () => {
    const info = infoOf(TABLES, { loss: [{ reason: 'ring-buffer-full', count: 8 }] });
    const text = headLines(info).join('\n');
    expect(text).toContain('loss      8 samples lost, 50.0 % of all taken');
    expect(text).toContain('Record at a lower rate');
  });

  it('says so when nothing was lost', () => {
    expect(headLines(infoOf(TABLES)).join('\n')).toContain('loss      none');
  });
});

describe('headLines on the end', () => {
  const textOf = (part: Parameters<typeof infoOf>[1]): string =>
    headLines(infoOf(TABLES, part)).join('\n');

  it('tells why the recording ended', () => {
    const text = textOf({ end: { reason: 'duration-over', error: '' } });
    expect(text).toContain('ended     when its duration was over\n');
  });

  it('tells what went wrong, hostile characters made visible', () => {
    const text = textOf({ end: { reason: 'failed', error: 'The disk is full. \u001b[2J.' } });
    expect(text).toContain('ended     by a failure: The disk is full. ');
    expect(text).not.toContain('\u001b');
  });

  it('says nothing where it is not known', () => {
    expect(textOf({ end: null })).not.toContain('ended');
  });
});

describe('reportLines', () => {
  it('explains an empty session', () => {
    const empty = tablesOf('');
    const lines = reportLines(reportOf(empty, infoOf(empty), 5), null);
    expect(lines.at(-1)).toContain('no samples');
  });

  it('prints hostile names as text', () => {
    const tables = tablesOf('evil;x 1', { evil: 'a\x1b[2Jb', app: 'c\nd' });
    const text = reportLines(reportOf(tables, infoOf(tables), 5), 80).join('');
    expect(text).toContain(String.raw`a\x1b[2Jb`);
    expect(text).not.toMatch(/\p{Cc}/u);
  });
});

describe('progressText', () => {
  it('shows time, samples, losses and own cost', () => {
    const info = infoOf(TABLES, { loss: [{ reason: 'engine-too-slow', count: 2 }] });
    const progress = { elapsed: nanoseconds(10e9), info, symbolsRemaining: 0 };
    expect(progressText({ ...progress, phase: 'recording' })).toBe(
      '   10 s   8 samples   2 lost   own cost 1.22 % of a CPU   Ctrl-C finishes',
    );
  });
});

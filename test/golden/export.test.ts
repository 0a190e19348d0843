import { describe, expect, it } from 'vitest';
import { reportOf } from '../../main/cli/report-data.ts';
import { reportLines } from '../../main/cli/report-text.ts';
import { FOLDED } from '../../main/export/folded.ts';
import { SVG } from '../../main/export/svg.ts';
import { sessionOf } from '../support/session-of.ts';
import { tablesOf } from '../support/tables-of.ts';

/**
 * One small session in every textual form, compared with files beside this one. Rewritten only by
 * `npx vitest run --project unit test/golden -u`.
 */
const SESSION = sessionOf(
  tablesOf(`
    web server:100/100| main;serve;read@/usr/lib/libc.so.6;sys_read[k];copy_to_user[k] 30
    web server:100/101| main;serve;operator new(unsigned long)@/usr/lib/libstdc++.so.6 12
    web server:100/101| main;serve;serve;serve;read@/usr/lib/libc.so.6 8
    web server:100/102| main;libcrypto.so.3+0x1a2b 5
    node:200/200| start;(anonymous namespace)::run(int);RegExp:[&<>"'][j] 4
    node:200/200| start;net/http.(*Client).Do;[unknown]+0xdead 3
    kworker/0:1:30/30| worker_thread[k];ext4_write[k]@ext4 2
    node:200/201| - 1
  `),
  {
    loss: [
      { reason: 'ring-buffer-full', count: 3 },
      { reason: 'stack-truncated', count: 1 },
      { reason: 'throttled', count: 0 },
    ],
  },
);

describe('FOLDED', () => {
  it('prints stacks as stackcollapse-perf does', async () => {
    await expect([...FOLDED.render(SESSION)].join('')).toMatchFileSnapshot('folded.expected');
  });
});

describe('SVG', () => {
  it('draws the same image every time', async () => {
    await expect([...SVG.render(SESSION)].join('')).toMatchFileSnapshot('flame.svg.expected');
  });
});

describe('reportLines', () => {
  it('prints the whole report', async () => {
    const report = reportOf(SESSION.tables, SESSION.info, 15);
    await expect(`${reportLines(report, 100).join('\n')}\n`).toMatchFileSnapshot('report.expected');
  });
});

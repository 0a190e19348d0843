import { describe, expect, it } from 'vitest';
import { reportOf } from '../../main/cli/report-data.ts';
import { qualityReportLines } from '../../main/cli/report-quality.ts';
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

/** Cut stacks, inlined calls, unnamed modules: what the quality report speaks of. */
const FLAWED = sessionOf(
  tablesOf(`
    app:100/100| _start;main{src/main.c:7};run->step{src/run.c:12}->add{src/add.h:3} 60
    app:100/100| _start;main;run->step;read@/usr/lib/libc.so.6;sys_read[k] 20
    app:100/101| !no-table;render@/usr/lib/libwide.so;libwide.so+0x1a2b 9
    app:100/101| !no-frame-pointer;blob+0x77 3
    node:200/200| _start;Builtins_JSEntry@/usr/bin/node;[jit]+0xdead[j] 6
    kworker/0:1:30/30| worker_thread[k] 2
  `),
  {
    loss: [{ reason: 'ring-buffer-full', count: 3 }],
    unwind: {
      ...{ mode: 'auto', fallback: '' },
      tables: {
        ...{ tables: 212, tableBytes: 34 * 2 ** 20, budgetBytes: 256 * 2 ** 20 },
        ...{ pending: 1, overBudget: 2, failed: 3 },
      },
    },
  },
);

describe('exports of incomplete and inlined frames', () => {
  it('marks inlined calls in folded stacks and leaves the marks of incomplete ones out', async () => {
    await expect([...FOLDED.render(FLAWED)].join('')).toMatchFileSnapshot(
      'inlined.folded.expected',
    );
  });

  it('draws both', async () => {
    await expect([...SVG.render(FLAWED)].join('')).toMatchFileSnapshot('inlined.svg.expected');
  });
});

describe('qualityReportLines', () => {
  const linesOf = (info: typeof FLAWED.info, tables = FLAWED.tables): string => {
    const { quality } = reportOf(tables, info, 15);
    return `${qualityReportLines(quality, 120).join('\n')}\n`;
  };

  it('prints every line with its remedy', async () => {
    await expect(linesOf(FLAWED.info)).toMatchFileSnapshot('quality.expected');
  });

  it('judges recordings by frame pointers by the names of root functions', async () => {
    const unwind = { mode: 'fp', fallback: 'This kernel is too old.', tables: null } as const;
    const { tables, info } = sessionOf(
      tablesOf(`
        app:100/100| _start;main;read@/usr/lib/libc.so.6                  40
        app:100/101| __clone3@@GLIBC_2.34@/usr/lib/libc.so.6;start;work   25
        app:100/101| sqlite3_step@/usr/lib/libsqlite3.so.0;balance        20
        app:100/101| python3.11+0x1f00;_PyEval_EvalFrameDefault           15
        kworker/0:1:30/30| worker_thread[k]                               10
      `),
      { unwind },
    );
    await expect(linesOf(info, tables)).toMatchFileSnapshot('quality-fp.expected');
  });
});

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

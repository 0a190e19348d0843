import { describe, expect, it } from 'vitest';

import { ProcessTable } from '../../../main/capture/process-table.ts';
import {
  execFact,
  exitFact,
  forkFact,
  mappingFact,
  processFact,
  threadFact,
} from '../../support/facts.ts';

const rows = (table: ProcessTable): string[] =>
  table.takeChanges().processes.map(({ pid, comm, startNs }) => `${pid} ${comm} ${startNs}`);

describe('ProcessTable', () => {
  it('gives a forked child its parent, name and mappings', () => {
    const table = new ProcessTable();
    table.apply(processFact(10, 'shell', -5e9));
    table.apply(mappingFact(10, 0x1000, 0x2000, '/bin/sh'));
    table.apply(forkFact(11, 10, 100));
    expect(table.processOf(11, 200).space.find(0x1800)?.path).toBe('/bin/sh');
    expect(rows(table)).toEqual(['10 shell -5000000000', '11 shell 100']);
  });

  it('replaces the mappings on exec and keeps the process', () => {
    const table = new ProcessTable();
    table.apply(processFact(10, 'shell', 0));
    table.apply(mappingFact(10, 0x1000, 0x2000, '/bin/sh'));
    table.apply(execFact(10, 'ls', '/bin/ls', 50));
    table.apply(mappingFact(10, 0x1000, 0x2000, '/bin/ls', 51));
    const { row, space, details } = table.processOf(10, 60);
    expect([row, details.comm, details.exe]).toEqual([0, 'ls', '/bin/ls']);
    expect(space.mappings.map(({ path }) => path)).toEqual(['/bin/ls']);
  });

  it('starts another process when a pid is used again', () => {
    const table = new ProcessTable();
    table.apply(processFact(10, 'first', 0));
    table.apply(exitFact(10, 1e9));
    table.apply(forkFact(10, 1, 2e9));
    expect(table.processOf(10, 3e9).row).toBe(1);
    expect(table.takeChanges().processUpdates).toMatchObject([{ process: 0, endNs: 1e9 }]);
  });

  it('ends the earlier process when a pid is used again and its exit was missed', () => {
    const table = new ProcessTable();
    table.apply(processFact(10, 'first', 0));
    table.apply(processFact(10, 'second', 5e9));
    expect(table.takeChanges().processUpdates).toMatchObject([{ process: 0, endNs: 5e9 }]);
  });

  it('takes a fork and a later look at /proc for the same process', () => {
    const table = new ProcessTable();
    table.apply(forkFact(11, 10, 123_456_789));
    table.apply(processFact(11, 'child', 120_000_000));
    expect(rows(table)).toEqual(['11 child 123456789']);
  });

  it('keeps samples of an unknown process under a made-up name until facts come', () => {
    const table = new ProcessTable();
    const entry = table.processOf(77, 500);
    table.threadRowOf(entry, 77);
    expect(rows(table)).toEqual(['77 pid 77 500']);
    table.apply(processFact(77, 'late', -1e9));
    const { processUpdates, threadUpdates } = table.takeChanges();
    expect(processUpdates).toMatchObject([{ process: 0, comm: 'late' }]);
    expect(threadUpdates).toEqual([{ thread: 0, comm: 'late' }]);
  });

  it('counts late samples of an ended process to that process', () => {
    const table = new ProcessTable();
    table.apply(processFact(10, 'gone', 0));
    table.apply(exitFact(10, 100));
    expect(table.processOf(10, 101).row).toBe(0);
  });

  it('keeps mappings of an ended process for one more take', () => {
    const table = new ProcessTable();
    table.apply(processFact(10, 'gone', 0));
    table.apply(mappingFact(10, 0x1000, 0x2000, '/bin/a'));
    table.apply(exitFact(10, 100));
    table.takeChanges();
    expect(table.processOf(10, 101).space.mappings).toHaveLength(1);
    table.takeChanges();
    expect(table.processOf(10, 101).space.mappings).toHaveLength(0);
  });

  it('names threads, and renames them', () => {
    const table = new ProcessTable();
    table.apply(processFact(10, 'app', 0));
    table.apply(threadFact(10, 12, 'worker'));
    const entry = table.processOf(10, 1);
    expect([table.threadRowOf(entry, 12), table.threadRowOf(entry, 13)]).toEqual([0, 1]);
    expect(table.takeChanges().threads.map(({ comm }) => comm)).toEqual(['worker', 'app']);
    table.apply(threadFact(10, 13, 'io'));
    expect(table.takeChanges().threadUpdates).toEqual([{ thread: 1, comm: 'io' }]);
  });

  it('renames the process when its first thread is renamed', () => {
    const table = new ProcessTable();
    table.apply(processFact(10, 'app', 0));
    table.takeChanges();
    table.apply(threadFact(10, 10, 'app: main'));
    expect(table.takeChanges().processUpdates).toMatchObject([{ process: 0, comm: 'app: main' }]);
  });

  it('ends a process whose first thread left early with its last thread', () => {
    const table = new ProcessTable();
    table.apply(processFact(10, 'app', 0));
    table.apply(exitFact(10, 100));
    table.apply({ kind: 'exit', pid: 10, tid: 12, time: 900 });
    expect(table.takeChanges().processUpdates).toMatchObject([{ endNs: 900 }]);
  });

  it('ignores the vsyscall page, whose address no number holds', () => {
    const table = new ProcessTable();
    table.apply(processFact(10, 'app', 0));
    table.apply({
      ...mappingFact(10, 0, 1, '[vsyscall]'),
      start: 'ffffffffff600000',
      end: 'ffffffffff601000',
    });
    expect(table.processOf(10, 1).space.mappings).toEqual([]);
  });
});

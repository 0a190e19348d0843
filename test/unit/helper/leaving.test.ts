import { describe, expect, it } from 'vitest';
import type { SideBandRecord } from '../../../main/bpf/side-band-records.ts';
import type { Leavers } from '../../../main/helper/departures.ts';
import { ProcessFacts } from '../../../main/helper/process-facts.ts';

/** Far above any process of this machine: /proc has none of them. */
const PARENT = 5_000_001;
const CHILD = 5_000_002;
const OTHER = 5_000_003;
const BEGIN = 1000n;

/** Facts about the parent's descendants; `left`: what is known of who left, changed by the tests. */
function factsWith(left: Map<number, bigint | 'now'>): ProcessFacts {
  const leavers: Leavers = {
    leftSince(pid, sinceNs) {
      const at = left.get(pid) ?? null;
      return typeof at === 'bigint' && at < sinceNs ? null : at;
    },
  };
  const target = { kind: 'process', pid: PARENT, members: [PARENT], added: 1 } as const;
  return new ProcessFacts(BEGIN, target, leavers);
}

const fork = (time: bigint, pid: number, parentPid = PARENT): SideBandRecord => ({
  ...{ kind: 'fork', time, pid, tid: pid, parentPid, parentTid: parentPid },
});
const exec = (time: bigint, pid: number, comm: string): SideBandRecord => ({
  ...{ kind: 'comm', time, pid, tid: pid, comm, exec: true },
});
const mapping = (time: bigint, pid: number, path: string): SideBandRecord => ({
  ...{ kind: 'mapping', time, pid, tid: pid, start: 0x1000n, end: 0x2000n },
  ...{ fileOffset: 0n, path, buildId: '', inode: '0:0:1' },
});
const told = (facts: ProcessFacts, records: readonly SideBandRecord[]): string[] =>
  facts.fromRecords(records).map((fact) => `${fact.kind} ${fact.pid - PARENT}`);

describe('facts about a process that becomes what its user may not look into', () => {
  it('end at the exec by which it did, not at an earlier one', () => {
    const left = new Map([[CHILD, 2400n]]);
    const records = [
      fork(2000n, CHILD),
      exec(2100n, CHILD, 'sh'),
      mapping(2110n, CHILD, '/bin/sh'),
      exec(2300n, CHILD, 'sudo'),
      mapping(2310n, CHILD, '/usr/bin/sudo'),
      mapping(2500n, CHILD, '/usr/lib/pam.so'),
    ];
    expect(told(factsWith(left), records)).toEqual([
      ...['fork 1', 'process 1', 'exec 1', 'process 1', 'mapping 1', 'exit 1'],
    ]);
  });

  it('are not taken up again when it becomes an own program', () => {
    const left = new Map([[CHILD, 2200n]]);
    const records = [
      fork(2000n, CHILD),
      exec(2100n, CHILD, 'newgrp'),
      mapping(2110n, CHILD, '/usr/bin/newgrp'),
      exec(2300n, CHILD, 'sh'),
      mapping(2310n, CHILD, '/bin/sh'),
    ];
    expect(told(factsWith(left), records)).toEqual(['fork 1', 'process 1', 'exit 1']);
  });

  it('end though the exec was told of before anybody could know', () => {
    const left = new Map<number, bigint>();
    const facts = factsWith(left);
    const before = [fork(2000n, CHILD), exec(2100n, CHILD, 'sudo')];
    expect(told(facts, before)).toHaveLength(4);
    left.set(CHILD, 2200n);
    expect(told(facts, [mapping(2110n, CHILD, '/usr/bin/sudo')])).toEqual(['exit 1']);
  });

  it('are kept back in the middle of an exec, until it is known what came of it', () => {
    const left = new Map<number, bigint | 'now'>([[CHILD, 'now']]);
    const facts = factsWith(left);
    expect(told(facts, [fork(2000n, CHILD), exec(2100n, CHILD, 'sudo')])).toEqual([
      ...['fork 1', 'process 1'],
    ]);
    left.set(CHILD, 2200n);
    expect(told(facts, [mapping(2110n, CHILD, '/usr/bin/sudo')])).toEqual(['exit 1']);
  });

  it('go on when it lets others look into it again', () => {
    const left = new Map<number, bigint | 'now'>([[CHILD, 'now']]);
    const facts = factsWith(left);
    expect(told(facts, [fork(2000n, CHILD), mapping(2050n, CHILD, '/lib/a.so')])).toHaveLength(2);
    left.clear();
    expect(told(facts, [mapping(2300n, CHILD, '/lib/b.so')])).toEqual(['mapping 1']);
  });

  it('tell nothing of what it starts', () => {
    const left = new Map([[CHILD, 2200n]]);
    const facts = factsWith(left);
    told(facts, [fork(2000n, CHILD)]);
    const records = [
      fork(2300n, OTHER, CHILD),
      exec(2400n, OTHER, 'ls'),
      mapping(2410n, OTHER, '/bin/ls'),
    ];
    expect(told(facts, records)).toEqual(['exit 1']);
  });

  it('do not begin anew by samples of the time before', () => {
    const left = new Map([[CHILD, 2200n]]);
    const facts = factsWith(left);
    told(facts, [fork(2000n, CHILD), exec(2100n, CHILD, 'sudo')]);
    expect(facts.onSampled([CHILD])).toEqual([]);
    expect(told(facts, [mapping(2300n, CHILD, '/usr/bin/sudo')])).toEqual([]);
  });

  it('begin with the next process of its number', () => {
    const left = new Map([[CHILD, 2200n]]);
    const facts = factsWith(left);
    told(facts, [fork(2000n, CHILD), exec(2100n, CHILD, 'sudo')]);
    const records = [
      fork(9000n, CHILD),
      exec(9100n, CHILD, 'sh'),
      mapping(9110n, CHILD, '/bin/sh'),
    ];
    expect(told(facts, records)).toHaveLength(5);
  });
});

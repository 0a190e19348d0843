import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseBtfNames } from '../../../main/bpf/btf-names.ts';
import { matchingFunctions } from '../../../main/bpf/kernel-functions.ts';
import { matchNames } from '../../../main/engine/probes/match-names.ts';
import { ProbeSearch } from '../../../main/engine/probes/probe-search.ts';
import { nearNames } from '../../../main/shared/text/near-names.ts';

const NAMES = ['vfs_read', 'vfs_readv', 'do_vfs_read', 'vfs_write', 'ksys_read', 'VFS_READ_OLD'];
const found = (query: string, offset = 0, limit = 10) => {
  const { rows, total } = matchNames(NAMES, { query, offset, limit });
  return { names: rows.map((row) => NAMES[row]), total };
};

describe('matchNames', () => {
  it('shows names that begin like the query first, shorter ones before longer ones', () => {
    const names = ['vfs_read', 'vfs_readv', 'VFS_READ_OLD', 'do_vfs_read'];
    expect(found('vfs_read')).toEqual({ names, total: 4 });
  });

  it('wants all words, in any case, and takes * for anything', () => {
    expect(found('READ sys').names).toEqual(['ksys_read']);
    expect(found('*_read').names).toEqual(['vfs_read', 'ksys_read', 'do_vfs_read']);
    expect(found('[(')).toEqual({ names: [], total: 0 });
  });

  it('gives pages', () => {
    expect(found('vfs', 1, 2)).toEqual({ names: ['vfs_readv', 'vfs_write'], total: 5 });
  });
});

describe('matchingFunctions', () => {
  it('leaves out what is no function, and ends one above the limit', () => {
    const names = ['tcp_a', 'tcp_a', 'tcp_b.cold', '__pfx_tcp_c', 'tcp_d', 'tcp_e', 'xtcp_f'];
    expect(matchingFunctions('tcp_*', names, 10)).toEqual(['tcp_a', 'tcp_d', 'tcp_e']);
    expect(matchingFunctions('tcp_*', names, 1)).toHaveLength(2);
  });
});

describe('nearNames', () => {
  it('finds what was mistyped, and what contains the word', () => {
    expect(nearNames('vfs_raed', NAMES)).toEqual(['vfs_read']);
    expect(nearNames('sys_read', ['ksys_read', 'sys_ready_to_go', 'other'])).toEqual([
      'ksys_read',
      'sys_ready_to_go',
    ]);
    expect(nearNames('', NAMES)).toEqual([]);
  });
});

describe('parseBtfNames', () => {
  it("finds functions and tracepoints in the running kernel's type information", () => {
    const { functions, tracepoints } = parseBtfNames(readFileSync('/sys/kernel/btf/vmlinux'));
    expect(functions.has('vfs_read')).toBe(true);
    expect(functions.has('no_such_function_anywhere')).toBe(false);
    expect(tracepoints).toContain('sched_switch');
  });

  it('survives every cut and every changed byte of the header', () => {
    const whole = readFileSync('/sys/kernel/btf/vmlinux');
    for (const length of [0, 3, 8, 23, 24, 40, 5000]) parseBtfNames(whole.subarray(0, length));
    for (let at = 0; at < 24; at++) {
      const changed = Buffer.from(whole);
      changed[at] = 0xff;
      expect(() => parseBtfNames(changed)).not.toThrow();
    }
    const kinds = Buffer.from(whole.subarray(0, 24 + 12));
    expect(parseBtfNames(kinds).functions.size).toBe(0);
  });
});

describe('ProbeSearch', () => {
  const search = new ProbeSearch();
  const query = { path: '', offset: 0, limit: 5 } as const;

  it('finds functions of the kernel, with what is known against each', () => {
    const read = search.find({ ...query, query: 'vfs_read', kind: 'function' });
    const probes = read.ok ? read.value.probes : [];
    expect(probes[0]).toMatchObject({ text: 'vfs_read', problem: '' });
    expect(probes.length).toBeLessThanOrEqual(5);
  });

  it('finds events to count, tracepoints, and functions of a file', () => {
    const perf = search.find({ ...query, query: 'page', kind: 'perf' });
    expect(perf).toMatchObject({ value: { probes: [{ text: 'page-faults' }], total: 1 } });
    const points = search.find({ ...query, query: 'sched_switch', kind: 'tracepoint' });
    const text = expect.stringMatching(/^(sched:)?sched_switch$/);
    expect(points).toMatchObject({
      value: { probes: expect.arrayContaining([expect.objectContaining({ text })]) },
    });
    const path = process.execPath;
    const own = search.find({ ...query, path, query: 'uv_run', kind: 'function' });
    expect(own).toMatchObject({
      value: {
        probes: expect.arrayContaining([expect.objectContaining({ text: `${path}:uv_run` })]),
      },
    });
  });

  it('refuses a file that is none', () => {
    const gone = search.find({ ...query, path: '/nothing', query: '', kind: 'function' });
    expect(gone).toMatchObject({ ok: false, error: { kind: 'file-not-found' } });
    const text = search.find({ ...query, path: '/etc/passwd', query: '', kind: 'usdt' });
    expect(text).toMatchObject({ ok: false, error: { kind: 'file-unreadable' } });
  });
});

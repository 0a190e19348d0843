import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { cgroup2Mount, resolveCgroup } from '../../../main/capture/cgroup.ts';
import { prettyName } from '../../../main/capture/host-facts.ts';
import { checkOutput } from '../../../main/capture/output-check.ts';
import { missingCapabilities, parseCapabilities } from '../../../main/capture/privileges.ts';

describe('cgroup2Mount', () => {
  it('finds the unified hierarchy beside version 1', () => {
    const mounts =
      'cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n';
    expect(cgroup2Mount(mounts)).toBe('/sys/fs/cgroup/unified');
  });

  it('reads escaped mount points', () => {
    expect(cgroup2Mount('none /mnt/a\\040b cgroup2 rw 0 0\n')).toBe('/mnt/a b');
  });

  it('says when there is none', () => {
    expect(cgroup2Mount('proc /proc proc rw 0 0\n')).toBeNull();
  });
});

describe('resolveCgroup', () => {
  // Any folder does: the kernel's id of a cgroup is its inode number.
  const mounts = 'none /proc cgroup2 rw 0 0\n';

  it('takes absolute paths, relative ones and those of /proc/PID/cgroup for the same', () => {
    const found = ['/proc/sys/net', 'sys/net', '/sys/net', '/sys/net/'].map((path) =>
      resolveCgroup(path, mounts),
    );
    for (const result of found) expect(result).toEqual(found[0]);
    expect(found[0]).toMatchObject({ ok: true, value: { kind: 'cgroup', level: 2 } });
  });

  it('gives the root level 0', () => {
    expect(resolveCgroup('/', mounts)).toMatchObject({ ok: true, value: { level: 0 } });
  });

  it.each(['/no/such/group', '../etc', '/version'])('refuses %s', (path) => {
    expect(resolveCgroup(path, mounts)).toEqual({
      ok: false,
      error: { kind: 'cgroup-not-found', path },
    });
  });
});

describe('missingCapabilities', () => {
  const missing = (effective: string): readonly string[] =>
    missingCapabilities(
      parseCapabilities(`Name:\tx\nCapEff:\t${effective}\nCapAmb:\t0000000000000000\n`),
    );

  it('names what is missing', () => {
    expect(missing('0000000000000000')).toEqual(['CAP_BPF', 'CAP_PERFMON']);
    expect(missing('0000008000000000')).toEqual(['CAP_PERFMON']);
  });

  it('is content with both, or with CAP_SYS_ADMIN', () => {
    expect(missing('000000c000000000')).toEqual([]);
    expect(missing('0000000000200000')).toEqual([]);
  });
});

describe('checkOutput', () => {
  it('tells why a path cannot be written', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ember-output-'));
    try {
      const file = join(folder, 'there.ember');
      writeFileSync(file, '');
      const reasons = [join(folder, 'absent', 'a.ember'), folder, file].map((path) => {
        const checked = checkOutput(path, false);
        return checked.ok || checked.error.kind !== 'output-unwritable' ? '' : checked.error.reason;
      });
      expect(reasons).toEqual([
        `the folder ${join(folder, 'absent')} does not exist`,
        'it is a folder',
        'it exists already',
      ]);
      expect(checkOutput(file, true).ok).toBe(true);
      expect(checkOutput(join(folder, 'new.ember'), false).ok).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('prettyName', () => {
  it('reads os-release with and without quotes', () => {
    expect(prettyName('ID=x\nPRETTY_NAME="Debian GNU/Linux 12"\n')).toBe('Debian GNU/Linux 12');
    expect(prettyName('PRETTY_NAME=Arch\n')).toBe('Arch');
    expect(prettyName('')).toBe('');
  });
});

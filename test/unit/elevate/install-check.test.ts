import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  checkInstalled,
  foldersAbove,
  installProblemText,
  type PathStat,
  problemOf,
} from '../../../main/elevate/install-check.ts';

const FOLDER: PathStat = { uid: 0, gid: 0, mode: 0o040_755 };
const PROGRAM: PathStat = { uid: 0, gid: 0, mode: 0o100_755 };
const LAUNCHER = '/usr/lib/emberscope/helper';

/** A tree in which all is well, but for what `changes` says. */
const tree = (changes: Readonly<Record<string, Partial<PathStat> | null>> = {}) => {
  const good: Record<string, PathStat> = {
    ...{ '/': FOLDER, '/usr': FOLDER, '/usr/lib': FOLDER, '/usr/lib/emberscope': FOLDER },
    [LAUNCHER]: PROGRAM,
  };
  return (path: string): PathStat | null => {
    const change = changes[path];
    const stat = good[path];
    return change === null || stat === undefined ? null : { ...stat, ...change };
  };
};
const check = (changes: Readonly<Record<string, Partial<PathStat> | null>>) =>
  checkInstalled(new Map([[LAUNCHER, 'program']]), tree(changes));

describe('checkInstalled', () => {
  it('accepts a program that only root can change', () => {
    expect(check({})).toEqual({ ok: true, value: undefined });
  });

  it.each([
    ['a launcher that is a link', LAUNCHER, { mode: 0o120_777 }, { kind: 'link' }],
    ['a folder that is a link', '/usr/lib', { mode: 0o120_777 }, { kind: 'link' }],
    ['another owner', LAUNCHER, { uid: 1000 }, { kind: 'foreign-owner', uid: 1000 }],
    ['a folder of another owner', '/usr/lib/emberscope', { uid: 7 }, { kind: 'foreign-owner' }],
    ['a folder everybody writes', '/usr/lib/emberscope', { mode: 0o040_777 }, { kind: 'writable' }],
    ['a sticky folder', '/usr', { mode: 0o041_777 }, { kind: 'writable', mode: 0o1777 }],
    ['a folder a group writes', '/', { mode: 0o040_775, gid: 50 }, { kind: 'writable' }],
    ['a program a group writes', LAUNCHER, { mode: 0o100_775, gid: 50 }, { kind: 'writable' }],
    ['a set-user-id program', LAUNCHER, { mode: 0o104_755 }, { kind: 'set-id' }],
    ['a program that cannot be run', LAUNCHER, { mode: 0o100_644 }, { kind: 'wrong-type' }],
    ['a folder in its place', LAUNCHER, { mode: 0o040_755 }, { kind: 'wrong-type' }],
    ['a device in its place', LAUNCHER, { mode: 0o020_755 }, { kind: 'wrong-type' }],
    ['nothing there', LAUNCHER, null, { kind: 'missing' }],
  ] as const)('refuses %s, and says which path', (_, path, change, problem) => {
    const checked = check({ [path]: change });
    expect(checked).toMatchObject({ ok: false, error: { ...problem, path } });
    if (!checked.ok) expect(installProblemText(checked.error)).toContain(path);
  });

  it('lets the group of root write', () => {
    expect(check({ '/usr': { mode: 0o040_775 } }).ok).toBe(true);
  });

  it('judges what is on the disk', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ember-install-'));
    try {
      const file = join(folder, 'lib', 'helper');
      mkdirSync(join(folder, 'lib'));
      writeFileSync(file, '', { mode: 0o755 });
      symlinkSync(file, join(folder, 'link'));
      chmodSync(join(folder, 'lib'), 0o757);
      const found = (path: string) => problemOf(path, lstatSync(path), 'program')?.kind;
      expect(found(join(folder, 'link'))).toBe('link');
      expect(
        problemOf(join(folder, 'lib'), lstatSync(join(folder, 'lib')), 'folder')?.kind,
      ).toMatch(process.getuid?.() === 0 ? /^writable$/ : /^foreign-owner$/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('foldersAbove', () => {
  it('lists them from the root on', () => {
    expect(foldersAbove(LAUNCHER)).toEqual(['/', '/usr', '/usr/lib', '/usr/lib/emberscope']);
  });
});

import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NONE_RULE } from '../../../main/unwind/known-rules.ts';
import { UnwindTableCache } from '../../../main/unwind/table-cache.ts';
import type { UnwindTable } from '../../../main/unwind/unwind-table.ts';

const tableOf = (rows: number): UnwindTable => ({
  base: 65_536,
  addresses: Uint32Array.from({ length: rows }, (_, row) => row),
  ruleIndexes: new Uint16Array(rows),
  rules: [NONE_RULE],
});

let parent: string;
let folder: string;
let now: UnwindTableCache | null = null;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'emberscope-cache-'));
  folder = join(parent, 'cache', 'unwind');
});
afterEach(() => {
  now?.[Symbol.dispose]();
  now = null;
  rmSync(parent, { recursive: true, force: true });
});

function opened(maxBytes?: number): UnwindTableCache {
  now?.[Symbol.dispose]();
  const cache = UnwindTableCache.open(folder, maxBytes);
  if (!cache.ok) throw new Error(JSON.stringify(cache.error));
  now = cache.value;
  return cache.value;
}

const fileOf = (buildId: string): string => join(folder, `${buildId}.unwind`);
const mode = (path: string): number => statSync(path).mode & 0o777;
/** As if a file had been used so many minutes ago. */
function age(path: string, minutes: number): void {
  const seconds = Date.now() / 1000 - minutes * 60;
  utimesSync(path, seconds, seconds);
}

describe('UnwindTableCache', () => {
  it('gives back what was written, for this user alone', () => {
    opened().write('c0ffee', tableOf(100));
    const again = opened();
    expect(again.read('c0ffee')).toEqual(tableOf(100));
    expect(again.read('abcdef')).toBeNull();
    expect(again.counts).toMatchObject({ hits: 1, misses: 1, damaged: 0, failed: 0 });
    expect([mode(folder), mode(fileOf('c0ffee'))]).toEqual([0o700, 0o600]);
    expect(readdirSync(folder)).toEqual(['c0ffee.unwind']);
  });

  it.each(['', 'C0FFEE', '../../etc/passwd', 'abc', 'ab'.repeat(65)])(
    'has no key for build id %j',
    (buildId) => {
      const cache = opened();
      expect(cache.write(buildId, tableOf(1))).toEqual({
        ok: false,
        error: { kind: 'no-build-id' },
      });
      expect(cache.read(buildId)).toBeNull();
    },
  );

  it.each<[string, (path: string) => void]>([
    ['a changed byte', (path) => writeFileSync(path, changed(readFileSync(path)))],
    ['a missing end', (path) => writeFileSync(path, readFileSync(path).subarray(0, 200))],
    ['nothing in it', (path) => writeFileSync(path, '')],
  ])('removes a file with %s and takes a new one', (_name, damage) => {
    const cache = opened();
    cache.write('c0ffee', tableOf(100));
    damage(fileOf('c0ffee'));
    expect(cache.read('c0ffee')).toBeNull();
    expect([cache.counts.damaged, readdirSync(folder)]).toEqual([1, []]);
    cache.write('c0ffee', tableOf(100));
    expect(cache.read('c0ffee')).not.toBeNull();
  });

  it('does not take the table of one file for that of another', () => {
    const cache = opened();
    cache.write('c0ffee', tableOf(100));
    renameSync(fileOf('c0ffee'), fileOf('decade'));
    expect(cache.read('decade')).toBeNull();
    expect(cache.counts.damaged).toBe(1);
  });

  it('removes the least recently used tables beyond its size', () => {
    const size = 96 + 100 * 6 + 32;
    const cache = opened(size * 2);
    cache.write('aa', tableOf(100));
    cache.write('bb', tableOf(100));
    age(fileOf('aa'), 20);
    age(fileOf('bb'), 10);
    expect(cache.read('aa')).not.toBeNull();
    cache.write('cc', tableOf(100));
    expect(readdirSync(folder).sort()).toEqual(['aa.unwind', 'cc.unwind']);
    expect(cache.counts.evicted).toBe(1);
    expect(cache.write('dd', tableOf(1000))).toMatchObject({ error: { kind: 'too-large' } });
    opened(size);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('sweeps parts that writers left behind, and nothing that is not its own', () => {
    opened();
    writeFileSync(join(folder, 'aa.unwind.123.part'), 'x');
    age(join(folder, 'aa.unwind.123.part'), 120);
    writeFileSync(join(folder, 'bb.unwind.456.part'), 'x');
    writeFileSync(join(folder, 'notes.txt'), 'x');
    opened(0);
    expect(readdirSync(folder).sort()).toEqual(['bb.unwind.456.part', 'notes.txt']);
  });

  it('refuses a folder that is a link, or no folder', () => {
    mkdirSync(join(parent, 'other'));
    symlinkSync(join(parent, 'other'), join(parent, 'link'));
    writeFileSync(join(parent, 'file'), '');
    for (const name of ['link', 'file']) {
      const path = join(parent, name);
      expect(UnwindTableCache.open(path)).toEqual({
        ok: false,
        error: { kind: 'not-a-folder', path },
      });
    }
  });

  it('refuses a folder of somebody else', () => {
    // Root may give a folder away; anybody else is a guest in root's.
    const isRoot = process.geteuid?.() === 0;
    const path = isRoot ? foreignFolder(parent) : '/';
    const cache = UnwindTableCache.open(path);
    expect(cache).toMatchObject({ ok: false, error: { kind: 'foreign-owner', path } });
  });

  it('does not follow a link that stands for a table', () => {
    const cache = opened();
    cache.write('c0ffee', tableOf(100));
    renameSync(fileOf('c0ffee'), join(parent, 'elsewhere'));
    symlinkSync(join(parent, 'elsewhere'), fileOf('c0ffee'));
    expect(cache.read('c0ffee')).toBeNull();
    expect(cache.counts).toMatchObject({ hits: 0, failed: 1 });
    cache.write('c0ffee', tableOf(50));
    expect(cache.read('c0ffee')).toEqual(tableOf(50));
  });

  it('makes an open folder private', () => {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o777);
    opened();
    expect(mode(folder)).toBe(0o700);
  });

  it('tells of a folder that is gone', () => {
    const cache = opened();
    rmSync(folder, { recursive: true });
    expect(cache.write('c0ffee', tableOf(1))).toMatchObject({
      ok: false,
      error: { kind: 'system', errno: 'ENOENT' },
    });
    expect(cache.read('c0ffee')).toBeNull();
    expect(cache.counts.failed).toBeGreaterThan(0);
  });
});

function changed(bytes: Buffer): Buffer {
  bytes[bytes.length - 1]! ^= 1;
  return bytes;
}

function foreignFolder(parent: string): string {
  const path = join(parent, 'foreign');
  mkdirSync(path);
  chownSync(path, 65_534, 65_534);
  return path;
}

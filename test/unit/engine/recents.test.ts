import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { DataFolder } from '../../../main/engine/data-folder.ts';
import { Recents } from '../../../main/engine/recents.ts';
import { recordingPath, targetLabel } from '../../../main/engine/recording-name.ts';
import type { SessionInfo } from '../../../main/shared/model/session-info.ts';
import { nanoseconds } from '../../../main/shared/units.ts';

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'ember-data-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(base, { recursive: true });
});

const INFO = {
  spec: { target: { kind: 'machine' } },
  duration: nanoseconds(61e9),
  sampleCount: 1,
} as unknown as SessionInfo;

describe('Recents', () => {
  it('lists the latest first, each file once, and outlives the process', async () => {
    const folder = new DataFolder(base);
    const recents = new Recents(folder);
    for (const name of ['a', 'b', 'a']) await recents.add(join(base, name), INFO);
    const reread = new Recents(folder).list();
    expect(reread.map(({ path }) => path)).toEqual([join(base, 'a'), join(base, 'b')]);
    expect(reread[0]).toMatchObject({ summary: 'Whole machine, 1 m 1 s, 1 sample', exists: false });
  });

  it('knows what exists and what is not saved yet', async () => {
    const folder = new DataFolder(base);
    const recents = new Recents(folder);
    const path = join(folder.recordings, 'x.ember');
    writeFileSync(path, '');
    await recents.add(path, INFO);
    expect(recents.list()).toMatchObject([{ exists: true, unsaved: true }]);
  });

  it('forgets the entry and keeps the file', async () => {
    const recents = new Recents(new DataFolder(base));
    const path = join(base, 'x.ember');
    writeFileSync(path, 'kept');
    await recents.add(path, INFO);
    await recents.forget(path);
    expect(recents.list()).toEqual([]);
    expect(readFileSync(path, 'utf8')).toBe('kept');
  });

  it('keeps thirty', async () => {
    const recents = new Recents(new DataFolder(base));
    for (let index = 0; index < 35; index++) await recents.add(`/x/${index}`, INFO);
    expect(recents.list()).toHaveLength(30);
    expect(recents.list()[0]!.path).toBe('/x/34');
  });

  it.each(['', '{', '[]', '{"version":2,"sessions":[]}'])('starts empty from %j', (text) => {
    const folder = new DataFolder(base);
    writeFileSync(folder.recentsFile, text);
    const complaint = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(new Recents(folder).list()).toEqual([]);
    expect(complaint).toHaveBeenCalledOnce();
    complaint.mockRestore();
  });

  it('quotes nothing of a damaged list that a terminal would act on', () => {
    const folder = new DataFolder(base);
    writeFileSync(folder.recentsFile, '\x1b[2J\u202e');
    const complaint = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect(new Recents(folder).list()).toEqual([]);
    const said = String(complaint.mock.calls[0]?.[0]);
    complaint.mockRestore();
    expect(said).toContain(String.raw`\x1b[2J\u202e`);
    expect(said).not.toContain('\x1b');
  });

  it('leaves no temporary file behind', async () => {
    const folder = new DataFolder(base);
    const recents = new Recents(folder);
    await Promise.all(['/a', '/b', '/c'].map((path) => recents.add(path, INFO)));
    expect(readdirSync(base).sort()).toEqual(['recents.json', 'recordings']);
  });
});

describe('DataFolder', () => {
  it('keeps recordings from other users', () => {
    const { recordings } = new DataFolder(base);
    expect(statSync(recordings).mode & 0o077).toBe(0);
  });

  it('is EMBERSCOPE_DATA, else below XDG_DATA_HOME', () => {
    vi.stubEnv('EMBERSCOPE_DATA', join(base, 'named'));
    expect(new DataFolder(null).path).toBe(join(base, 'named'));
    vi.stubEnv('EMBERSCOPE_DATA', '');
    vi.stubEnv('XDG_DATA_HOME', base);
    expect(new DataFolder(null).path).toBe(join(base, 'emberscope'));
  });
});

describe('recordingPath', () => {
  const now = new Date(2026, 10, 22, 14, 3, 5);

  it('is named after the moment and the target', () => {
    expect(recordingPath(base, { kind: 'machine' }, now)).toBe(
      join(base, '2026-11-22-14.03.05-machine.ember'),
    );
  });

  it('never names a file that exists', () => {
    writeFileSync(recordingPath(base, { kind: 'machine' }, now), '');
    expect(recordingPath(base, { kind: 'machine' }, now)).toMatch(/machine-2\.ember$/);
  });

  it.each([
    [['/usr/bin/g++-12', '-O2'], 'g_-12'],
    [['../../etc/passwd'], 'passwd'],
    [['..'], 'recording'],
    [['a\nb/'], 'a_b'],
    [['-rf'], 'rf'],
    [['x'.repeat(300)], 'x'.repeat(40)],
  ])('makes a harmless label of %j', (argv, label) => {
    expect(targetLabel({ kind: 'command', argv, cwd: '/' })).toBe(label);
  });
});

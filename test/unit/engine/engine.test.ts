import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { copyVerified } from '../../../main/engine/atomic-file.ts';
import { CaptureService } from '../../../main/engine/capture-service.ts';
import { DataFolder } from '../../../main/engine/data-folder.ts';
import { Engine } from '../../../main/engine/engine.ts';
import { OpenSessions } from '../../../main/engine/open-sessions.ts';
import { ProcessList, parseStat } from '../../../main/engine/process-list.ts';
import type { ProfilerError } from '../../../main/shared/errors.ts';
import type { OpenSession, RecentSession } from '../../../main/shared/ipc/contract.ts';
import { EMPTY_CURSOR } from '../../../main/shared/model/session-tables.ts';
import { cursorToText, decodeDelta } from '../../../main/shared/model/table-codec.ts';
import type { Result } from '../../../main/shared/result.ts';
import { isOpenHere } from '../../../main/store/connection.ts';
import { newWriter, valueOf } from '../../support/store.ts';
import { baseBatch, samplesBatch } from '../../support/store-batches.ts';
import { writeSyntheticSession } from '../../support/synthetic-session.ts';

/** Holds the session named as its argument as a reader does in the middle of a question. */
const HOLD = `const { Database } = require('sqlite3');
  const database = new Database(process.argv[1], () => {
    database.exec('BEGIN; SELECT * FROM meta', () => process.stdout.write('held'));
  });
  process.stdin.resume();`;

let base = '';
let engine: Engine;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'ember-engine-'));
  engine = new Engine({
    dataFolder: join(base, 'data'),
    version: '9.9.9',
    emit: () => undefined,
    elevate: null,
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await engine.shutDown();
  rmSync(base, { recursive: true });
});

async function ask<T>(channel: string, request: unknown = {}): Promise<Result<T, ProfilerError>> {
  const answer = await engine.handle({ call: 1, channel, request });
  if (!('result' in answer)) throw new Error('no answer');
  return answer.result as Result<T, ProfilerError>;
}

async function must<T>(channel: string, request: unknown = {}): Promise<T> {
  const result = await ask<T>(channel, request);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

async function session(path: string): Promise<string> {
  await writeSyntheticSession(path, {
    samples: 500,
    stacks: 50,
    functions: 20,
    threads: 3,
    seed: 1,
  });
  return path;
}

/** Leaves a session of 100 samples as a killed writer does: all of it still in its -wal. */
async function leaveSession(path: string): Promise<void> {
  const folder = mkdtempSync(join(base, 'data', 'written-'));
  const writer = await newWriter(join(folder, 'a.ember'));
  valueOf(await writer.append(baseBatch()));
  valueOf(await writer.append(samplesBatch(100, 0)));
  // By another process: a file that is open here must not be opened by other means.
  for (const suffix of ['', '-wal']) execFileSync('cp', [writer.path + suffix, path + suffix]);
}

describe('Engine.handle', () => {
  it.each([
    ['no.such.channel', {}],
    ['toString', {}],
    ['session.open', { path: 'relative.ember' }],
    ['session.open', { path: '/a', extra: 1 }],
    ['session.export', { id: 1, format: 'exe', path: '/a' }],
    ['capture.start', { spec: { sources: [{ kind: 'on-cpu' }] } }],
    ['capture.start', null],
  ])('refuses %s %j as invalid', async (channel, request) => {
    expect(await ask(channel, request)).toMatchObject({
      ok: false,
      error: { kind: 'request-invalid', channel },
    });
  });

  it('opens a session, sends its rows as bytes, and remembers it', async () => {
    const path = await session(join(base, 's.ember'));
    const opened = await must<OpenSession>('session.open', { path });
    expect(opened).toMatchObject({ path, unsaved: false, recovered: false });
    const bytes = await engine.deltaBytes(opened.id, cursorToText(EMPTY_CURSOR));
    if (!bytes.ok) throw new Error(bytes.error.kind);
    expect(decodeDelta(bytes.value).tables.samples.length).toBe(opened.info.sampleCount);
    expect(await must<RecentSession[]>('recents.list')).toMatchObject([{ path, exists: true }]);
  });

  it('opens a file twice as one session', async () => {
    const path = await session(join(base, 's.ember'));
    const first = await must<OpenSession>('session.open', { path });
    expect((await must<OpenSession>('session.open', { path })).id).toBe(first.id);
  });

  it('answers for closed and unknown sessions with an error', async () => {
    const path = await session(join(base, 's.ember'));
    const { id } = await must<OpenSession>('session.open', { path });
    await must('session.close', { id });
    const notOpen = { ok: false, error: { kind: 'session-not-open', id } };
    expect(await ask('session.close', { id })).toEqual(notOpen);
    expect(await engine.deltaBytes(id, cursorToText(EMPTY_CURSOR))).toEqual(notOpen);
  });

  it('refuses a cursor that is none', async () => {
    const path = await session(join(base, 's.ember'));
    const { id } = await must<OpenSession>('session.open', { path });
    expect(await engine.deltaBytes(id, '1.2')).toMatchObject({
      ok: false,
      error: { kind: 'request-invalid' },
    });
  });

  it('moves an unsaved recording to the place it is saved at', async () => {
    const source = await session(join(new DataFolder(join(base, 'data')).recordings, 'r.ember'));
    const opened = await must<OpenSession>('session.open', { path: source });
    expect(opened.unsaved).toBe(true);
    const original = readFileSync(source);
    const path = join(base, 'saved.ember');
    const saved = await must<OpenSession>('session.saveAs', { id: opened.id, path });
    expect(saved).toMatchObject({ id: opened.id, path, unsaved: false });
    expect(readFileSync(path).equals(original)).toBe(true);
    expect(() => readFileSync(source)).toThrow('ENOENT');
    expect(await must<RecentSession[]>('recents.list')).toMatchObject([{ path }]);
    const bytes = await engine.deltaBytes(opened.id, cursorToText(EMPTY_CURSOR));
    expect(bytes.ok).toBe(true);
  });

  it('keeps the original where saving fails, and keeps it open', async () => {
    const source = await session(join(new DataFolder(join(base, 'data')).recordings, 'r.ember'));
    const { id } = await must<OpenSession>('session.open', { path: source });
    const path = join(base, 'absent', 'saved.ember');
    expect(await ask('session.saveAs', { id, path })).toMatchObject({
      ok: false,
      error: { kind: 'output-unwritable', path },
    });
    expect((await engine.deltaBytes(id, cursorToText(EMPTY_CURSOR))).ok).toBe(true);
  });

  it('takes the place of a file that its writer left, with all that lay beside it', async () => {
    const path = join(base, 'target.ember');
    await leaveSession(path);
    writeFileSync(`${path}-journal`, 'of the old');
    const opened = await must<OpenSession>('session.open', {
      path: await session(join(base, 's.ember')),
    });
    const saved = await must<OpenSession>('session.saveAs', { id: opened.id, path });
    expect(saved).toMatchObject({ path, recovered: false, info: opened.info });
    expect(readdirSync(base).sort()).toEqual(['data', 's.ember', 'target.ember']);
  });

  it('saves what a dead writer left', async () => {
    const left = join(base, 'left.ember');
    await leaveSession(left);
    const { id } = await must<OpenSession>('session.open', { path: left });
    const path = join(base, 'saved.ember');
    expect(await must<OpenSession>('session.saveAs', { id, path })).toMatchObject({
      ...{ path, recovered: true, info: { sampleCount: 100 } },
    });
  });

  it.each([
    ['that is open here', (path: string) => path],
    ['that is open here under another name', (path: string) => `${path}.link`],
  ])('does not take the place of a session %s', async (_, nameOf) => {
    const { id } = await must<OpenSession>('session.open', {
      path: await session(join(base, 's.ember')),
    });
    const other = await session(join(base, 'other.ember'));
    linkSync(other, `${other}.link`);
    await must<OpenSession>('session.open', { path: other });
    const before = readFileSync(`${other}.link`);
    expect(await ask('session.saveAs', { id, path: nameOf(other) })).toMatchObject({
      ok: false,
      error: { kind: 'output-unwritable', reason: 'this session is open here' },
    });
    expect(readFileSync(`${other}.link`).equals(before)).toBe(true);
    expect(readFileSync(other).equals(before)).toBe(true);
  });

  it('does not take the place of a session that another program holds', async () => {
    const { id } = await must<OpenSession>('session.open', {
      path: await session(join(base, 's.ember')),
    });
    const path = await session(join(base, 'other.ember'));
    const before = readFileSync(path);
    const holder = spawn(process.execPath, ['-e', HOLD, path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    expect(await ask('session.saveAs', { id, path })).toMatchObject({
      ok: false,
      error: { kind: 'output-unwritable', reason: 'it is open in another program' },
    });
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it.each(['file/below.ember', `${'n'.repeat(300)}.ember`])(
    'says why it cannot be saved as %s',
    async (name) => {
      writeFileSync(join(base, 'file'), '');
      const { id } = await must<OpenSession>('session.open', {
        path: await session(join(base, 's.ember')),
      });
      expect(await ask('session.saveAs', { id, path: join(base, name) })).toMatchObject({
        ok: false,
        error: { kind: 'output-unwritable' },
      });
    },
  );

  it('answers with an error when a bug throws', async () => {
    vi.spyOn(OpenSessions.prototype, 'open').mockRejectedValue(new Error('Bug: on purpose'));
    vi.spyOn(OpenSessions.prototype, 'deltaBytes').mockImplementation(() => {
      throw new Error('Bug: on purpose');
    });
    const error = { kind: 'internal-error', detail: 'Error: Bug: on purpose' };
    expect(await ask('session.open', { path: '/a.ember' })).toEqual({ ok: false, error });
    expect(await engine.deltaBytes(1, '0')).toEqual({ ok: false, error });
  });

  it('keeps the original of a session that was saved before', async () => {
    const source = await session(join(base, 's.ember'));
    const { id } = await must<OpenSession>('session.open', { path: source });
    await must('session.saveAs', { id, path: join(base, 'copy.ember') });
    expect(readFileSync(source).length).toBeGreaterThan(0);
  });

  it('exports', async () => {
    const { id } = await must<OpenSession>('session.open', {
      path: await session(join(base, 's.ember')),
    });
    const path = join(base, 'out.folded');
    const { bytes } = await must<{ bytes: number }>('session.export', {
      id,
      format: 'folded',
      path,
    });
    expect(readFileSync(path).length).toBe(bytes);
  });

  it('says that nothing is recorded when asked to stop', async () => {
    expect(await ask('capture.stop')).toMatchObject({
      ok: false,
      error: { kind: 'request-invalid' },
    });
  });
});

describe('Engine.shutDown', () => {
  it('lets go of every file also when a capture cannot be ended', async () => {
    const path = await session(join(base, 's.ember'));
    await must<OpenSession>('session.open', { path });
    expect(isOpenHere(path)).toBe(true);
    vi.spyOn(CaptureService.prototype, 'shutDown').mockRejectedValueOnce(new Error('on purpose'));
    await expect(engine.shutDown()).rejects.toThrow('on purpose');
    expect(isOpenHere(path)).toBe(false);
  });
});

describe('copyVerified', () => {
  it('replaces a file only by a complete copy', async () => {
    const path = join(base, 'target');
    writeFileSync(path, 'old');
    writeFileSync(join(base, 'source'), 'new');
    const good = { source: join(base, 'source'), path };
    const bad = { source: join(base, 'absent'), path: join(base, 'other') };
    const stale = join(base, 'stale');
    writeFileSync(stale, '');
    expect((await copyVerified([good, bad], [stale])).ok).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(base).sort()).toEqual(['data', 'source', 'stale', 'target']);
    expect(await copyVerified([good], [stale])).toEqual({ ok: true, value: null });
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(base).sort()).toEqual(['data', 'source', 'target']);
  });
});

describe('ProcessList', () => {
  it('lists this process with its user, and its share of a CPU from the second call on', () => {
    const list = new ProcessList();
    const own = (): { cpu: number; user: string } =>
      list.list().find(({ pid }) => pid === process.pid)!;
    const usedMs = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1000;
    const [startMs, startUsedMs] = [performance.now(), usedMs()];
    expect(own().cpu).toBeNaN();
    while (performance.now() < startMs + 300); // busy, as far as others let us
    const { cpu, user } = own();
    const share = (usedMs() - startUsedMs) / (performance.now() - startMs);
    // /proc counts in ticks of 10 ms.
    expect(Math.abs(cpu - share)).toBeLessThan(0.15);
    expect(cpu).toBeGreaterThan(0);
    expect(user).not.toBe('');
  });
});

describe('parseStat', () => {
  it('reads fields after a command name that holds spaces and parentheses', () => {
    const rest = Array.from({ length: 40 }, (_, index) => String(index + 4)).join(' ');
    const { comm, threads, reading } = parseStat(`77 (a ) S (b) R ${rest}`);
    expect([comm, threads]).toEqual(['a ) S (b', 20]);
    expect(reading).toEqual({ cpuNs: (14 + 15) * 1e7, startTicks: 22 });
  });
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { CaptureService } from '../../../main/engine/capture-service.ts';
import { DataFolder } from '../../../main/engine/data-folder.ts';
import { OpenSessions } from '../../../main/engine/open-sessions.ts';
import { Recents } from '../../../main/engine/recents.ts';
import type { EngineEvent } from '../../../main/shared/ipc/contract.ts';
import { commandTarget, specOf } from '../../support/capture.ts';
import { childrenOf } from '../../support/processes.ts';
import { helperDoes, OBEDIENT } from '../../support/stand-in-helper.ts';

// Nothing privileged is done here: the helper is a stand-in.
vi.mock('../../../main/capture/privileges.ts', async (original) => ({
  ...(await original<object>()),
  findWay: () => ({ ok: true, value: 'direct' }),
}));

let base = '';
let sessions: OpenSessions;
let captures: CaptureService;
let events: EngineEvent[] = [];
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'ember-captures-'));
  const folder = new DataFolder(base);
  sessions = new OpenSessions(folder);
  events = [];
  captures = new CaptureService({
    ...{ folder, sessions, recents: new Recents(folder) },
    emit: (event) => events.push(event),
    elevate: null,
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await captures.shutDown();
  await sessions.closeAll();
  rmSync(base, { recursive: true });
});

const ended = (): EngineEvent | undefined => events.find(({ event }) => event === 'capture-ended');

describe('CaptureService.shutDown', () => {
  it('gives up a capture that is still starting; nothing is left of it', async () => {
    helperDoes('hello(); onFrame(() => {});');
    const starting = captures.start(specOf(commandTarget('/bin/sleep', '1000')));
    await vi.waitFor(() => expect(childrenOf(process.pid).length).toBe(2));
    await captures.shutDown();
    expect(await starting).toEqual({ ok: false, error: { kind: 'cancelled' } });
    await vi.waitFor(() => expect(childrenOf(process.pid)).toEqual([]));
  });

  it('allows no further capture', async () => {
    await captures.shutDown();
    expect(await captures.start(specOf({ kind: 'machine' }))).toMatchObject({
      ok: false,
      error: { kind: 'cancelled' },
    });
  });
});

describe('CaptureService.start', () => {
  it('tells the end with what it knows when the session cannot be read any more', async () => {
    helperDoes(OBEDIENT);
    const describeSession = sessions.describe.bind(sessions);
    const error = { kind: 'file-not-found', path: '/gone' } as const;
    vi.spyOn(sessions, 'describe')
      .mockImplementationOnce(describeSession)
      .mockResolvedValue({ ok: false, error });
    const started = await captures.start(specOf(commandTarget('/bin/true')));
    if (!started.ok) throw new Error(started.error.kind);
    await vi.waitFor(() => expect(ended()).toBeDefined(), { timeout: 10_000 });
    const { id, path } = started.value;
    expect(ended()).toMatchObject({
      ...{ reason: 'target-exited', error: null },
      session: { id, path, info: { state: 'complete' } },
    });
    expect(await captures.stop()).toEqual({ ok: false, error });
  });

  it('ends a capture whose session cannot be opened for a bug', async () => {
    helperDoes(OBEDIENT);
    vi.spyOn(sessions, 'open').mockRejectedValue(new Error('Bug: thrown on purpose'));
    const started = await captures.start(specOf(commandTarget('/bin/sleep', '1000')));
    expect(started).toMatchObject({ ok: false, error: { kind: 'internal-error' } });
    await vi.waitFor(() => expect(childrenOf(process.pid)).toEqual([]));
  });
});

import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Engine } from '../../main/engine/engine.ts';
import type { EngineEvent, OpenSession } from '../../main/shared/ipc/contract.ts';
import type { CaptureSpec } from '../../main/shared/model/capture-spec.ts';
import { EMPTY_CURSOR } from '../../main/shared/model/session-tables.ts';
import { cursorToText, decodeDelta } from '../../main/shared/model/table-codec.ts';
import { buildWorkload, commandTarget, specOf } from '../support/capture.ts';
import { useRealHelper } from '../support/real-helper.ts';

const rig = useRealHelper();
let workload = '';
let engine: Engine;
let events: EngineEvent[] = [];

beforeAll(() => {
  workload = buildWorkload();
});
beforeEach(() => {
  events = [];
  engine = new Engine({
    elevate: null,
    dataFolder: rig.folder,
    version: '9.9.9',
    emit: (event) => events.push(event),
  });
});
afterEach(async () => {
  await engine.shutDown();
});

async function ask(channel: string, request: unknown = {}): Promise<OpenSession> {
  const answer = await engine.handle({ call: 1, channel, request });
  if (!('result' in answer) || !answer.result.ok) throw new Error(JSON.stringify(answer));
  return answer.result.value as OpenSession;
}
const start = (spec: CaptureSpec): Promise<OpenSession> => ask('capture.start', { spec });

async function rowsOf(id: number): Promise<number> {
  const bytes = await engine.deltaBytes(id, cursorToText(EMPTY_CURSOR));
  if (!bytes.ok) throw new Error(bytes.error.kind);
  return decodeDelta(bytes.value).tables.samples.length;
}

describe('Engine recording', () => {
  it('shows a growing session, tells progress twice a second, and answers stop with the whole', async () => {
    const session = await start(specOf(commandTarget(workload, '60')));
    expect(session).toMatchObject({ unsaved: true, info: { state: 'recording' } });
    const busy = await engine.handle({
      call: 2,
      channel: 'capture.start',
      request: { spec: specOf({ kind: 'machine' }) },
    });
    expect(busy).toMatchObject({ result: { ok: false, error: { kind: 'capture-busy' } } });
    await delay(1500);
    const early = await rowsOf(session.id);
    await delay(1500);
    const later = await rowsOf(session.id);
    expect(early).toBeGreaterThan(0);
    expect(later).toBeGreaterThan(early);
    const told = events.filter(({ event }) => event === 'capture-progress');
    expect(told.length).toBeGreaterThanOrEqual(6);
    const stopped = await ask('capture.stop');
    expect(stopped).toMatchObject({ id: session.id, info: { state: 'complete' } });
    expect(await rowsOf(session.id)).toBe(stopped.info.sampleCount);
    expect(events.map(({ event }) => event)).not.toContain('capture-ended');
  });

  it('tells that the target ended, and can record again', async () => {
    const first = await start(specOf(commandTarget(workload, '0.2')));
    await vi.waitFor(
      () =>
        expect(events.at(-1)).toMatchObject({ event: 'capture-ended', reason: 'target-exited' }),
      { timeout: 20_000, interval: 50 },
    );
    expect(events.at(-1)).toMatchObject({ session: { id: first.id }, error: null });
    // A person may press Stop just as the target ends.
    expect(await ask('capture.stop')).toMatchObject({ id: first.id, info: { state: 'complete' } });
    const second = await start(specOf(commandTarget(workload, '0.2')));
    expect(second.id).not.toBe(first.id);
    expect(second.path).not.toBe(first.path);
  });
});

import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { startRecording } from '../../../main/capture/capture-controller.ts';
import { SessionWriter } from '../../../main/store/session-writer.ts';
import { commandTarget, specOf } from '../../support/capture.ts';
import { childrenOf } from '../../support/processes.ts';
import { helperDoes, OBEDIENT } from '../../support/stand-in-helper.ts';

// Nothing privileged is done here: the helper is a stand-in.
vi.mock('../../../main/capture/privileges.ts', async (original) => ({
  ...(await original<object>()),
  findWay: () => ({ ok: true, value: 'direct' }),
}));

let folder = '';
let path = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ember-controller-'));
  path = join(folder, 'out.ember');
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const SPEC = specOf(commandTarget('/bin/sleep', '1000'));

/** Neither the command nor the helper is left. */
const nothingIsLeft = (): Promise<void> =>
  vi.waitFor(() => expect(childrenOf(process.pid)).toEqual([]), { timeout: 5000 });

describe('startRecording', () => {
  it('leaves neither command nor helper behind when the file cannot be made for a bug', async () => {
    helperDoes(OBEDIENT);
    vi.spyOn(SessionWriter, 'create').mockRejectedValue(new Error('Bug: thrown on purpose'));
    await expect(startRecording(SPEC, path)).rejects.toThrow('on purpose');
    await nothingIsLeft();
  });

  it('leaves neither command nor helper behind when the file cannot be made', async () => {
    helperDoes(OBEDIENT);
    const error = { kind: 'disk-full', path } as const;
    vi.spyOn(SessionWriter, 'create').mockResolvedValue({ ok: false, error });
    expect(await startRecording(SPEC, path)).toEqual({ ok: false, error });
    await nothingIsLeft();
  });

  it('is given up while the helper starts', async () => {
    helperDoes('hello(); onFrame(() => {});');
    const cancel = new AbortController();
    const starting = startRecording(SPEC, path, { signal: cancel.signal });
    await vi.waitFor(() => expect(childrenOf(process.pid).length).toBe(2));
    cancel.abort();
    expect(await starting).toEqual({ ok: false, error: { kind: 'cancelled' } });
    await nothingIsLeft();
    expect(existsSync(path)).toBe(false);
  });

  it('is not touched by a signal once it records', async () => {
    helperDoes(OBEDIENT);
    const cancel = new AbortController();
    const started = await startRecording(SPEC, path, { signal: cancel.signal });
    if (!started.ok) throw new Error(JSON.stringify(started.error));
    cancel.abort();
    expect(await started.value.stop()).toMatchObject({ reason: 'stopped', error: null });
    await nothingIsLeft();
  });
});

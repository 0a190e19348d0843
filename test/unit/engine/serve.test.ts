import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';

import type { ParentListener } from '../../../main/engine/parent.ts';
import { type Service, serve } from '../../../main/engine/serve.ts';
import type { EngineEvent } from '../../../main/shared/ipc/contract.ts';
import { ok } from '../../../main/shared/result.ts';

type ServedEngine = ReturnType<Service['makeEngine']>;

interface Served {
  readonly sent: unknown[];
  readonly exits: number[];
  /** What the parent says. */
  readonly tell: ParentListener;
  readonly emit: (event: EngineEvent) => void;
}

function served(change: Partial<ServedEngine> = {}): Served {
  const engine: ServedEngine = {
    handle: ({ call }) => Promise.resolve({ call, result: ok('answer') }),
    deltaBytes: () => Promise.resolve(ok(new Uint8Array(3))),
    shutDown: () => Promise.resolve(),
    ...change,
  };
  const sent: unknown[] = [];
  const exits: number[] = [];
  let tell: ParentListener = () => undefined;
  let emit: Served['emit'] = () => undefined;
  serve({
    parent: {
      send: (message) => sent.push(message),
      listen: (listener) => {
        tell = listener;
      },
      whenLost: () => undefined,
    },
    makeEngine: (told) => {
      emit = told;
      return engine;
    },
    exit: (code) => exits.push(code),
  });
  return { sent, exits, tell: (...message) => tell(...message), emit: (event) => emit(event) };
}

describe('serve', () => {
  it('answers a request and hands on rows', async () => {
    const { sent, tell } = served();
    tell({ type: 'request', request: { call: 4, channel: 'app.info', request: {} } }, []);
    tell({ type: 'data', call: 5, sessionId: 1, from: '0' }, []);
    await turn();
    expect(sent).toEqual([
      { type: 'ready' },
      { type: 'message', message: { call: 4, result: ok('answer') } },
      { type: 'data', call: 5, ok: true, bytes: new Uint8Array(3) },
    ]);
  });

  it('says that it closed, and ends with 0', async () => {
    const { sent, exits, tell } = served();
    tell({ type: 'shutdown' }, []);
    tell({ type: 'shutdown' }, []);
    await vi.waitFor(() => expect(exits).toEqual([0]));
    expect(sent.at(-1)).toEqual({ type: 'closed' });
  });

  it('ends also when the engine cannot shut down, with 1', async () => {
    const { sent, exits, tell } = served({
      shutDown: () => Promise.reject(new Error('Bug: thrown on purpose')),
    });
    tell({ type: 'shutdown' }, []);
    await vi.waitFor(() => expect(exits).toEqual([1]));
    expect(sent.at(-1)).toEqual({ type: 'closed' });
  });
});

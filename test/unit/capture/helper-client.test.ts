import { afterEach, describe, expect, it, vi } from 'vitest';

import { HelperClient, type HelperListener } from '../../../main/capture/helper-client.ts';
import type { StartRequest } from '../../../main/capture/wire/helper-protocol.ts';
import { helperDoes, helperIs } from '../../support/stand-in-helper.ts';

const DIRECT = { way: 'direct', scope: 'system' } as const;
const REQUEST: StartRequest = {
  sources: [{ kind: 'on-cpu', rateHz: 99, mode: 'precise', includeIdle: false }],
  costLimit: 0,
  kernelStacks: true,
  userStacks: true,
  unwind: 'auto',
  target: { kind: 'machine' },
};

function listen(): { listener: HelperListener; heard: string[] } {
  const heard: string[] = [];
  return {
    heard,
    listener: {
      kallsyms: (text) => heard.push(`kallsyms ${text.length}`),
      facts: (facts) => heard.push(`facts ${facts.length}`),
      data: (payload) => heard.push(`data ${payload.length}`),
      histogram: (payload) => heard.push(`histogram ${payload.length}`),
      stats: (stats) => heard.push(`stats ${stats.idle}`),
    },
  };
}

async function connected(listener = listen().listener): Promise<HelperClient> {
  const client = await HelperClient.connect(listener, DIRECT);
  if (!client.ok) throw new Error(JSON.stringify(client.error));
  return client.value;
}

describe('HelperClient', () => {
  it('delivers what the helper sends, in order, up to its farewell', async () => {
    helperDoes(`hello();
      onFrame((type) => {
        if (type === TYPES.start) {
          started();
          send('kallsyms', Buffer.from('abc'));
          send('facts', [{ kind: 'thread', pid: 1, tid: 1, comm: 'x' }]);
          send('data', Buffer.alloc(48));
          send('stats', stats);
        } else {
          send('bye', { reason: 'stopped', stats });
          process.exit(0);
        }
      });`);
    const { listener, heard } = listen();
    const client = await connected(listener);
    expect(await client.start(REQUEST)).toMatchObject({ ok: true, value: { cpus: 1 } });
    client.stop();
    expect(await client.ended).toMatchObject({ bye: { reason: 'stopped' }, error: null });
    expect(heard).toEqual(['kallsyms 3', 'facts 1', 'data 48', 'stats 2']);
  });

  it('keeps stdin open after stop: the helper takes its end for ours', async () => {
    helperDoes(`hello();
      process.stdin.on('end', () => process.exit(3));
      onFrame((type) => {
        if (type === TYPES.start) started();
        else setTimeout(() => { send('bye', { reason: 'stopped', stats }); process.exit(0); }, 100);
      });`);
    const client = await connected();
    await client.start(REQUEST);
    client.stop();
    expect((await client.ended).error).toBeNull();
  });

  it('refuses a helper of another protocol version', async () => {
    helperDoes('hello({ protocol: 99 }); setInterval(() => {}, 1000);');
    const client = await HelperClient.connect(listen().listener, DIRECT);
    expect(client).toMatchObject({
      ok: false,
      error: { kind: 'helper-version', found: 'protocol 99', expected: 'protocol 1' },
    });
  });

  it('hands on the error with which the helper refuses', async () => {
    helperDoes(`hello();
      onFrame(() => { send('error', { kind: 'attach-failed', point: 'cpu 0', errno: 'EPERM' }); process.exit(1); });`);
    const client = await connected();
    const error = { kind: 'attach-failed', point: 'cpu 0', errno: 'EPERM' };
    expect(await client.start(REQUEST)).toEqual({ ok: false, error });
  });

  it('reports a death with the exit code and the last words', async () => {
    helperDoes(`hello(); onFrame(() => { console.error('out of luck'); process.exit(7); });`);
    const client = await connected();
    await client.start(REQUEST);
    expect((await client.ended).error).toEqual({
      kind: 'helper-lost',
      exitCode: 7,
      signal: null,
      detail: 'out of luck',
    });
  });

  it('reports a death by signal', async () => {
    helperDoes(
      `hello(); onFrame(() => { started(); setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50); });`,
    );
    const client = await connected();
    await client.start(REQUEST);
    expect((await client.ended).error).toMatchObject({ kind: 'helper-lost', signal: 'SIGKILL' });
  });

  it('ends a helper that sends what is no frame', async () => {
    helperDoes(`hello(); onFrame(() => process.stdout.write('nonsense, more nonsense'));
      setInterval(() => {}, 1000);`);
    const client = await connected();
    expect(await client.start(REQUEST)).toMatchObject({
      ok: false,
      error: { kind: 'helper-protocol' },
    });
  });

  it('ends a helper whose facts do not fit their schema', async () => {
    helperDoes(`hello(); onFrame(() => { started(); send('facts', [{ kind: 'nap', pid: 1 }]); });
      setInterval(() => {}, 1000);`);
    const client = await connected();
    await client.start(REQUEST);
    expect((await client.ended).error).toMatchObject({ kind: 'helper-protocol' });
  });

  it('says what is missing when the helper was not built', async () => {
    helperIs('/absent/helper.js');
    const client = await HelperClient.connect(listen().listener, DIRECT);
    expect(client).toMatchObject({ ok: false, error: { kind: 'helper-lost' } });
  });
});

describe('HelperClient.stop', () => {
  afterEach(() => void vi.useRealTimers());

  /** A client whose time stands still from now on; its helper answers stop with `answer`. */
  async function stopped(answer: string, listener = listen().listener): Promise<HelperClient> {
    helperDoes(`hello(); onFrame((type) => {
      if (type === TYPES.start) started();
      else { ${answer} }
    });`);
    const client = await connected(listener);
    await client.start(REQUEST);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    client.stop();
    return client;
  }
  const FAREWELL = `send('bye', { reason: 'stopped', stats }); process.exit(0);`;

  it('lets a helper send for as long as it does send', async () => {
    let pieces = 0;
    const data = (): void => {
      pieces++;
      vi.advanceTimersByTime(4000);
    };
    const client = await stopped(
      `let left = 4;
      const timer = setInterval(() => {
        if (left-- > 0) return send('data', Buffer.alloc(48));
        clearInterval(timer);
        ${FAREWELL}
      }, 20);`,
      { ...listen().listener, data },
    );
    expect(await client.ended).toMatchObject({ bye: { reason: 'stopped' }, error: null });
    expect(pieces).toBe(4);
  });

  it('does not count the time in which the helper is held back', async () => {
    const client = await stopped(`setTimeout(() => { ${FAREWELL} }, 20);`);
    client.pause();
    vi.advanceTimersByTime(60_000);
    client.resume();
    expect(await client.ended).toMatchObject({ bye: { reason: 'stopped' }, error: null });
  });

  it('ends a helper that says nothing', async () => {
    const client = await stopped('');
    vi.advanceTimersByTime(5000);
    expect((await client.ended).error).toMatchObject({ kind: 'helper-lost', signal: 'SIGKILL' });
  });

  it('ends a helper that never stops sending', async () => {
    const client = await stopped(
      `const more = () => { while (send('data', Buffer.alloc(1 << 20))); };
      process.stdout.on('drain', more);
      more();`,
    );
    expect((await client.ended).error).toMatchObject({ kind: 'helper-protocol' });
  });
});

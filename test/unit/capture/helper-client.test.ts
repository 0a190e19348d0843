import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { HelperClient, type HelperListener } from '../../../main/capture/helper-client.ts';
import {
  FRAME_TYPES,
  PROTOCOL_VERSION,
  type StartRequest,
} from '../../../main/capture/wire/helper-protocol.ts';

/** What the stand-in helper's program begins with: frames out, frame types in. */
const PRELUDE = `
const TYPES = ${JSON.stringify(FRAME_TYPES)};
const send = (type, payload) => {
  const body = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload));
  const head = Buffer.alloc(8);
  head.writeUInt32LE(body.length, 0);
  head[4] = TYPES[type];
  head[5] = ${PROTOCOL_VERSION};
  process.stdout.write(Buffer.concat([head, body]));
};
const hello = (change = {}) => send('hello', { product: 'emberscope-helper', version: '1',
  protocol: ${PROTOCOL_VERSION}, pid: process.pid, ...change });
const started = () => send('started', { startNs: '5', sampleEvent: 'cpu-clock', cpus: 1, unwind: 'fp', unwindFallback: '', capabilities: [] });
const stats = { samples: 1, idle: 2, filtered: 0, loss: {}, bpfRuns: 1, bpfNs: 1, helperCpuNs: 1, helperRssBytes: 1, unwind: null };
const onFrame = (handler) => process.stdin.on('data', (bytes) => handler(bytes[4]));
`;

const REQUEST: StartRequest = {
  source: 'on-cpu',
  rateHz: 99,
  mode: 'precise',
  includeIdle: false,
  kernelStacks: true,
  userStacks: true,
  unwind: 'auto',
  target: { kind: 'machine' },
};

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ember-helper-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

/** Makes `program` the helper. */
function helperDoes(program: string): void {
  const script = join(folder, 'helper.cjs');
  writeFileSync(script, PRELUDE + program);
  vi.stubEnv('EMBERSCOPE_TEST', '1');
  vi.stubEnv('EMBERSCOPE_TEST_HELPER', script);
}

function listen(): { listener: HelperListener; heard: string[] } {
  const heard: string[] = [];
  return {
    heard,
    listener: {
      kallsyms: (text) => heard.push(`kallsyms ${text.length}`),
      facts: (facts) => heard.push(`facts ${facts.length}`),
      data: (payload) => heard.push(`data ${payload.length}`),
      stats: (stats) => heard.push(`stats ${stats.idle}`),
    },
  };
}

async function connected(listener = listen().listener): Promise<HelperClient> {
  const client = await HelperClient.connect(listener);
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
    expect(await client.start(REQUEST)).toMatchObject({ ok: true, value: { startNs: '5' } });
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
    const client = await HelperClient.connect(listen().listener);
    expect(client).toMatchObject({ ok: false, error: { kind: 'helper-protocol' } });
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
    vi.stubEnv('EMBERSCOPE_TEST', '1');
    vi.stubEnv('EMBERSCOPE_TEST_HELPER', join(folder, 'absent.js'));
    const client = await HelperClient.connect(listen().listener);
    expect(client).toMatchObject({ ok: false, error: { kind: 'helper-lost' } });
  });
});

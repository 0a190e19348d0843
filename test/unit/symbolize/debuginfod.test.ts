import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DebuginfodClient, debuginfodUrls } from '../../../main/symbolize/debuginfod.ts';
import { bundledWorker } from '../../support/debuginfod-worker.ts';

/** ldconfig is not on everybody's path. */
const libraries = execFileSync('sh', ['-c', 'PATH=$PATH:/sbin:/usr/sbin ldconfig -p']).toString();
const hasLibrary = libraries.includes('libdebuginfod.so.1');
if (!hasLibrary) process.stdout.write('skipped: debuginfod needs libdebuginfod1\n');

describe('debuginfodUrls', () => {
  const before = process.env['DEBUGINFOD_URLS'];
  afterEach(() => {
    if (before === undefined) delete process.env['DEBUGINFOD_URLS'];
    else process.env['DEBUGINFOD_URLS'] = before;
  });

  it('are those of the environment, none when it has none', () => {
    delete process.env['DEBUGINFOD_URLS'];
    expect(debuginfodUrls()).toEqual([]);
    process.env['DEBUGINFOD_URLS'] = ' http://a  https://b ';
    expect(debuginfodUrls()).toEqual(['http://a', 'https://b']);
  });
});

describe.skipIf(!hasLibrary)('DebuginfodClient', () => {
  const folder = mkdtempSync(join(tmpdir(), 'debuginfod-'));
  const asked: string[] = [];
  let answer: (response: ServerResponse, url: string) => void;
  let server: Server;
  let worker: URL;
  const clients: DebuginfodClient[] = [];
  const client = (options: { budgetBytes?: number; timeoutMs?: number } = {}): DebuginfodClient => {
    const made = new DebuginfodClient({ worker, ...options });
    clients.push(made);
    return made;
  };

  beforeAll(async () => {
    server = createServer(({ url = '' }, response) => {
      asked.push(url);
      answer(response, url);
    });
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const { port } = server.address() as AddressInfo;
    process.env['DEBUGINFOD_URLS'] = `http://127.0.0.1:${port}`;
    process.env['DEBUGINFOD_CACHE_PATH'] = join(folder, 'cache');
    worker = await bundledWorker();
  });
  afterEach(() => {
    for (const made of clients.splice(0)) made[Symbol.dispose]();
    asked.length = 0;
  });
  afterAll(() => {
    delete process.env['DEBUGINFOD_URLS'];
    delete process.env['DEBUGINFOD_CACHE_PATH'];
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('asks nothing before it is asked', async () => {
    client();
    await new Promise((later) => setTimeout(later, 50));
    expect(asked).toEqual([]);
  });

  it('brings a file by build id, and the next time from the cache', async () => {
    answer = (response) => response.end('debug bytes');
    const first = await client().fetch('debuginfo', 'aabb01');
    expect(first).toMatchObject({ kind: 'found', bytes: 'debug bytes'.length });
    expect(first.kind === 'found' && readFileSync(first.path, 'utf8')).toBe('debug bytes');
    expect(asked).toEqual(['/buildid/aabb01/debuginfo']);
    const again = await client().fetch('debuginfo', 'aabb01');
    expect(again).toMatchObject({ kind: 'found', bytes: 0 });
    expect(asked.length).toBe(1);
    await client().fetch('executable', 'aabb01');
    expect(asked.at(-1)).toBe('/buildid/aabb01/executable');
  });

  it('says what no server has', async () => {
    answer = (response) => response.writeHead(404).end();
    const outcome = await client().fetch('debuginfo', 'aabb02');
    expect(outcome).toEqual({ kind: 'missing', errno: 2, bytes: 0 });
  });

  it('gives up a file larger than the budget, and asks for none when it is used up', async () => {
    answer = (response) => {
      response.writeHead(200, { 'content-length': 4 << 20, 'x-debuginfod-size': 4 << 20 });
      response.write(Buffer.alloc(1 << 20));
    };
    const small = client({ budgetBytes: 1 << 16 });
    expect((await small.fetch('debuginfo', 'aabb03')).kind).toBe('budget');
    answer = (response) => response.end('tiny');
    const none = client({ budgetBytes: 0 });
    expect((await none.fetch('debuginfo', 'aabb04')).kind).toBe('budget');
    expect(asked.filter((url) => url.includes('aabb04'))).toEqual([]);
  });

  it('gives up a server that is too slow, without holding anybody else up', async () => {
    answer = () => undefined;
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    const outcome = await client({ timeoutMs: 300 }).fetch('debuginfo', 'aabb05');
    clearInterval(timer);
    expect(outcome.kind).toBe('timeout');
    expect(ticks).toBeGreaterThan(5);
  });

  it('is cancelled while a download runs, and answers what waits behind it', async () => {
    const slow = client();
    answer = (response) => {
      response.writeHead(200, { 'content-length': 1 << 20 });
      response.write(Buffer.alloc(1 << 10));
      setTimeout(() => slow.cancel(), 100);
    };
    const outcomes = await Promise.all([
      slow.fetch('debuginfo', 'aabb06'),
      slow.fetch('debuginfo', 'aabb07'),
    ]);
    expect(outcomes.map(({ kind }) => kind)).toEqual(['cancelled', 'cancelled']);
    expect(asked).toEqual(['/buildid/aabb06/debuginfo']);
    expect((await slow.fetch('debuginfo', 'aabb08')).kind).toBe('cancelled');
  });
});

describe('DebuginfodClient without its library', () => {
  it('says so, once and for all', async () => {
    using client = new DebuginfodClient({ worker: await bundledWorker('libnone.so.1') });
    const outcome = await client.fetch('debuginfo', 'aabb09');
    expect(outcome.kind).toBe('unavailable');
    expect(outcome.kind === 'unavailable' && outcome.reason).toContain('libnone.so.1');
    expect((await client.fetch('debuginfo', 'aabb0a')).kind).toBe('unavailable');
  });
});

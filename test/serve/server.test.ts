import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SERVE_PATHS } from '../../main/shared/ipc/serve-contract.ts';
import { ok } from '../../main/shared/result.ts';
import { messageOf, ServedPage, type Stream } from '../support/page-server.ts';

/** The protections of main/serve/README.md by their numbers; 8 and the root part of 9 need a browser and root. */
let page: ServedPage;
beforeAll(async () => {
  page = await ServedPage.start();
});
afterAll(async () => {
  await page[Symbol.asyncDispose]();
});

/** One path of each kind, with what the page's own request for it looks like. */
const KINDS = [
  ['a file of the page', '/index.html', 'GET'],
  ['session rows', '/data/1/delta?from=0', 'GET'],
  ['events', '/serve/events', 'GET'],
  ['a request to the engine', '/serve/call', 'POST'],
  ['a folder', '/serve/folder', 'POST'],
] as const;

describe('1. PageServer', () => {
  it('listens on 127.0.0.1 alone', async () => {
    const others = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ address, family }) => family === 'IPv4' && address !== '127.0.0.1')
      .map(({ address }) => address);
    // 127.0.0.2 is this machine too: a server that listens everywhere answers there.
    for (const address of ['127.0.0.2', '::1', ...others]) {
      await expect(page.ask('/', { address }), address).rejects.toThrow(
        /ECONNREFUSED|EADDRNOTAVAIL|ENETUNREACH/,
      );
    }
  });
});

describe('2. an exact Host', () => {
  it.each([
    'evil.example',
    'localhost',
    '127.0.0.1',
    'PORT.evil.example:PORT',
    '127.0.0.1.nip.io:PORT',
    'localhost:PORT',
    '127.0.0.1:1',
    '127.1:PORT',
    '127.0.0.1:PORT.',
    '[::ffff:127.0.0.1]:PORT',
    '',
  ])('is not %j', async (name) => {
    const host = name.replaceAll('PORT', String(page.server.port));
    for (const [, path, method] of KINDS) {
      expect((await page.ask(path, { method, headers: { host } })).status).toBe(421);
    }
  });
});

describe('3. a page of another origin', () => {
  it.each(KINDS)('gets nothing: %s', async (_what, path, method) => {
    const foreign: Record<string, string>[] = [
      { 'sec-fetch-site': 'cross-site' },
      // Another port of 127.0.0.1 is "same-site".
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:${page.server.port + 1}` },
      { origin: `https://${page.host}` },
      { origin: `http://${page.host}.evil.example` },
    ];
    for (const headers of foreign) {
      expect((await page.ask(path, { method, headers })).status, JSON.stringify(headers)).toBe(403);
    }
  });

  it('cannot hide behind an address that was typed, but for the page itself', async () => {
    const headers = { 'sec-fetch-site': 'none' };
    expect((await page.ask('/', { headers })).status).toBe(200);
    for (const [, path, method] of KINDS.slice(1)) {
      expect((await page.ask(path, { method, headers })).status).toBe(403);
    }
  });
});

describe('4. what acts', () => {
  it('is a POST, what reads a GET, and nothing else is answered', async () => {
    const headers = { origin: `http://${page.host}` };
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      expect((await page.ask(SERVE_PATHS.call, { method, headers })).status).toBe(405);
    }
    expect((await page.ask('/', { method: 'POST' })).status).toBe(405);
    expect((await page.ask('/data/1/delta', { method: 'POST' })).status).toBe(405);
  });

  it('needs an Origin, unlike what reads', async () => {
    const headers = { origin: null };
    expect((await page.ask(SERVE_PATHS.call, { method: 'POST', headers })).status).toBe(403);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=x', ''])(
    'is not sent as %j, which forms of other pages can send',
    async (type) => {
      const headers = { 'content-type': type };
      expect((await page.ask(SERVE_PATHS.call, { method: 'POST', headers })).status).toBe(415);
    },
  );

  it('is at most 1 MiB, said or not', async () => {
    const body = `"${'x'.repeat(2 ** 20)}"`;
    const sent = page.ask(SERVE_PATHS.call, { method: 'POST', body });
    // The server answers and hangs up; the sender may see either first.
    const status = await sent.then(
      (answer) => answer.status,
      (cause: unknown) => String(cause),
    );
    expect(String(status)).toMatch(/413|ECONNRESET|EPIPE/);
    const chunked = await page
      .ask(SERVE_PATHS.call, { method: 'POST', body, headers: { 'transfer-encoding': 'chunked' } })
      .then(
        (answer) => answer.status,
        (cause: unknown) => String(cause),
      );
    expect(String(chunked)).toMatch(/413|ECONNRESET|EPIPE/);
  });

  it.each(['', '{', '[]', 'null', '{"client":1}', '{"client":"1","request":{}}', '1e999'])(
    'is refused when it makes no sense: %j',
    async (body) => {
      const { status } = await page.ask(SERVE_PATHS.call, { method: 'POST', body });
      expect(status).toBe(400);
    },
  );

  it('comes from a page whose event stream is open', async () => {
    expect((await page.call(4711, 'app.info')).status).toBe(409);
    const stream = await page.connect();
    const answer = await page.call(stream.client, 'app.info');
    expect(messageOf(answer)).toEqual({ call: 1, result: ok('app.info') });
    stream[Symbol.dispose]();
    await expect.poll(async () => (await page.call(stream.client, 'app.info')).status).toBe(409);
  });

  it('comes from four pages at most: a browser has six connections for all of them', async () => {
    const other = await ServedPage.start();
    const streams: Stream[] = [];
    for (let k = 0; k < 4; k++) streams.push(await other.connect());
    const refusal = await other.ask('/serve/events');
    expect([refusal.status, refusal.body]).toEqual([503, expect.stringContaining('Close one')]);
    streams[0]?.[Symbol.dispose]();
    await expect
      .poll(async () => (await other.call(streams[0]?.client ?? 0, 'app.info')).status)
      .toBe(409);
    await other.connect();
    await other[Symbol.asyncDispose]();
  });

  it('does not come by another protocol', async () => {
    const socket = connect(page.server.port, '127.0.0.1');
    socket.write(
      `GET / HTTP/1.1\r\nHost: ${page.host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    let received = '';
    socket.on('data', (part) => (received += part.toString()));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(received).not.toContain('101');
  });
});

describe('5. the key', () => {
  it('is 256 bits, in the fragment, new every time, and not in the page', async () => {
    const other = await ServedPage.start();
    expect(Buffer.from(page.token, 'base64url')).toHaveLength(32);
    expect(other.token).not.toBe(page.token);
    expect(new URL(page.server.address).search).toBe('');
    expect((await page.ask('/')).body).not.toContain(page.token);
    await other[Symbol.asyncDispose]();
  });

  it.each(KINDS.slice(1))('is needed for %s', async (_what, path, method) => {
    const wrong = [
      null,
      '',
      'Bearer',
      'Bearer ',
      'Bearer x',
      `Basic ${page.token}`,
      page.token,
      `Bearer ${page.token}x`,
      `Bearer ${page.token.slice(0, -1)}`,
      `Bearer ${page.token} ${page.token}`,
      `Bearer ${'x'.repeat(5000)}`,
    ];
    for (const authorization of wrong) {
      const { status } = await page.ask(path, { method, headers: { authorization } });
      expect(status, String(authorization)).toBe(401);
    }
  });

  it('is not taken from the address or a cookie', async () => {
    const headers = { authorization: null, cookie: `token=${page.token}` };
    expect((await page.ask(`/data/1/delta?token=${page.token}`, { headers })).status).toBe(401);
  });
});

describe('6. cookies', () => {
  it('are never set', async () => {
    for (const [, path, method] of KINDS.filter(([, path]) => path !== '/serve/events')) {
      const { headers } = await page.ask(path, { method, body: method === 'POST' ? '{}' : '' });
      expect(headers['set-cookie']).toBeUndefined();
    }
  });
});

describe('7. files', () => {
  it.each([
    '/../../etc/passwd',
    '/..%2f..%2fetc/passwd',
    '/%2e%2e/server.js',
    '//etc/passwd',
    '/index.js.map',
    '/./index.html',
    '/index.html%00',
    '/constructor',
    '/__proto__',
    'http://evil.example/',
    '/data/1/other',
    '/data/-1/delta',
    '/serve/other',
    `/data/1/delta?from=${'0'.repeat(3000)}`,
  ])('are looked up in a list: %s is not there', async (path) => {
    expect((await page.ask(path)).status).toBe(404);
  });

  it('come with strict headers, and so does every refusal', async () => {
    const answers = [
      await page.ask('/'),
      await page.ask('/data/1/delta?from=0'),
      await page.ask('/nothing'),
      await page.ask('/', { headers: { host: 'evil.example' } }),
      await page.ask('/data/1/delta', { headers: { authorization: null } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 421, 401]);
    for (const { headers } of answers) {
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; .*frame-ancestors 'none'; require-trusted-types-for 'script'$/,
      );
      expect(headers['content-security-policy']).not.toMatch(/unsafe|http|\*/);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'no-store',
      });
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });
});

describe('9. a page that does not read', () => {
  it('is let go, and others stay', async () => {
    const other = await ServedPage.start();
    const reading = await other.connect();
    const idle = connect(other.server.port, '127.0.0.1');
    idle.write(
      `GET /serve/events HTTP/1.1\r\nHost: ${other.host}\r\nAuthorization: Bearer ${other.token}\r\n\r\n`,
    );
    await new Promise((resolve) => idle.once('data', resolve));
    idle.pause();
    const lost = new Promise((resolve) => idle.once('close', resolve));
    const event = {
      ...{ event: 'capture-ended', reason: 'failed', session: null },
      error: { kind: 'internal-error', detail: 'x'.repeat(2 ** 20) },
    };
    for (let k = 0; k < 24; k++) {
      other.server.emit(event as never);
      await reading.next();
    }
    idle.resume();
    await lost;
    expect(other.server.dropped).toBe(1);
    expect((await other.call(reading.client, 'app.info')).status).toBe(200);
    await other[Symbol.asyncDispose]();
  });
});

describe('PageServer', () => {
  it('tells of every refusal', async () => {
    const other = await ServedPage.start();
    await other.ask('/', { headers: { host: 'evil.example' } });
    await other.ask('/data/1/delta', { headers: { authorization: null } });
    expect(other.refused).toEqual([421, 401]);
    await other[Symbol.asyncDispose]();
  });

  it('says when the port is taken', async () => {
    await expect(ServedPage.start({ port: page.server.port })).rejects.toThrow(/EADDRINUSE/);
  });

  it('says on standard error why a request failed, and nothing that a terminal would act on', async () => {
    const fails = () => Promise.reject(new Error('no\x1b[2J\u202e'));
    const handle = () => Promise.reject(new Error('not asked'));
    await using other = await ServedPage.start({ engine: { handle, deltaBytes: fails } });
    const complaint = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    expect((await other.ask('/data/1/delta?from=0')).status).toBe(500);
    const said = String(complaint.mock.calls[0]?.[0]);
    complaint.mockRestore();
    expect(said).toBe(`A request failed: Error: no${String.raw`\x1b[2J\u202e`}\n`);
  });

  it('gives the rows of a session, or says why not', async () => {
    expect((await page.ask('/data/1/delta?from=0')).body).toBe('\x07\x08');
    const missing = await page.ask('/data/2/delta?from=0');
    expect([missing.status, JSON.parse(missing.body)]).toEqual([
      404,
      { kind: 'session-not-open', id: 2 },
    ]);
  });

  it('tells a new page what to show: the file it was started with, then the latest recording', async () => {
    const other = await ServedPage.start({ open: '/a.ember' });
    const first = await other.connect();
    expect(first.hello).toMatchObject({ type: 'hello', open: '/a.ember' });
    await other.call(first.client, 'capture.start', { path: '/recordings/9' });
    expect((await other.connect()).hello).toMatchObject({ open: '/recordings/9' });
    await other[Symbol.asyncDispose]();
  });

  it('hands every event to every page', async () => {
    const [one, two] = [await page.connect(), await page.connect()];
    page.server.emit({ event: 'capture-progress' } as never);
    for (const stream of [one, two]) {
      expect(await stream.next()).toEqual({
        type: 'message',
        message: { event: 'capture-progress' },
      });
      stream[Symbol.dispose]();
    }
  });

  it('closes a session when the last page that shows it goes', async () => {
    const other = await ServedPage.start();
    const [one, two] = [await other.connect(), await other.connect()];
    await other.call(one.client, 'session.open', { path: '/5' });
    await other.call(two.client, 'session.open', { path: '/5' });
    await other.call(one.client, 'session.close', { id: 5 });
    expect(other.asked.filter(([channel]) => channel === 'session.close')).toEqual([]);
    two[Symbol.dispose]();
    await expect
      .poll(() => other.asked.filter(([channel]) => channel === 'session.close'))
      .toEqual([['session.close', { id: 5 }]]);
    await other[Symbol.asyncDispose]();
  });
});

describe('folders', () => {
  const folder = (path: unknown) =>
    page.ask(SERVE_PATHS.folder, { method: 'POST', body: JSON.stringify({ path }) });

  it.each(['relative', '', 7, null, '/a\0b', `/${'x'.repeat(5000)}`])(
    'are not %j',
    async (path) => {
      expect((await folder(path)).status).toBe(400);
    },
  );

  it('are listed, or it is said why not', async () => {
    const listed = JSON.parse((await folder('/usr/../usr')).body) as object;
    expect(listed).toMatchObject({ ok: true, value: { path: '/usr', parent: '/' } });
    const missing = JSON.parse((await folder('/nowhere')).body) as object;
    expect(missing).toMatchObject({ ok: false, error: expect.stringContaining('ENOENT') });
  });
});

import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import { protocol } from 'electron';
import type { ProfilerError } from '#shared/errors.ts';
import type { Result } from '#shared/result.ts';

/** Asks the engine for the rows of a session since a cursor. */
export type DeltaSource = (
  sessionId: number,
  from: string,
) => Promise<Result<Uint8Array, ProfilerError>>;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "worker-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** `app:` gets an origin of its own and counts as secure. Must run before the app is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme: 'app',
      privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true },
    },
  ]);
}

/** Serves app://bundle/: the files below `folder` as they are now, and session data. */
export function serveApp(folder: string, delta: DeltaSource): void {
  const files = listFiles(folder);
  protocol.handle('app', async (request) => {
    const url = new URL(request.url);
    if (url.host !== 'bundle' || request.method !== 'GET') return notFound();
    const data = /^\/data\/(\d{1,9})\/delta$/.exec(url.pathname);
    if (data !== null) {
      return deltaResponse(await delta(Number(data[1]), url.searchParams.get('from') ?? ''));
    }
    const path = files.get(url.pathname);
    return path === undefined ? notFound() : fileResponse(path);
  });
}

/** URL path → file. A request only looks up this list: it never becomes part of a path. */
function listFiles(folder: string): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !(extname(entry.name) in CONTENT_TYPES)) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(`/${relative(folder, path)}`, path);
  }
  return files;
}

async function fileResponse(path: string): Promise<Response> {
  const type = CONTENT_TYPES[extname(path)] ?? 'application/octet-stream';
  return new Response(await readFile(path), { headers: { ...HEADERS, 'content-type': type } });
}

function deltaResponse(delta: Result<Uint8Array, ProfilerError>): Response {
  if (delta.ok) {
    return new Response(delta.value as Uint8Array<ArrayBuffer>, {
      headers: { ...HEADERS, 'content-type': 'application/octet-stream' },
    });
  }
  return new Response(JSON.stringify(delta.error), {
    status: delta.error.kind === 'session-not-open' ? 404 : 500,
    headers: { ...HEADERS, 'content-type': 'application/json' },
  });
}

const notFound = (): Response => new Response('Not found', { status: 404, headers: HEADERS });

import { readFile } from 'node:fs/promises';
import { protocol } from 'electron';
import type { ProfilerError } from '#shared/errors.ts';
import { PAGE_HEADERS } from '#shared/ipc/page-headers.ts';
import type { Result } from '#shared/result.ts';
import { listPageFiles, type PageFile } from '../serve/page/page-files.ts';

/** Asks the engine for the rows of a session since a cursor. */
export type DeltaSource = (
  sessionId: number,
  from: string,
) => Promise<Result<Uint8Array, ProfilerError>>;

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
  const files = listPageFiles(folder);
  protocol.handle('app', async (request) => {
    const url = new URL(request.url);
    if (url.host !== 'bundle' || request.method !== 'GET') return notFound();
    const data = /^\/data\/(\d{1,9})\/delta$/.exec(url.pathname);
    if (data !== null) {
      return deltaResponse(await delta(Number(data[1]), url.searchParams.get('from') ?? ''));
    }
    const file = files.get(url.pathname);
    return file === undefined ? notFound() : fileResponse(file);
  });
}

async function fileResponse({ path, type }: PageFile): Promise<Response> {
  return new Response(await readFile(path), { headers: { ...PAGE_HEADERS, 'content-type': type } });
}

function deltaResponse(delta: Result<Uint8Array, ProfilerError>): Response {
  if (delta.ok) {
    return new Response(delta.value as Uint8Array<ArrayBuffer>, {
      headers: { ...PAGE_HEADERS, 'content-type': 'application/octet-stream' },
    });
  }
  return new Response(JSON.stringify(delta.error), {
    status: delta.error.kind === 'session-not-open' ? 404 : 500,
    headers: { ...PAGE_HEADERS, 'content-type': 'application/json' },
  });
}

const notFound = (): Response => new Response('Not found', { status: 404, headers: PAGE_HEADERS });

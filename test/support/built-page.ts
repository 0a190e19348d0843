import { existsSync, mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './desktop.ts';

/** As main/app/protocol.ts sends it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; worker-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.woff2': 'font/woff2',
};

/** What a page is built from: files from the checkout's root. */
export interface PageParts {
  /** Name of each script on the page, without .js, and its file. */
  readonly scripts: Readonly<Record<string, string>>;
  readonly style: string;
}

export interface PageAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array | string;
}

/** A page built as the app's is, served as the app serves it: a folder of its own on a port of its own. */
export class BuiltPage implements AsyncDisposable {
  private readonly folder: string;
  private readonly server: Server;

  private constructor(folder: string, server: Server) {
    this.folder = folder;
    this.server = server;
  }

  /** `answer`: what is served beside the built files; null: nothing is at that address. */
  static async start(
    parts: PageParts,
    answer: (url: URL) => PageAnswer | null = () => null,
  ): Promise<BuiltPage> {
    const folder = mkdtempSync(join(tmpdir(), 'emberscope-page-'));
    await bundle(folder, parts);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    server.on('request', (request, response) => {
      const url = new URL(request.url ?? '/', 'http://localhost');
      void Promise.resolve(answer(url) ?? fileOf(folder, url)).then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type, 'content-security-policy': POLICY });
        response.end(body);
      });
    });
    return new BuiltPage(folder, server);
  }

  get address(): string {
    const address = this.server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    return `http://127.0.0.1:${port}/index.html`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function fileOf(folder: string, { pathname }: URL): Promise<PageAnswer> {
  const type = TYPES[extname(pathname)];
  if (type === undefined || !existsSync(join(folder, pathname))) {
    return { status: 404, type: 'text/plain', body: 'not found' };
  }
  return { status: 200, type, body: await readFile(join(folder, pathname)) };
}

async function bundle(outdir: string, { scripts, style }: PageParts): Promise<void> {
  const common = { bundle: true, outdir, logLevel: 'error', write: true } as const;
  const entryPoints = Object.fromEntries(
    Object.entries(scripts).map(([name, file]) => [name, join(ROOT, file)]),
  );
  await build({ ...common, format: 'esm', target: 'es2023', entryPoints });
  await build({
    ...common,
    entryPoints: { app: join(ROOT, style), index: join(ROOT, 'renderer/index.html') },
    loader: { '.woff2': 'file', '.html': 'copy' },
  });
}

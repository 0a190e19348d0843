import { readdirSync } from 'node:fs';
import { extname, join, relative } from 'node:path';

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** A file of the page. */
export interface PageFile {
  readonly path: string;
  /** For the Content-Type header. */
  readonly type: string;
}

/**
 * URL path → file, of what lies below `folder` now. A request only looks up this list: it never becomes part
 * of a path. Other kinds of files, such as source maps, are not served.
 */
export function listPageFiles(folder: string): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const type = CONTENT_TYPES[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(`/${relative(folder, path)}`, { path, type });
  }
  return files;
}

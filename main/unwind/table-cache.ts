import { err, ok, type Result } from '#shared/result.ts';
import {
  type FolderEntry,
  type FolderProblem,
  PART_SUFFIX,
  PrivateFolder,
} from './private-folder.ts';
import { decodeUnwindTable, encodeUnwindTable } from './table-codec.ts';
import type { UnwindTable } from './unwind-table.ts';

/** What a cache did since it was opened. */
export interface TableCacheCounts {
  hits: number;
  misses: number;
  /** Files that were no table of this version, removed. */
  damaged: number;
  written: number;
  /** Files removed to stay within the size, the least recently used first. */
  evicted: number;
  /** Reads and writes that the system refused. */
  failed: number;
}

/** Why a table was not kept. */
export type TableCacheProblem =
  | FolderProblem
  /** No build id, or nothing that could be one: there is no key. */
  | { readonly kind: 'no-build-id' }
  /** Larger than the whole cache may be. */
  | { readonly kind: 'too-large'; readonly bytes: number };

const DEFAULT_MAX_BYTES = 256 * 2 ** 20;
const SUFFIX = '.unwind';
/** Lower-case hex of 1 to 64 bytes. */
const BUILD_ID = /^(?:[0-9a-f]{2}){1,64}$/;
/** A part older than this, ms, belongs to no writer any more. */
const STALE_PART_MS = 3_600_000;

/** Unwind tables on the disk, by build id, so that an image is read once and not once per recording. */
export class UnwindTableCache implements Disposable {
  readonly counts: TableCacheCounts = {
    ...{ hits: 0, misses: 0, damaged: 0, written: 0, evicted: 0, failed: 0 },
  };
  private readonly folder: PrivateFolder;
  private readonly maxBytes: number;
  /** Bytes in the folder, as far as this process knows. */
  private bytes = 0;

  private constructor(folder: PrivateFolder, maxBytes: number) {
    this.folder = folder;
    this.maxBytes = maxBytes;
  }

  /** Opens the cache in a folder of its own, which is made if need be and must belong to this user. */
  static open(
    path: string,
    maxBytes: number = DEFAULT_MAX_BYTES,
  ): Result<UnwindTableCache, FolderProblem> {
    const folder = PrivateFolder.open(path);
    if (!folder.ok) return folder;
    const cache = new UnwindTableCache(folder.value, maxBytes);
    cache.shrink();
    return ok(cache);
  }

  /** The table of the image with that build id; null: not here, or not readable (see `counts`). */
  read(buildId: string): UnwindTable | null {
    if (!BUILD_ID.test(buildId)) return null;
    const name = `${buildId}${SUFFIX}`;
    const bytes = this.folder.read(name, this.maxBytes);
    if (!bytes.ok || bytes.value === null) {
      if (bytes.ok) this.counts.misses++;
      else this.counts.failed++;
      return null;
    }
    const stored = decodeUnwindTable(bytes.value);
    if (stored.ok && stored.value.buildId === buildId) {
      this.counts.hits++;
      return stored.value.table;
    }
    this.counts.damaged++;
    this.forget({ name, size: bytes.value.length });
    return null;
  }

  /** Keeps a table; the error says why it was not kept, which only costs time later. */
  write(buildId: string, table: UnwindTable): Result<null, TableCacheProblem> {
    if (!BUILD_ID.test(buildId)) return err({ kind: 'no-build-id' });
    const bytes = encodeUnwindTable({ buildId, table });
    if (bytes.length > this.maxBytes) return err({ kind: 'too-large', bytes: bytes.length });
    const written = this.folder.write(`${buildId}${SUFFIX}`, bytes);
    if (!written.ok) {
      this.counts.failed++;
      return written;
    }
    this.counts.written++;
    this.bytes += bytes.length;
    if (this.bytes > this.maxBytes) this.shrink();
    return ok(null);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }

  /** Looks at what is there, other processes' files included, and removes what is too much. */
  private shrink(): void {
    const listed = this.folder.list();
    if (!listed.ok) {
      this.counts.failed++;
      return;
    }
    const oldestPart = Date.now() - STALE_PART_MS;
    const tables: FolderEntry[] = [];
    this.bytes = 0;
    for (const entry of listed.value) {
      if (entry.name.endsWith(SUFFIX)) tables.push(entry);
      else if (entry.name.endsWith(PART_SUFFIX) && entry.usedMs < oldestPart) this.forget(entry);
    }
    for (const { size } of tables) this.bytes += size;
    tables.sort((a, b) => a.usedMs - b.usedMs || (a.name < b.name ? -1 : 1));
    for (const entry of tables) {
      if (this.bytes <= this.maxBytes) return;
      if (this.forget(entry)) this.counts.evicted++;
    }
  }

  /** Removes a file; false: the system refused. */
  private forget(entry: { readonly name: string; readonly size: number }): boolean {
    const removed = this.folder.remove(entry.name);
    if (!removed.ok) {
      this.counts.failed++;
      return false;
    }
    if (entry.name.endsWith(SUFFIX)) this.bytes -= entry.size;
    return true;
  }
}

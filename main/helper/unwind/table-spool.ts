import { closeSync, constants, existsSync, openSync, writeSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { PrivateFolder } from '../../unwind/private-folder.ts';
import { UnwindTableCache } from '../../unwind/table-cache.ts';
import { decodeUnwindTable, encodeUnwindTable } from '../../unwind/table-codec.ts';
import type { UnwindTable } from '../../unwind/unwind-table.ts';

/**
 * How tables get into the cache: the capture stage may not create files, so the open stage leaves it one
 * open file, the spool, and the open stage of a later recording sorts what it holds into the cache.
 *
 * A spool: u32 bytes (little endian), then a table as table-codec.ts writes it; and so on. What comes
 * after the first damage is not read. It is named after the process that writes it.
 */
const SUFFIX = '.spool';
const LENGTH_BYTES = 4;
/** Written to one spool, bytes, and read of one. */
const MAX_SPOOL_BYTES = 64 << 20;
/** Recordings do not wait longer than this for the sorting, ms; the rest is sorted next time. */
const SORT_LIMIT_MS = 500;

/** Where the capture stage finds tables, and where it leaves new ones. */
export interface TablePlace {
  /** The cache's folder. */
  readonly folder: string;
  /** The spool, open for writing; -1: new tables are not kept. */
  readonly spoolFd: number;
}

/** The cache's folder: by who we are, never by what the environment says. */
export function cacheFolder(): string {
  const { uid, homedir } = userInfo();
  return uid === 0 ? '/var/cache/emberscope/unwind' : join(homedir, '.cache/emberscope/unwind');
}

/** Sorts finished spools into the cache in `folder` and opens a new one. For the open stage. */
export function openTablePlace(folder: string): TablePlace {
  const opened = PrivateFolder.open(folder);
  if (!opened.ok) return { folder, spoolFd: -1 };
  using place = opened.value;
  sortSpools(place);
  // Whose pid is ours now is gone.
  place.remove(`${process.pid}${SUFFIX}`);
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  try {
    const path = join(folder, `${process.pid}${SUFFIX}`);
    return { folder, spoolFd: openSync(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600) };
  } catch (error) {
    if (error instanceof Error && 'code' in error) return { folder, spoolFd: -1 };
    throw error;
  }
}

function sortSpools(place: PrivateFolder): void {
  const listed = place.list();
  const spools = listed.ok ? listed.value.filter(({ name }) => isFinished(name)) : [];
  if (spools.length === 0) return;
  const cache = UnwindTableCache.open(place.path);
  if (!cache.ok) return;
  using target = cache.value;
  const deadline = performance.now() + SORT_LIMIT_MS;
  for (const { name } of spools) {
    if (performance.now() > deadline) return;
    const bytes = place.read(name, MAX_SPOOL_BYTES);
    for (const { buildId, table } of tablesIn(bytes.ok ? bytes.value : null)) {
      target.write(buildId, table);
    }
    place.remove(name);
  }
}

/** A spool whose writer has ended: no process has its pid, or we have it. */
function isFinished(name: string): boolean {
  const pid = /^(\d{1,10})\.spool$/.exec(name)?.[1];
  return pid !== undefined && (Number(pid) === process.pid || !existsSync(`/proc/${pid}`));
}

/** The whole tables at the start of a spool. */
export function* tablesIn(
  spool: Uint8Array | null,
): Generator<{ readonly buildId: string; readonly table: UnwindTable }> {
  if (spool === null) return;
  const view = new DataView(spool.buffer, spool.byteOffset, spool.byteLength);
  for (let at = 0; at + LENGTH_BYTES <= spool.length; ) {
    const end = at + LENGTH_BYTES + view.getUint32(at, true);
    if (end > spool.length) return;
    const stored = decodeUnwindTable(spool.subarray(at + LENGTH_BYTES, end));
    if (!stored.ok) return;
    yield stored.value;
    at = end;
  }
}

/** The cache as the capture stage has it: reads tables from the folder, leaves new ones in the spool. */
export class SpooledTables {
  readonly #cache: UnwindTableCache | null;
  #spoolFd: number;
  #written = 0;

  constructor({ folder, spoolFd }: TablePlace) {
    const cache = UnwindTableCache.open(folder);
    this.#cache = cache.ok ? cache.value : null;
    this.#spoolFd = spoolFd;
  }

  read(buildId: string): UnwindTable | null {
    return this.#cache?.read(buildId) ?? null;
  }

  /** What cannot be kept is read from its image again next time. */
  write(buildId: string, table: UnwindTable): void {
    if (this.#spoolFd < 0) return;
    const bytes = encodeUnwindTable({ buildId, table });
    const record = Buffer.allocUnsafe(LENGTH_BYTES + bytes.length);
    record.writeUInt32LE(bytes.length);
    record.set(bytes, LENGTH_BYTES);
    this.#written += record.length;
    if (this.#written > MAX_SPOOL_BYTES || !writeWhole(this.#spoolFd, record)) this.#giveUp();
  }

  /** A record that is cut short ends what the next recording reads. */
  #giveUp(): void {
    closeSync(this.#spoolFd);
    this.#spoolFd = -1;
  }
}

/** false: no room on the disk, or not all of it. */
function writeWhole(fd: number, bytes: Uint8Array): boolean {
  try {
    return writeSync(fd, bytes) === bytes.length;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return false;
    throw error;
  }
}

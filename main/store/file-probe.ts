import { constants } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ProfilerError } from '#shared/errors.ts';
import { isOpenHere } from './connection.ts';
import { APPLICATION_ID, FORMAT_VERSION } from './schema.ts';
import { failureCode } from './store-failure.ts';

/** What the first bytes of a file say, without SQLite and without touching it. */
export interface FileProbe {
  /** Something lies beside it that SQLite must work in: -wal or -journal. */
  readonly unsettled: boolean;
  /** SQLite's user_version; null: not read, because this process has the file open. */
  readonly version: number | null;
  /** The header's write format is WAL. */
  readonly wal: boolean;
}

const HEADER_BYTES = 100;
const MAGIC = Buffer.from('SQLite format 3\0', 'latin1');

/** First bytes of files that people take for sessions. */
const KNOWN_FILES: readonly (readonly [magic: string, name: string])[] = [
  ['PERFILE2', 'a perf.data file'],
  ['\x1f\x8b', 'a gzip file'],
  ['\x7fELF', 'an ELF file'],
  ['{', 'a JSON file'],
  ['PK', 'a zip file'],
  ['\x28\xb5\x2f\xfd', 'a zstd file'],
];

/** Looks at the file; an error when it is no session that this version can read. */
export async function probeFile(path: string): Promise<FileProbe | ProfilerError> {
  const facts = await stat(path);
  if (!facts.isFile()) return { kind: 'file-unreadable', path, reason: 'not a regular file' };
  await access(path, constants.R_OK);
  const unsettled = (await exists(`${path}-wal`)) || (await exists(`${path}-journal`));
  // Its writer may be in this process (it always has a -wal): see isOpenHere.
  if (unsettled && isOpenHere(path)) return { unsettled, version: null, wal: true };
  const header = await readHeader(path);
  return judgeHeader(header, { path, size: facts.size, unsettled });
}

interface FileFacts {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly unsettled: boolean;
}

/** SQLite's file format, https://www.sqlite.org/fileformat2.html section 1.3; big endian. */
function judgeHeader(header: Buffer, facts: FileFacts): FileProbe | ProfilerError {
  const { path, size, unsettled } = facts;
  const magic = header.subarray(0, MAGIC.length);
  if (header.length === 0 || !magic.equals(MAGIC.subarray(0, magic.length))) {
    return { kind: 'not-a-session', path, found: describe(header) };
  }
  const damaged = (reason: string): ProfilerError => ({ kind: 'session-damaged', path, reason });
  if (header.length < HEADER_BYTES) return damaged(`it is cut off after ${size} bytes`);
  const applicationId = header.readUInt32BE(68);
  if (applicationId !== APPLICATION_ID) {
    const id = applicationId.toString(16).padStart(8, '0');
    const found = `an SQLite database of another program (application id 0x${id})`;
    return { kind: 'not-a-session', path, found };
  }
  const version = header.readUInt32BE(60);
  if (version > FORMAT_VERSION) {
    return { kind: 'session-too-new', path, found: version, supported: FORMAT_VERSION };
  }
  const pageField = header.readUInt16BE(16);
  const pageBytes = pageField === 1 ? 65_536 : pageField;
  const expected = pageBytes * header.readUInt32BE(28);
  // With a -wal the end of the file may still be in there; SQLite itself judges then.
  if (!unsettled && size < expected) {
    return damaged(`it is cut off: ${size} of ${expected} bytes are there`);
  }
  return { unsettled, version, wal: header[18] === 2 };
}

async function readHeader(path: string): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await handle.read(buffer, 0, HEADER_BYTES, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

function describe(header: Buffer): string {
  if (header.length === 0) return 'an empty file';
  const start = header.toString('latin1');
  const known = KNOWN_FILES.find(([magic]) => start.startsWith(magic));
  if (known !== undefined) return known[1];
  const isText = header.every((byte) => byte >= 32 || byte === 9 || byte === 10 || byte === 13);
  return isText ? 'a text file' : 'a binary file of an unknown kind';
}

async function exists(path: string): Promise<boolean> {
  return (await allowed(path, constants.F_OK)) === true;
}

/** Whether access(2) grants `mode`; null when that cannot be found out. */
async function allowed(path: string, mode: number): Promise<boolean | null> {
  try {
    await access(path, mode);
    return true;
  } catch (thrown) {
    const code = failureCode(thrown);
    if (code === null) throw thrown;
    return code === 'EIO' ? null : false;
  }
}

/** Whether SQLite could write the file and create files beside it. */
export async function isWritable(path: string): Promise<boolean> {
  const file = await allowed(path, constants.W_OK);
  const folder = await allowed(dirname(path), constants.W_OK | constants.X_OK);
  return file === true && folder === true;
}

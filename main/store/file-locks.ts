import { readFile, stat } from 'node:fs/promises';

/** First of the bytes SQLite locks: PENDING_BYTE of its file format, 1 GiB into the file. */
const SQLITE_LOCK_START = 0x4000_0000;
const SQLITE_LOCK_END = SQLITE_LOCK_START + 512;

/**
 * Whether any process, this one too, holds an SQLite lock on the file, from /proc/locks (Linux).
 *
 * A hint for files that cannot be locked from here. Only inodes are compared: the device number in
 * /proc/locks differs from stat(2)'s on btrfs and overlayfs. False also when /proc cannot be read.
 */
export async function isHeld(path: string): Promise<boolean> {
  try {
    const { ino } = await stat(path);
    return locksName(await readFile('/proc/locks', 'utf8'), ino);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown) return false;
    throw thrown;
  }
}

/** Reads lines such as "1: POSIX  ADVISORY  READ 4711 fe:00:1234 1073741826 1073742335". */
export function locksName(text: string, inode: number): boolean {
  for (const line of text.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const [, kind, , , , where, start] = fields;
    if ((kind !== 'POSIX' && kind !== 'OFDLCK') || where?.split(':')[2] !== String(inode)) continue;
    const from = Number(start);
    if (from >= SQLITE_LOCK_START && from <= SQLITE_LOCK_END) return true;
  }
  return false;
}

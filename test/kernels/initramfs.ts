import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** File types in a mode, inode(7). */
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFLNK = 0o120000;
const S_IFCHR = 0o020000;

/** One entry of the archive. */
interface Entry {
  readonly mode: number;
  readonly content: Buffer;
  /** Major and minor number of a device. */
  readonly device: readonly [number, number];
}

const NO_DEVICE = [0, 0] as const;

/**
 * The first root file system of a guest, as a cpio archive in "newc" format (kernel:
 * Documentation/driver-api/early-userspace/buffer-format.rst). Not compressed: an emulated CPU would
 * need longer to unpack it than QEMU needs to load it.
 */
export class Initramfs {
  readonly #entries = new Map<string, Entry>();

  addFolder(path: string): this {
    if (path === '/' || this.#entries.has(path)) return this;
    this.addFolder(dirname(path));
    this.#entries.set(path, { mode: S_IFDIR | 0o755, content: Buffer.alloc(0), device: NO_DEVICE });
    return this;
  }

  addFile(path: string, content: Buffer | string, permissions = 0o644): this {
    this.addFolder(dirname(path));
    const bytes = Buffer.from(content);
    this.#entries.set(path, { mode: S_IFREG | permissions, content: bytes, device: NO_DEVICE });
    return this;
  }

  addLink(path: string, target: string): this {
    this.addFolder(dirname(path));
    const content = Buffer.from(target);
    this.#entries.set(path, { mode: S_IFLNK | 0o777, content, device: NO_DEVICE });
    return this;
  }

  addCharacterDevice(path: string, major: number, minor: number): this {
    this.addFolder(dirname(path));
    const content = Buffer.alloc(0);
    this.#entries.set(path, { mode: S_IFCHR | 0o600, content, device: [major, minor] });
    return this;
  }

  /** A file of this machine, what its links lead to, under the same or another path. */
  copyFile(source: string, path = source): this {
    return this.addFile(path, readFileSync(source), statSync(source).mode & 0o777);
  }

  /** Files below a folder of this machine for which `wanted` is true of the path inside it. */
  copyFolder(source: string, path: string, wanted: (inside: string) => boolean): this {
    this.addFolder(path);
    for (const entry of readdirSync(source, { recursive: true, withFileTypes: true })) {
      const from = join(entry.parentPath, entry.name);
      const inside = from.slice(source.length + 1);
      if (!wanted(inside)) continue;
      if (entry.isFile()) this.copyFile(from, join(path, inside));
      if (entry.isSymbolicLink()) this.addLink(join(path, inside), readlinkSync(from));
    }
    return this;
  }

  /** A program or library with every library that the dynamic loader would give it here. */
  copyProgram(source: string, path = source): this {
    this.copyFile(realpathSync(source), path);
    for (const library of librariesOf(source)) {
      if (!this.#entries.has(library)) this.copyFile(library);
    }
    return this;
  }

  /** The archive, bytes. */
  toBuffer(): Buffer {
    const parts: Buffer[] = [];
    let inode = 1;
    for (const [path, entry] of this.#entries) parts.push(...member(path.slice(1), entry, inode++));
    parts.push(
      ...member('TRAILER!!!', { mode: 0, content: Buffer.alloc(0), device: NO_DEVICE }, 0),
    );
    return Buffer.concat(parts);
  }
}

/** Header, name and content of one member, each padded to 4 bytes. */
function member(name: string, { mode, content, device }: Entry, inode: number): Buffer[] {
  const nameBytes = Buffer.from(`${name}\0`);
  const numbers = [
    ...[inode, mode, 0, 0, 1, 0, content.length, 0, 0],
    ...[...device, nameBytes.length, 0],
  ];
  const head = `070701${numbers.map((value) => value.toString(16).padStart(8, '0')).join('')}`;
  return [padded(Buffer.concat([Buffer.from(head), nameBytes])), padded(content)];
}

const padded = (bytes: Buffer): Buffer =>
  bytes.length % 4 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - (bytes.length % 4))]);

/** Absolute paths of the libraries, and the loader itself; empty for a static program. */
function librariesOf(path: string): string[] {
  let listed = '';
  try {
    listed = execFileSync('ldd', [path], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    if (String(error).includes('not a dynamic executable')) return [];
    throw error;
  }
  return [...listed.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, library]) => library!);
}

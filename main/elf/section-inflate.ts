import { promisify } from 'node:util';
import * as zlib from 'node:zlib';

const inflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflate);

/** ELFCOMPRESS_ZLIB and ELFCOMPRESS_ZSTD (gABI, "Section Compression"). */
const ELFCOMPRESS_ZLIB = 1;
const ELFCOMPRESS_ZSTD = 2;
/** Largest unpacked section, bytes. A hostile file reaches it with a thousandth of it. */
const MAX_UNPACKED_BYTES = 256 << 20;

/** zlib.zstdDecompressSync came with Node 22.15. */
type Unpack = (packed: Uint8Array, options: { maxOutputLength: number }) => Buffer;

/** What a compressed section says of itself. */
interface Packed {
  readonly method: number;
  readonly data: Buffer;
  /** Unpacked. */
  readonly bytes: number;
}

/** The content of a section with SHF_COMPRESSED; null: damaged, too large, or a method this Node lacks. */
export function inflateSection(packed: Buffer, is64: boolean): Buffer | null {
  return unpack(readHeader(packed, is64));
}

/** inflateSection() on a thread of the runtime, where it can (zlib). */
export async function inflateSectionLater(packed: Buffer, is64: boolean): Promise<Buffer | null> {
  const read = readHeader(packed, is64);
  if (read === null || read.bytes > MAX_UNPACKED_BYTES) return null;
  if (read.method !== ELFCOMPRESS_ZLIB) return unpack(read);
  const { data, bytes } = read;
  try {
    const unpacked = await inflate(data, { maxOutputLength: Math.max(1, bytes) });
    return unpacked.length === bytes ? unpacked : null;
  } catch {
    return null; // As in unpack().
  }
}

/** What a section with SHF_COMPRESSED unpacks to, bytes, by the first ones of it; 0: it does not say. */
export const unpackedBytesOf = (start: Buffer, is64: boolean): number =>
  readHeader(start, is64)?.bytes ?? 0;

function readHeader(packed: Buffer, is64: boolean): Packed | null {
  const headerBytes = is64 ? 24 : 12;
  if (packed.length < headerBytes) return null;
  // Elf64_Chdr: u32 type, u32 reserved, u64 size, u64 alignment. Elf32_Chdr: three u32.
  const low = packed.readUInt32LE(is64 ? 8 : 4);
  const bytes = is64 ? low + packed.readUInt32LE(12) * 2 ** 32 : low;
  return { method: packed.readUInt32LE(0), data: packed.subarray(headerBytes), bytes };
}

/** The content of a .zdebug_* section, as binutils wrote them before gABI had compression: "ZLIB", u64 size (big endian). */
export function inflateOldSection(packed: Buffer): Buffer | null {
  if (packed.length < 12 || packed.toString('latin1', 0, 4) !== 'ZLIB') return null;
  const bytes = packed.readUInt32BE(4) * 2 ** 32 + packed.readUInt32BE(8);
  return unpack({ method: ELFCOMPRESS_ZLIB, data: packed.subarray(12), bytes });
}

function unpack(packed: Packed | null): Buffer | null {
  const run = packed === null ? null : unpackerOf(packed.method);
  if (packed === null || run === null || packed.bytes > MAX_UNPACKED_BYTES) return null;
  const { data, bytes } = packed;
  try {
    const unpacked = run(data, { maxOutputLength: Math.max(1, bytes) });
    return unpacked.length === bytes ? unpacked : null;
  } catch {
    // Damaged or larger than it says: zlib has no other way to tell.
    return null;
  }
}

function unpackerOf(method: number): Unpack | null {
  if (method === ELFCOMPRESS_ZLIB) return zlib.inflateSync;
  if (method !== ELFCOMPRESS_ZSTD || !('zstdDecompressSync' in zlib)) return null;
  return zlib.zstdDecompressSync as Unpack;
}

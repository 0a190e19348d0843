import * as zlib from 'node:zlib';

/** ELFCOMPRESS_ZLIB and ELFCOMPRESS_ZSTD (gABI, "Section Compression"). */
const ELFCOMPRESS_ZLIB = 1;
const ELFCOMPRESS_ZSTD = 2;
/** Largest unpacked section, bytes. A hostile file reaches it with a thousandth of it. */
const MAX_UNPACKED_BYTES = 256 << 20;

/** zlib.zstdDecompressSync came with Node 22.15. */
type Unpack = (packed: Uint8Array, options: { maxOutputLength: number }) => Buffer;

/** The content of a section with SHF_COMPRESSED; null: damaged, too large, or a method this Node lacks. */
export function inflateSection(packed: Buffer, is64: boolean): Buffer | null {
  const headerBytes = is64 ? 24 : 12;
  if (packed.length < headerBytes) return null;
  // Elf64_Chdr: u32 type, u32 reserved, u64 size, u64 alignment. Elf32_Chdr: three u32.
  const low = packed.readUInt32LE(is64 ? 8 : 4);
  const bytes = is64 ? low + packed.readUInt32LE(12) * 2 ** 32 : low;
  return unpack(packed.readUInt32LE(0), packed.subarray(headerBytes), bytes);
}

/** The content of a .zdebug_* section, as binutils wrote them before gABI had compression: "ZLIB", u64 size (big endian). */
export function inflateOldSection(packed: Buffer): Buffer | null {
  if (packed.length < 12 || packed.toString('latin1', 0, 4) !== 'ZLIB') return null;
  const bytes = packed.readUInt32BE(4) * 2 ** 32 + packed.readUInt32BE(8);
  return unpack(ELFCOMPRESS_ZLIB, packed.subarray(12), bytes);
}

function unpack(method: number, packed: Buffer, bytes: number): Buffer | null {
  const run = unpackerOf(method);
  if (run === null || bytes > MAX_UNPACKED_BYTES) return null;
  try {
    const unpacked = run(packed, { maxOutputLength: Math.max(1, bytes) });
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

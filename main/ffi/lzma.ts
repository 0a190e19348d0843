import { koffi } from './koffi.ts';

/** Decompresses one .xz stream; null: damaged, or larger than the limit the caller gave. */
export type XzDecode = (compressed: Uint8Array, limitBytes: number) => Uint8Array | null;

const LIBRARY = 'liblzma.so.5';
/** lzma_ret (lzma/base.h). */
const LZMA_OK = 0;
const LZMA_BUF_ERROR = 10;
/** Memory the decoder may use: `xz -9` needs 65 MiB. */
const MEMORY_LIMIT_BYTES = 128n << 20n;

type StreamBufferDecode = (
  ...args: readonly [
    memoryLimit: Buffer,
    flags: number,
    allocator: null,
    input: Uint8Array,
    inputPosition: Buffer,
    inputSize: number,
    output: Uint8Array,
    outputPosition: Buffer,
    outputSize: number,
  ]
) => number;

/** Loads liblzma; null when the machine does not have it: mini debug information is then not read. */
export function loadXzDecode(): XzDecode | null {
  try {
    const decode = koffi()
      .load(LIBRARY)
      .func('lzma_stream_buffer_decode', 'uint32_t', [
        'void *',
        'uint32_t',
        'void *',
        'void *',
        'void *',
        'size_t',
        'void *',
        'void *',
        'size_t',
      ]) as unknown as StreamBufferDecode;
    return (compressed, limitBytes) => decodeGrowing(decode, compressed, limitBytes);
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}

/** The size of the result is not known before: starts at eight times the input and doubles. */
function decodeGrowing(
  decode: StreamBufferDecode,
  input: Uint8Array,
  limitBytes: number,
): Uint8Array | null {
  if (input.length === 0) return null;
  for (let size = Math.min(limitBytes, input.length * 8); ; size = Math.min(limitBytes, size * 2)) {
    const output = new Uint8Array(size);
    const memory = Buffer.alloc(8);
    memory.writeBigUInt64LE(MEMORY_LIMIT_BYTES);
    const inputPosition = Buffer.alloc(8);
    const outputPosition = Buffer.alloc(8);
    const status = decode(
      memory,
      0,
      null,
      input,
      inputPosition,
      input.length,
      output,
      outputPosition,
      size,
    );
    if (status === LZMA_OK) return output.subarray(0, Number(outputPosition.readBigUInt64LE()));
    if (status !== LZMA_BUF_ERROR || size >= limitBytes) return null;
  }
}
